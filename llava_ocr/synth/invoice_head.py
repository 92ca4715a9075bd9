"""The blocks above an invoice's items: issuer, recipient, numbers and dates, title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llava_ocr.synth.blocks import Line, Pair
from llava_ocr.synth.canvas import Ink
from llava_ocr.synth.codes import fill
from llava_ocr.synth.conventions import SIGNS
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.look import pick_some
from llava_ocr.synth.parties import Party
from llava_ocr.synth.phrases import Phrase, fill_in
from llava_ocr.synth.sayings import AddressStyle, Speech, one_line, say_address
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import WORDING


@dataclass(frozen=True, slots=True)
class Cell:
    """A block in a row of blocks: `share` of the row's width, a block's name, and how it is aligned."""

    share: float
    block: str
    align: float = 0.0


def head_rows(speech: Speech, skeleton: str) -> list[list[Cell]]:
    """Arrange the blocks above the items for one skeleton; every call draws another arrangement."""
    rng = speech.rng
    if skeleton == "letter":
        return _letter(speech)
    if skeleton == "sidebar":
        return [[Cell(1.0, "window")], [Cell(1.0, "subject")], *([[Cell(1.0, "meta")]] if chance(rng, 0.7) else [])]
    if skeleton == "boxes":
        parties = [Cell(0.5, "seller_labelled"), Cell(0.5, "buyer_labelled")]
        rows = [[Cell(0.5, "title"), Cell(0.5, "meta")], parties if chance(rng, 0.8) else parties[::-1]]
        return rows if chance(rng, 0.5) else [*rows, [Cell(0.5, "more_meta"), Cell(0.5, "ship_to")]]
    if skeleton == "dump":
        order = [rng.choice(("title", "subject")), "meta", "seller_pairs", "buyer_pairs"]
        if chance(rng, 0.3):
            order = [order[0], "seller_pairs", "buyer_pairs", "meta"]
        if chance(rng, 0.4):
            order.append("ship_to_pairs")
        return [[Cell(1.0, name)] for name in order]
    if skeleton == "plain":
        names = ["seller", rng.choice(("title", "subject")), "buyer_labelled", "meta"]
        rng.shuffle(names)
        return [[Cell(1.0, name)] for name in names]
    return _columns(speech)


def _letter(speech: Speech) -> list[list[Cell]]:
    """Letterhead, window, a place-and-day line or a block of numbers beside it, subject."""
    rng = speech.rng
    top = [Cell(0.5, "logo"), Cell(0.5, "seller", rng.choice((0.0, 1.0)))]
    shape = weighted(rng, [("two", 0.45), ("turned", 0.2), ("center", 0.18), ("logo_only", 0.17)])
    first = {
        "two": top,
        "turned": top[::-1],
        "center": [Cell(1.0, "seller_center", 0.5)],
        # Many letters name their sender in the small line and the footer alone.
        "logo_only": [Cell(1.0, "logo", rng.choice((0.0, 0.5, 1.0)))],
    }[shape]
    right = Cell(0.45, rng.choice(("meta", "meta", "seller_contact", "seller_column")))
    if right.block == "seller_column":
        first = [Cell(1.0, "logo", rng.choice((0.0, 1.0)))]
    rows = [[Cell(0.5, "date_only"), Cell(0.5, "logo", 1.0)]] if speech.shows("date alone", 0.06) else []
    rows.append(first)
    window = Cell(0.55, "window")
    if speech.shows("reference row", 0.18):
        # The old German form: a row of labels under the window, the values beneath them.
        beside = "seller_contact" if right.block == "meta" else right.block
        return [*rows, [window, Cell(0.45, beside)], [Cell(1.0, "reference_row")], [Cell(1.0, "subject")]]
    if speech.shows("recipient at the right", 0.22 if speech.market.country in ("FR", "CH", "BE") else 0.06):
        rows.append([Cell(0.55, right.block), Cell(0.45, "window")])
    else:
        rows.append([window, right])
    if chance(rng, 0.25):
        rows.append([Cell(1.0, "place_and_day", rng.choice((0.0, 1.0, 1.0)))])
    rows.append([Cell(1.0, "subject")])
    return rows if right.block == "meta" else [*rows, [Cell(1.0, "meta")]]


def _columns(speech: Speech) -> list[list[Cell]]:
    """Title and issuer in opposite corners, then two or three columns in any order."""
    rng = speech.rng
    share = rng.uniform(0.4, 0.6)
    align = weighted(rng, [(1.0, 0.6), (0.0, 0.4)])
    corner = weighted(rng, [("title", 0.5), ("title_meta", 0.3), ("logo", 0.2)])
    top = [Cell(share, "seller"), Cell(1 - share, corner, align)]
    if chance(rng, 0.4):
        top = [Cell(share, corner), Cell(1 - share, "seller", align)]
    second = ["buyer_labelled"]
    if corner != "title_meta":
        second.append("meta")
    if chance(rng, 0.3):
        second.insert(1, "ship_to")
    if chance(rng, 0.3):
        rng.shuffle(second)
    rows = [top, [Cell(1 / len(second), name) for name in second]]
    if corner == "logo":
        rows.insert(rng.choice((1, 2)), [Cell(1.0, "title", rng.choice((0.0, 0.0, 0.5, 1.0)))])
    if chance(rng, 0.2) and corner != "title_meta":
        rows.append([Cell(1.0, "more_meta")])
    return rows


def say_meta(speech: Speech, invoice: Invoice, *, said_before: frozenset[str] = frozenset()) -> list[Pair]:
    """Say number and dates as pairs, with other numbers and dates that are not asked for.

    What was `said_before` (in the subject line) is said again only now and then.
    """
    rng, refs, dates = speech.rng, invoice.references, invoice.dates
    period = (f"{speech.style.day(dates['period_start'])} - {speech.style.day(dates['period_end'])}",)
    said: dict[str, Phrase] = {
        "invoice_number": speech.text(invoice.number, "invoice_number"),
        "issue_date": speech.day(invoice.issued, "issue_date"),
        "customer_number": (refs["customer_number"],),
        "order_number": (refs["order_number"],),
        "order_date": (speech.style.day(dates["order_date"]),),
        "delivery_note": (refs["delivery_note"],),
        "delivery_date": (speech.style.day(dates["delivery_date"]),),
        "period": period,
        "reference": (refs["reference"],),
        "contact": (invoice.contact,),
        "terms": (rng.choice(_values(speech, "terms_value")),),
        "account_number": (fill(rng, rng.choice(("##########", "####.####", "### ### ###"))),),
        "your_sign": (fill(rng, rng.choice(("??/??", "??-##", "?? ####"))).lower(),),
        "our_sign": (fill(rng, rng.choice(("??/??", "??-##", "?? ####"))),),
        "your_vat": speech.vat_id(invoice.buyer.vat_id, "buyer.vat_id"),
        "our_vat": speech.vat_id(invoice.seller.vat_id, "seller.vat_id"),
    }
    shares = [
        ("invoice_number", 0.4 if "invoice_number" in said_before else 1.0),
        ("issue_date", 0.4 if "issue_date" in said_before else 1.0),
        ("customer_number", 0.42),
        ("order_number", 0.32),
        ("order_date", 0.16),
        ("delivery_note", 0.12),
        ("delivery_date", 0.25),
        ("period", 0.1),
        ("reference", 0.22),
        ("contact", 0.22),
        ("terms", 0.2),
        ("account_number", 0.06),
        ("your_sign", 0.06),
        ("our_sign", 0.06),
        ("your_vat", 0.09),
        ("our_vat", 0.05),
    ]
    names = [name for name in pick_some(rng, shares) if said[name]]
    if "your_vat" in names:
        speech.patterns.add("recipient's tax number")
    if chance(rng, 0.2):
        rng.shuffle(names)
    pairs = [(speech.label(name), said[name]) for name in names]
    if chance(rng, 0.42):
        pairs.insert(
            rng.randint(min(1, len(pairs)), len(pairs)), (speech.label("due_date"), speech.day(invoice.due, "due_date"))
        )
    if chance(rng, 0.16):
        mark = speech.market.currency if chance(rng, 0.8) else SIGNS[speech.market.currency]
        pairs.insert(rng.randint(0, len(pairs)), (speech.label("currency"), speech.currency(mark)))
    if chance(rng, 0.1):
        pairs.append((speech.label("shipping"), (rng.choice(_values(speech, "shipping_value")),)))
    if chance(rng, 0.08):
        pairs.append((speech.label("due_amount"), speech.amount(invoice.totals.due, "due_amount")))
    return pairs


def say_more_meta(speech: Speech, invoice: Invoice) -> list[Pair]:
    """Say numbers that have nothing to do with what is asked."""
    said = [
        (name, (invoice.references[name],))
        for name in ("order_number", "customer_number", "delivery_note", "reference")
    ]
    said += [(name, (speech.style.day(invoice.dates[name]),)) for name in ("order_date", "delivery_date")]
    speech.rng.shuffle(said)
    return [(speech.label(name), phrase) for name, phrase in said[: speech.rng.randint(1, 5)]]


def _values(speech: Speech, concept: str) -> list[str]:
    return WORDING[speech.style.language][concept]


def say_party(speech: Speech, party: Party, role: str, address: AddressStyle, *, name_ink: Ink) -> list[Line]:
    """Say a party's name and address, one line each."""
    body = speech.look.body
    lines: list[Line] = [(speech.text(party.name, f"{role}.name"), name_ink)]
    return lines + [(phrase, body) for phrase in say_address(speech, party, role, address)]


def say_contact(speech: Speech, party: Party, role: str, *, shares: Sequence[tuple[str, float]]) -> list[Pair]:
    """Say phone, mail, identifiers and so on, each as often as its share says."""
    said: dict[str, Phrase] = {
        "phone": (party.phone,),
        "fax": (party.fax,),
        "email": (party.email,),
        "web": (party.web,),
        "gln": (party.gln,),
        "tax_number": (party.tax_number,),
        "register": (party.register,),
        "manager": (party.person,),
        "bank": (party.bank,),
        "bic": (party.bic,),
    }
    names = pick_some(speech.rng, shares)
    pairs = []
    for name in names:
        if name == "vat_id":
            phrase = speech.vat_id(party.vat_id, f"{role}.vat_id")
        elif name == "iban":
            phrase = speech.iban(party.iban, "iban") if role == "seller" else ()
        else:
            phrase = said[name]
        if phrase:
            pairs.append((speech.label(name), phrase))
    return pairs


def say_party_pairs(speech: Speech, party: Party, role: str, address: AddressStyle) -> list[Pair]:
    """Say a party as labelled values, as forms and visualised e-invoices do."""
    rng = speech.rng
    pairs: list[Pair] = [(speech.label("name"), speech.text(party.name, f"{role}.name"))]
    if chance(rng, 0.5):
        pairs.insert(
            rng.choice((0, 1)), (speech.label("gln"), (f"{party.gln} (GLN)" if chance(rng, 0.4) else party.gln,))
        )
    if chance(rng, 0.6):
        lines = say_address(speech, party, role, address)
        pairs.append((speech.label("address"), lines[0]))
        pairs += [("", line) for line in lines[1:]]
    else:
        pairs += [
            (speech.label("street"), speech.text(party.street, f"{role}.street")),
            (speech.label("postcode"), speech.text(party.postcode, f"{role}.postcode")),
            (speech.label("city"), speech.text(party.city, f"{role}.city")),
        ]
        if chance(rng, 0.6):
            pairs.append((speech.label("country"), speech._said(party.country, party.country, f"{role}.country")))
    shares = [("phone", 0.4), ("email", 0.4), ("tax_number", 0.3), ("vat_id", 0.7), ("register", 0.2)]
    return pairs + say_contact(speech, party, role, shares=shares)


def say_sender_line(speech: Speech, party: Party, address: AddressStyle) -> Phrase:
    """Say the small line above a letter's window: name and address joined."""
    lines = [speech.text(party.name, "seller.name"), *say_address(speech, party, "seller", address)]
    return one_line(lines, address)


def say_subject(speech: Speech, invoice: Invoice, title: str) -> tuple[Phrase, frozenset[str]]:
    """Say the line above the items, maybe with number and date, and tell which of them are in it."""
    rng = speech.rng
    number = speech.text(invoice.number, "invoice_number")
    shape = weighted(rng, [("alone", 0.45), ("number", 0.35), ("both", 0.2)])
    if shape == "alone":
        return (title,), frozenset()
    sign = {
        "de": ("Nr. ", "Nr.: ", "", "Nr "),
        "fr": ("n° ", "N° ", "no ", ": "),
        "en": ("No. ", "# ", "#", "", "no. "),
    }
    phrase: Phrase = (f"{title} {rng.choice(sign[speech.style.language])}", *number)
    if shape == "both":
        of = {"de": (" vom ", " vom "), "fr": (" du ", " - "), "en": (" dated ", " of ", " - ")}
        phrase = (*phrase, rng.choice(of[speech.style.language]), *speech.day(invoice.issued, "issue_date"))
        return phrase, frozenset({"invoice_number", "issue_date"})
    return phrase, frozenset({"invoice_number"})


def say_place_and_day(speech: Speech, invoice: Invoice) -> Phrase:
    """Say where and when the letter was written, as letters do without a label."""
    template = speech.rng.choice(WORDING[speech.style.language]["place_date"])
    return fill_in(template, {"city": (invoice.seller.city,), "day": speech.day(invoice.issued, "issue_date")})
