"""What follows an invoice's totals: payment, notes, greetings, and the footer with the issuer's legal data."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from llava_ocr.synth.blocks import Line, Pair
from llava_ocr.synth.codes import IBAN_SHAPES, fill
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.phrases import Phrase, fill_in
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance
from llava_ocr.synth.vocabulary import WORDING


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with lines or pairs; `share` of the page's width."""

    heading: str = ""
    lines: list[Line] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    shape: str = "colon"
    share: float = 1.0


def say_closing(speech: Speech, invoice: Invoice, concept: str) -> Phrase:
    """Say one of a concept's sentences, its holes filled."""
    return say(speech, invoice, speech.rng.choice(WORDING[speech.style.language][concept]))


def say_note(speech: Speech, invoice: Invoice) -> Phrase:
    """Say one of the notes that issuers add."""
    return say_closing(speech, invoice, "notes")


def say(speech: Speech, invoice: Invoice, template: str) -> Phrase:
    """Say a sentence, its holes filled."""
    return fill_in(template, _holes(speech, invoice, template))


def _holes(speech: Speech, invoice: Invoice, template: str) -> dict[str, Phrase]:
    """Say what a sentence's holes hold; only those in the template are said, so that nothing else counts as printed."""
    rng, seller, dates = speech.rng, invoice.seller, invoice.dates
    which = (
        "early"
        if "{less}" in template
        else "period_start"
        if "{date2}" in template
        else rng.choice(("early", "delivery_date", "next", "order_date"))
    )
    said: dict[str, Phrase] = {
        "name": (invoice.contact,),
        "last": (invoice.buyer.person.split()[-1],),
        "name2": (seller.person,),
        "phone": (seller.phone,),
        "email": (seller.email,),
        "web": (seller.web,),
        "bank": (seller.bank,),
        "bic": (seller.bic,),
        "register": (seller.register,),
        "taxno": (seller.tax_number,),
        "ref": (invoice.references["order_number"],),
        "p": ("2",),
        "date": (speech.style.day(dates[which]),),
        "date2": (speech.style.day(dates["period_end"]),),
        "amount": (speech.style.amount(to_cents(invoice.totals.grand * Decimal(rng.randint(2, 90)) / 100)),),
    }
    if "{less}" in template:
        said["less"] = (speech.style.amount(to_cents(invoice.totals.due * 98 / 100)),)
    if "{due}" in template:
        said["due"] = speech.day(invoice.due, "due_date")
    if "{number}" in template:
        said["number"] = speech.text(invoice.number, "invoice_number")
    if "{seller}" in template:
        said["seller"] = speech.text(seller.name, "seller.name")
    if "{street}" in template:
        said["street"] = speech.text(seller.street, "seller.street")
    if "{city}" in template:
        said["city"] = speech.text(seller.city, "seller.city")
    if "{iban}" in template:
        said["iban"] = speech.iban(seller.iban, "iban")
    if "{vat}" in template:
        said["vat"] = speech.vat_id(seller.vat_id, "seller.vat_id")
    if "{currency}" in template:
        said["currency"] = speech.currency(speech.market.currency)
    return said


def say_payment(speech: Speech, invoice: Invoice) -> list[Section]:
    """Say how and when to pay, notes and greetings, in an order of the document's own."""
    rng, look = speech.rng, speech.look
    sections: list[Section] = []
    shares = (("payment_due", 0.35), ("payment_terms", 0.4), ("payment_iban", 0.2 if has_iban(invoice) else 0.0))
    sentences = [concept for concept, share in shares if chance(rng, share)]
    if speech.shows("prompt payment discount", 0.1):
        sentences.insert(0, "skonto")
    heading = speech.label("payment") if chance(rng, 0.3) else ""
    if sentences:
        sections.append(Section(heading, [(say_closing(speech, invoice, concept), look.body) for concept in sentences]))
    if chance(rng, 0.3):
        sections.append(
            Section(
                speech.label("payment") if chance(rng, 0.5) else "",
                pairs=say_bank(speech, invoice),
                shape=rng.choice(("colon", "columns", "strip", "above")),
                share=rng.uniform(0.5, 1.0),
            )
        )
    if chance(rng, 0.5):
        ink = look.small if chance(rng, 0.5) else look.body
        templates = rng.sample(WORDING[speech.style.language]["notes"], rng.randint(1, 4))
        lines = [(say(speech, invoice, template), ink) for template in templates]
        sections.append(Section(speech.label("info") if chance(rng, 0.4) else "", lines, share=rng.uniform(0.5, 1.0)))
    if chance(rng, 0.4):
        lines = [(say_closing(speech, invoice, "closing"), look.body)]
        if chance(rng, 0.3):
            lines += [((), look.body), ((invoice.contact,), look.body)]
        sections.append(Section("", lines))
    if chance(rng, 0.25):
        rng.shuffle(sections)
    return sections


def say_conditions(speech: Speech) -> list[list[Line]]:
    """Say a page of small print in two columns, as issuers append their terms; nothing of it is a value asked for."""
    rng, wording = speech.rng, WORDING[speech.style.language]
    pool = [text for concept in ("notes", "payment_terms", "closing") for text in wording[concept] if "{" not in text]
    columns: list[list[Line]] = []
    for column in range(2):
        lines: list[Line] = []
        for clause in range(rng.randint(3, 7)):
            text = " ".join(rng.choice(pool) for _ in range(rng.randint(2, 6)))
            lines += [((f"{clause + 1 + column * 7}. {text}",), speech.look.small), ((), speech.look.small)]
        columns.append(lines)
    return columns


def has_iban(invoice: Invoice) -> bool:
    """Whether the issuer's bank has IBANs, as European ones have."""
    return invoice.market.country in IBAN_SHAPES


def say_bank(speech: Speech, invoice: Invoice) -> list[Pair]:
    """Say the account to pay to, and what to pay by when."""
    rng, seller = speech.rng, invoice.seller
    if has_iban(invoice):
        pairs: list[Pair] = [(speech.label("iban"), speech.iban(seller.iban, "iban"))]
        if chance(rng, 0.7):
            pairs.append((speech.label("bic"), (seller.bic,)))
    else:
        pairs = [
            (speech.label("account"), (fill(rng, "########"),)),
            (speech.label("routing"), (fill(rng, "##-##-##"),)),
        ]
    if chance(rng, 0.6):
        pairs.insert(0, (speech.label("bank"), (seller.bank,)))
    if chance(rng, 0.3):
        pairs.insert(0, (speech.label("due_date"), speech.day(invoice.due, "due_date")))
    if chance(rng, 0.25):
        pairs.append((speech.label("reference"), speech.text(invoice.number, "invoice_number")))
    return pairs
