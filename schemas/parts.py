"""Groups of fields and checks that several document types share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from llava_ocr.grounding.codes import compact, is_iban
from llava_ocr.prompts import fold
from llava_ocr.records import Finding
from llava_ocr.schema import Country, DocumentPart, Money, Number, Text, Vat, read

# Printed amounts are rounded once per line and once per tax rate.
ROUNDING = Decimal("0.02")

# What EN 16931 calls the fields of the seller and of the buyer.
SELLER_TERMS = {
    "name": "BT-27",
    "vat_id": "BT-31",
    "street": "BT-35",
    "city": "BT-37",
    "postcode": "BT-38",
    "country": "BT-40",
}
BUYER_TERMS = {
    "name": "BT-44",
    "vat_id": "BT-48",
    "street": "BT-50",
    "city": "BT-52",
    "postcode": "BT-53",
    "country": "BT-55",
}


class Party(DocumentPart):
    """A company or person with an address."""

    name: Text | None = read(
        "Name of the company or person",
        labels=("Name", "Company", "Firma", "Société", "Raison sociale"),
    )
    vat_id: Vat | None = read(
        "VAT identification number",
        labels=(
            "VAT ID",
            "VAT No",
            "VAT Reg No",
            "USt-IdNr",
            "USt-ID",
            "Umsatzsteuer-ID",
            "UID",
            "N° TVA",
            "TVA intra",
        ),
    )
    street: Text | None = read(
        "Street and house number", labels=("Street", "Address", "Straße", "Anschrift", "Adresse")
    )
    postcode: Text | None = read("Postal code", labels=("Postcode", "ZIP", "PLZ", "Code postal"))
    city: Text | None = read("Town", labels=("City", "Town", "Ort", "Ville"))
    country: Country | None = read("Country", labels=("Country", "Land", "Pays"))


class Item(DocumentPart):
    """One line of an invoice or receipt."""

    description: Text | None = read(
        "What was sold",
        labels=("Description", "Item", "Article", "Bezeichnung", "Beschreibung", "Artikel", "Désignation"),
    )
    quantity: Number | None = read("How many", labels=("Qty", "Quantity", "Menge", "Anzahl", "Qté", "Quantité"))
    unit_price: Money | None = read(
        "Price of one",
        labels=(
            "Unit price",
            "Price",
            "Rate",
            "Einzelpreis",
            "Preis",
            "E-Preis",
            "Nettopreis",
            "Prix unitaire",
            "P.U.",
        ),
    )
    line_total: Money | None = read(
        "Price of the line",
        labels=("Amount", "Total", "Line total", "Gesamtpreis", "Betrag", "Gesamt", "Nettobetrag", "Montant"),
    )


def near(a: Decimal, b: Decimal) -> bool:
    """Whether two amounts are equal but for rounding."""
    return abs(a - b) <= ROUNDING


def iban_checksum(iban: str | None) -> Iterator[Finding]:
    """An IBAN carries its own checksum."""
    if iban and not is_iban(iban):
        yield Finding("iban", "the checksum of the IBAN is wrong", ("iban",))


def two_parties(parties: Mapping[str, Party], number: str | None, *, number_path: str) -> Iterator[Finding]:
    """Two parties, by path, are not the same one, and no VAT id is the document's number."""
    (one, first), (other, second) = parties.items()
    if first.name and second.name and fold(first.name) == fold(second.name):
        yield Finding("same_party", f"{one} and {other} have the same name", (f"{one}.name", f"{other}.name"))
    if first.vat_id and first.vat_id == second.vat_id:
        yield Finding("same_vat", f"{one} and {other} have the same VAT id", (f"{one}.vat_id", f"{other}.vat_id"))
    places = [(fold(party.street or ""), fold(party.postcode or "")) for party in (first, second)]
    if all(places[0]) and places[0] == places[1]:
        paths = tuple(f"{path}.{name}" for path in parties for name in ("street", "postcode"))
        yield Finding("same_address", f"{one} and {other} have the same address", paths)
    for path, party in parties.items():
        if number and party.vat_id and compact(number) in (party.vat_id, party.vat_id[2:]):
            yield Finding(
                "vat_is_number", f"the VAT id of the {path} is the document's number", (number_path, f"{path}.vat_id")
            )


def rows_multiply(lines: list[Item]) -> Iterator[Finding]:
    """Quantity times unit price should be the line's total."""
    for index, line in enumerate(lines):
        if line.quantity is None or line.unit_price is None or line.line_total is None:
            continue
        if not near(line.quantity * line.unit_price, line.line_total):
            paths = tuple(f"lines[{index}].{name}" for name in ("quantity", "unit_price", "line_total"))
            yield Finding("line_product", f"line {index + 1}: quantity x unit price is not its total", paths)


def rows_sum(lines: list[Item], totals: dict[str, Decimal | None]) -> Iterator[Finding]:
    """The lines should add up to one of the totals."""
    amounts = [line.line_total for line in lines]
    known = {path: total for path, total in totals.items() if total is not None}
    if not amounts or not known or any(amount is None for amount in amounts):
        return
    total = sum((amount for amount in amounts if amount is not None), Decimal(0))
    # Each line was rounded by itself.
    slack = ROUNDING + Decimal("0.005") * len(amounts)
    if not any(abs(total - wanted) <= slack for wanted in known.values()):
        yield Finding("lines_sum", f"the {len(amounts)} lines do not add up to a total", ("lines", *known))
