"""What an electronic invoice's viewer lists: registers of labels and values, raw codes and all."""

from __future__ import annotations

from dataclasses import dataclass

from llava_ocr.synth.bargain import Item
from llava_ocr.synth.blocks import Pair
from llava_ocr.synth.codes import fill, make_reference
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.invoice_foot import say_bank, say_closing, say_note
from llava_ocr.synth.invoice_head import say_party_pairs
from llava_ocr.synth.invoice_sums import say_sums
from llava_ocr.synth.parties import Party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import AddressStyle, Speech
from llava_ocr.synth.streams import chance
from llava_ocr.synth.table import Column, Row, Table, draw_table_style

# Business terms of EN 16931, by the part of the invoice and the concept that a label words.
BUSINESS_TERMS: dict[str, dict[str, str]] = {
    "invoice": {
        "invoice_number": "BT-1", "issue_date": "BT-2", "type_code": "BT-3", "currency": "BT-5", "due_date": "BT-9",
        "reference": "BT-12", "order_number": "BT-13", "delivery_note": "BT-16", "customer_number": "BT-10",
        "delivery_date": "BT-72", "period": "BT-73", "contact": "BT-41",
    },
    "seller": {
        "name": "BT-27", "party_number": "BT-29", "gln": "BT-29", "vat_id": "BT-31", "tax_number": "BT-32",
        "address": "BT-35", "street": "BT-35", "city": "BT-37", "postcode": "BT-38", "country": "BT-40",
        "contact": "BT-41", "phone": "BT-42", "email": "BT-43", "register": "BT-30",
    },
    "buyer": {
        "name": "BT-44", "party_number": "BT-46", "gln": "BT-46", "vat_id": "BT-48", "address": "BT-50",
        "street": "BT-50", "city": "BT-52", "postcode": "BT-53", "country": "BT-55", "contact": "BT-56",
        "phone": "BT-57", "email": "BT-58", "register": "BT-47",
    },
    "ship_to": {
        "name": "BT-70", "party_number": "BT-71", "address": "BT-75", "street": "BT-75", "city": "BT-77",
        "postcode": "BT-78", "country": "BT-80",
    },
    "totals": {
        "items_total": "BT-106", "discount": "BT-107", "charge": "BT-108", "net_total": "BT-109", "tax_total": "BT-110",
        "tax_rate": "BT-117", "grand_total": "BT-112", "prepaid": "BT-113", "due_amount": "BT-115",
    },
    "payment": {
        "payment_code": "BT-81", "reference": "BT-83", "iban": "BT-84", "bic": "BT-86", "bank": "BT-85",
        "terms": "BT-20", "due_date": "BT-9",
    },
    "item": {
        "item_card": "BT-126", "col_quantity": "BT-129", "col_unit": "BT-130", "col_total": "BT-131",
        "col_unit_price": "BT-146", "gross_price": "BT-148", "col_rate": "BT-152", "col_description": "BT-153",
        "col_article": "BT-155",
    },
    "remark": {"remark": "BT-22", "remark_code": "BT-21"},
}  # fmt: skip
STANDARDS = (
    "EN 16931",
    "Factur-X 1.0 EXTENDED",
    "ZUGFeRD 2.1 BASIC",
    "XRechnung 3.0",
    "UBL 2.1",
    "Peppol BIS 3",
    "CII D16B",
)
SPECIFICATIONS = ("urn:cen.eu:en16931:2017", "urn:cen.eu:en16931:2017#compliant#extended", "cen.eu:en16931:2017/basic")


@dataclass(frozen=True, slots=True)
class Register:
    """Labelled values under a heading. `part` names the part of the invoice, by which the values have their codes."""

    heading: str
    pairs: list[Pair]
    part: str


def business_term(speech: Speech, part: str, label: str) -> str:
    """Return the code that stands beside a label; empty where it has none."""
    codes = BUSINESS_TERMS.get(part, {})
    return next((code for concept, code in codes.items() if speech.look.labels.get(concept) == label), "")


def say_format(speech: Speech) -> Register:
    """Say what made the view: versions, standards and files; nothing of it is asked for."""
    rng = speech.rng
    said = [
        ("viewer_tool", f"{rng.randint(1, 4)}.{rng.randint(0, 12)}{rng.choice(('', '.1', ' (2024-02)', ' beta'))}"),
        ("viewer_standard", rng.choice(STANDARDS)),
        ("viewer_urn", rng.choice(SPECIFICATIONS)),
        ("viewer_file", f"{make_reference(rng, 2024).replace(' ', '_').replace('/', '-')}.xml"),
    ]
    return Register("", [(speech.label(name), (text,)) for name, text in said if chance(rng, 0.75)], "format")


def say_facts(speech: Speech, invoice: Invoice, *, said_before: frozenset[str]) -> Register:
    """Say numbers, dates and codes of the invoice as a whole."""
    rng, refs, days, style = speech.rng, invoice.references, invoice.dates, speech.style
    span = (f"{style.day(days['period_start'])} - {style.day(days['period_end'])}",)
    said: list[tuple[str, float, Phrase]] = [
        (
            "invoice_number",
            0.2 if "invoice_number" in said_before else 1.0,
            speech.text(invoice.number, "invoice_number"),
        ),
        ("issue_date", 0.2 if "issue_date" in said_before else 1.0, speech.day(invoice.issued, "issue_date")),
        ("type_code", 0.4, ("381" if invoice.is_credit else rng.choice(("380", "380", "326", "384", "875")),)),
        ("currency", 0.9, speech.currency(speech.market.currency)),
        ("due_date", 0.35, speech.day(invoice.due, "due_date")),
        ("delivery_date", 0.5, (style.day(days["delivery_date"]),)),
        ("period", 0.25, span),
        ("order_number", 0.5, (refs["order_number"],)),
        ("delivery_note", 0.3, (refs["delivery_note"],)),
        ("customer_number", 0.25, (refs["customer_number"],)),
        ("reference", 0.4, (refs["reference"],)),
        ("contact", 0.15, (invoice.contact,)),
    ]
    heading = speech.label("overview") if chance(rng, 0.5) else ""
    return Register(
        heading, [(speech.label(name), phrase) for name, share, phrase in said if chance(rng, share)], "invoice"
    )


def say_parties(speech: Speech, invoice: Invoice, address: AddressStyle) -> list[Register]:
    """Say the parties: issuer, recipient and, sometimes, others who are not asked for."""
    rng = speech.rng
    parties = [("seller", invoice.seller), ("buyer", invoice.buyer)]
    if chance(rng, 0.15):
        parties.reverse()
    if chance(rng, 0.4):
        parties.append(("ship_to", invoice.ship_to))
    return [Register(speech.label(role), _party_pairs(speech, party, role, address), role) for role, party in parties]


def _party_pairs(speech: Speech, party: Party, role: str, address: AddressStyle) -> list[Pair]:
    rng = speech.rng
    pairs = say_party_pairs(speech, party, role, address)
    if chance(rng, 0.4):
        pairs.insert(0, (speech.label("party_number"), (fill(rng, rng.choice(("######", "####", "GE#######"))),)))
    if chance(rng, 0.3):
        pairs.append((speech.label("contact"), (party.person,)))
    return pairs


def say_totals(speech: Speech, invoice: Invoice) -> Register:
    """Say all totals, zeros included."""
    sums = say_sums(speech, invoice, is_full=chance(speech.rng, 0.8))
    return Register(speech.label("summary"), [(line.label, line.phrase) for line in sums], "totals")


def say_settlement(speech: Speech, invoice: Invoice) -> Register:
    """Say how it is to be paid, in codes and words."""
    rng = speech.rng
    pairs: list[Pair] = [(speech.label("payment_code"), (rng.choice(("58", "30", "59", "57", "58 (SEPA)", "42")),))]
    if chance(rng, 0.7):
        pairs += say_bank(speech, invoice)
    if chance(rng, 0.6):
        pairs.append(
            (speech.label("terms"), say_closing(speech, invoice, rng.choice(("payment_due", "payment_terms"))))
        )
    return Register(speech.label("payment"), pairs, "payment")


def say_remarks(speech: Speech, invoice: Invoice) -> Register:
    """Say notes, each with the code of its kind; one may repeat the issuer's letterhead."""
    rng, pairs = speech.rng, list[Pair]()
    for _ in range(rng.randint(1, 3)):
        if chance(rng, 0.5):
            pairs.append(
                (speech.label("remark_code"), (rng.choice(("REG", "AAI", "SUR", "AAK", "ADU", "PMT", "TXD")),))
            )
        pairs.append((speech.label("remark"), say_note(speech, invoice)))
    if chance(rng, 0.4):
        seller = invoice.seller
        lines = (speech.text(seller.name, "seller.name"), (seller.person,), (seller.register,), (seller.phone,))
        pairs += [(speech.label("remark") if number == 0 else "", line) for number, line in enumerate(lines)]
    return Register(speech.label("info"), pairs, "remark")


def say_cards(speech: Speech, invoice: Invoice) -> list[Register]:
    """Say the items one below the other, each as labelled values."""
    return [_card(speech, item, number) for number, item in enumerate(invoice.items)]


def _card(speech: Speech, item: Item, number: int) -> Register:
    rng, path = speech.rng, f"lines[{number}]"
    head = f"{speech.label('item_card')} {number + 1}"
    said: dict[str, Phrase] = {
        "col_description": speech.text(item.description, f"{path}.description"),
        "col_article": (item.article,),
        "col_quantity": speech.number(item.quantity, f"{path}.quantity"),
        "col_unit": (item.unit,),
        "col_unit_price": speech.amount(item.unit_price, f"{path}.unit_price", bare=True),
        "col_rate": (f"{speech.style.number(item.rate)}%",),
        "col_total": speech.amount(item.total, f"{path}.line_total", bare=True),
    }
    rare = {"col_article", "col_rate"}
    return Register(
        head, [(speech.label(name), said[name]) for name in said if name not in rare or chance(rng, 0.6)], "item"
    )


def make_allowance_table(speech: Speech, invoice: Invoice) -> Table:
    """Lay out the discount and the charge on the whole, with the amounts that they are taken from."""
    totals, style = invoice.totals, speech.style
    rows = []
    for concept, amount in (("discount", -totals.discount), ("charge", totals.charge)):
        if not amount:
            continue
        share = f"{style.number(round(abs(amount) / totals.items * 100, 2))} %" if totals.items > 0 else ""
        cells: dict[str, Phrase] = {
            "reason": (speech.label(concept, p=""),),
            "percent": (share,) if concept == "discount" else (),
            "base": (style.amount(totals.items),),
            "amount": (style.amount(amount),),
        }
        rows.append(Row(cells))
    columns = (
        Column("reason", speech.label("reason"), 0.0, is_wide=True),
        Column("percent", speech.label("percent"), 1.0),
        Column("base", speech.label("tax_base"), 1.0),
        Column("amount", speech.label("col_total"), 1.0),
    )
    return Table(columns, tuple(rows), draw_table_style(speech.rng), speech.look)
