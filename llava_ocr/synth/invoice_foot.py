"""What follows an invoice's totals: payment, notes, greetings, and the footer with the issuer's legal data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from llava_ocr.synth.blocks import Frame, Line, Pair, put_lines
from llava_ocr.synth.canvas import Canvas, Ink, wrap
from llava_ocr.synth.codes import make_reference
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.look import Look
from llava_ocr.synth.phrases import Phrase, fill_in, join, tokens
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance, weighted
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
    template = speech.rng.choice(WORDING[speech.style.language][concept])
    return fill_in(template, _holes(speech, invoice, template))


def _holes(speech: Speech, invoice: Invoice, template: str) -> dict[str, Phrase]:
    """Say what a sentence's holes hold; only those in the template are said, so that nothing else counts as printed."""
    rng, seller, dates = speech.rng, invoice.seller, invoice.dates
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
        "date": (speech.style.day(dates[rng.choice(("early", "delivery_date", "next", "order_date"))]),),
        "date2": (speech.style.day(dates["period_end"]),),
        "amount": (speech.style.amount(to_cents(invoice.totals.grand * Decimal(rng.randint(2, 90)) / 100)),),
    }
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
    sentences = [
        concept
        for concept, share in (("payment_due", 0.35), ("payment_terms", 0.4), ("payment_iban", 0.2))
        if chance(rng, share)
    ]
    heading = speech.label("payment") if chance(rng, 0.3) else ""
    if sentences:
        sections.append(Section(heading, [(say_closing(speech, invoice, concept), look.body) for concept in sentences]))
    if chance(rng, 0.3):
        sections.append(
            Section(
                speech.label("payment") if chance(rng, 0.5) else "",
                pairs=_bank_pairs(speech, invoice),
                shape=rng.choice(("colon", "columns", "strip", "above")),
                share=rng.uniform(0.5, 1.0),
            )
        )
    if chance(rng, 0.5):
        count = rng.randint(1, 4)
        ink = look.small if chance(rng, 0.5) else look.body
        lines = [(say_closing(speech, invoice, "notes"), ink) for _ in range(count)]
        sections.append(Section(speech.label("info") if chance(rng, 0.4) else "", lines, share=rng.uniform(0.5, 1.0)))
    if chance(rng, 0.4):
        lines = [(say_closing(speech, invoice, "closing"), look.body)]
        if chance(rng, 0.3):
            lines += [((), look.body), ((invoice.contact,), look.body)]
        sections.append(Section("", lines))
    if chance(rng, 0.25):
        rng.shuffle(sections)
    return sections


def _bank_pairs(speech: Speech, invoice: Invoice) -> list[Pair]:
    rng, seller = speech.rng, invoice.seller
    pairs: list[Pair] = [(speech.label("iban"), speech.iban(seller.iban, "iban"))]
    if chance(rng, 0.7):
        pairs.append((speech.label("bic"), (seller.bic,)))
    if chance(rng, 0.6):
        pairs.insert(0, (speech.label("bank"), (seller.bank,)))
    if chance(rng, 0.3):
        pairs.insert(0, (speech.label("due_date"), speech.day(invoice.due, "due_date")))
    if chance(rng, 0.25):
        pairs.append((speech.label("reference"), speech.text(invoice.number, "invoice_number")))
    return pairs


def put_footers(canvas: Canvas, speech: Speech, invoice: Invoice) -> None:
    """Put the footer and the page number on every page."""
    look, rng = speech.look, speech.rng
    kind = weighted(rng, [("columns", 0.42), ("centered", 0.25), ("none", 0.33)])
    numbered = weighted(rng, [("always", 0.4), ("many", 0.3), ("never", 0.3)])
    place = rng.choice((0.0, 0.5, 1.0, 1.0))
    at_top, first_only, has_rule = chance(rng, 0.1), chance(rng, 0.2), chance(rng, 0.5)
    template = speech.label("page")
    phrases = _legal(speech, invoice) if kind != "none" else []
    num_columns = rng.randint(2, 4)
    for page in range(canvas.num_pages):
        canvas.turn_to(page)
        if not (first_only and page):
            _footer(canvas, look, phrases, num_columns=num_columns if kind == "columns" else 1, has_rule=has_rule)
        if numbered == "always" or (numbered == "many" and canvas.num_pages > 1):
            text = template.replace("{p}", str(page + 1)).replace("{n}", str(canvas.num_pages))
            x = look.left + look.inner_width * place
            canvas.text(x, look.top * 0.6 if at_top else look.height - 14, (text,), look.small, align=place)


def _footer(canvas: Canvas, look: Look, phrases: list[Phrase], *, num_columns: int, has_rule: bool) -> None:
    if not phrases:
        return
    top = look.height - look.bottom + 4
    if has_rule:
        canvas.rule(look.left, top - 3, look.width - look.right, top - 3, width=0.4, color=look.accent)
    width = look.inner_width / num_columns
    per = -(-len(phrases) // num_columns)
    columns = [phrases[column * per : (column + 1) * per] for column in range(num_columns)]
    if num_columns == 1:
        columns = [[join(phrases, " · ")]]
    ink = _small_enough(columns, look, width=width - 6, height=look.height - top - 12)
    for number, column in enumerate(columns):
        frame = Frame(look.left + number * width, top, width - 6)
        put_lines(canvas, frame, [(phrase, ink) for phrase in column], look, align=0.5 if num_columns == 1 else 0.0)


def _small_enough(columns: list[list[Phrase]], look: Look, *, width: float, height: float) -> Ink:
    """Shrink the small print until the footer ends above the paper's edge."""
    ink = look.small
    while ink.size > 4:
        num_lines = max(sum(len(wrap(tokens(phrase), ink, width=width)) for phrase in column) for column in columns)
        if num_lines * ink.size * look.leading <= height:
            break
        ink = replace(ink, size=ink.size * 0.93)
    return ink


def _legal(speech: Speech, invoice: Invoice) -> list[Phrase]:
    rng, seller = speech.rng, invoice.seller
    phrases: list[Phrase] = []
    if chance(rng, 0.8):
        phrases.append(speech.text(seller.name, "seller.name"))
    if chance(rng, 0.5):
        phrases.append(speech.text(seller.street, "seller.street"))
        phrases.append(
            (*speech.text(seller.postcode, "seller.postcode"), " ", *speech.text(seller.city, "seller.city"))
        )
    templates = [t for t in WORDING[speech.style.language]["legal"] if chance(rng, 0.55)]
    for template in templates:
        holes = _holes(speech, invoice, template)
        if all(holes.get(name) for name in ("vat",) if "{vat}" in template):
            phrases.append(fill_in(template, holes))
    if chance(rng, 0.2):
        phrases.append((make_reference(rng, invoice.issued.year),))
    return phrases
