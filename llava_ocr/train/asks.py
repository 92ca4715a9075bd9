"""What is asked of painted invoices: many schemas of the same content, each with labels and hints of its own.

A field's labels are drawn from all that the painter knows for it, in all languages: no list is learned by heart.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

from llava_ocr.prompts import fold
from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode, Node, RowsNode, code
from llava_ocr.synth.vocabulary import WORDING

TEXT, MONEY = Leaf(Kind.TEXT), Leaf(Kind.MONEY)
CURRENCY = code("[A-Z]{3}", checksum="currency")
COUNTRY = code("[A-Z]{2}", checksum="country")
IBAN = code("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", checksum="iban")

# Field: what it holds, the painter's word for its labels, hints.
HEAD = {
    "invoice_number": (TEXT, "invoice_number", ("The invoice's number", "Number of the invoice")),
    "issue_date": (Leaf(Kind.DATE), "issue_date", ("Date of the invoice", "Day the invoice was issued")),
    "due_date": (Leaf(Kind.DATE), "due_date", ("Day by which to pay", "Due date of payment")),
    "currency": (CURRENCY, "currency", ("Currency of the amounts", "Currency code or sign")),
    "net_total": (MONEY, "net_total", ("Total without tax", "Sum of the items without tax")),
    "tax_total": (MONEY, "tax_total", ("Amount of tax", "Total tax")),
    "grand_total": (MONEY, "grand_total", ("Total with tax", "Total amount of the invoice")),
    "due_amount": (MONEY, "due_amount", ("Amount to be paid", "What is left to pay")),
    "iban": (IBAN, "iban", ("Account to pay to", "IBAN of the seller's account")),
}
PARTY = {
    "name": (TEXT, "name", ("Company or person", "Name of the party")),
    "street": (TEXT, "street", ("Street and number", "Street with house number")),
    "postcode": (TEXT, "postcode", ("Postal code", "Postcode of the town")),
    "city": (TEXT, "city", ("Town", "City of the address")),
    "country": (COUNTRY, "country", ("Country of the address", "Country, code or name")),
    "vat_id": (TEXT, "vat_id", ("VAT identification number", "Tax identifier")),
}
ROW = {
    "description": (TEXT, "col_description", ("What was sold", "Name of the item")),
    "quantity": (Leaf(Kind.NUMBER), "col_quantity", ("How many", "Quantity billed")),
    "unit_price": (MONEY, "col_unit_price", ("Price of one", "Price a unit")),
    "line_total": (MONEY, "col_total", ("Amount of the line", "Quantity times price")),
}
PARTIES = {
    "seller": ("seller", ("Who sends the invoice", "Supplier")),
    "buyer": ("buyer", ("Who receives the invoice", "Customer")),
    "ship_to": ("ship_to", ("Where the goods go", "Delivery address")),
}


def invoice_tree(rng: random.Random) -> GroupNode:
    """Draw one way to ask for an invoice."""
    parties = [
        GroupNode(name, name, _hint(rng, concept, hints), tuple(_leaves(rng, PARTY, f"{name}.", hints)))
        for name, (concept, hints) in PARTIES.items()
    ]
    row = GroupNode("lines[]", "lines", Hint("The items"), tuple(_leaves(rng, ROW, "lines[].", ("",))))
    head = list(_leaves(rng, HEAD, "", ("",)))
    listed: list[Node] = [*head[:4], *parties, *head[4:], RowsNode("lines", "lines", Hint("The items", (), 60), row)]
    return GroupNode("", "invoice", Hint("An invoice"), tuple(listed))


def _leaves(
    rng: random.Random,
    table: Mapping[str, tuple[Leaf, str, tuple[str, ...]]],
    parent: str,
    owner: tuple[str, ...],
) -> Iterable[LeafNode]:
    for name, (leaf, concept, hints) in table.items():
        hint = _hint(rng, concept, hints)
        said = f"{rng.choice(owner)}: {hint.text}" if owner[0] and rng.random() < 0.3 else hint.text
        yield LeafNode(f"{parent}{name}", name, leaf, Hint(said, hint.labels))


def _hint(rng: random.Random, concept: str, hints: tuple[str, ...]) -> Hint:
    listed = (label for language in WORDING.values() for label in language.get(concept, []) if "{" not in label)
    known = list({fold(label): label for label in listed}.values())
    share = rng.choice((1.0, 0.8, 0.5, 0.0))
    return Hint(rng.choice(hints), tuple(label for label in known if rng.random() < share))
