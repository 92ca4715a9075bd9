"""Receipts from tills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from llava_ocr.records import Finding
from llava_ocr.schema import Check, Date, DocumentSchema, Money, Text, read, rows
from schemas.parts import Item, rows_multiply, rows_sum


def lines_add_up(receipt: Receipt) -> Iterator[Finding]:
    """The lines should make the total."""
    yield from rows_sum(receipt.lines, {"total": receipt.total})
    yield from rows_multiply(receipt.lines)


class Receipt(DocumentSchema):
    """A shop's receipt."""

    checks: ClassVar[tuple[Check, ...]] = (lines_add_up,)
    business_key: ClassVar[tuple[str, ...]] = ("merchant_name", "date", "total")

    merchant_name: Text | None = read("Name of the shop, usually near the top")
    merchant_address: Text | None = read("Address of the shop, usually below its name")
    date: Date | None = read("Day of the purchase", labels=("Date", "Invoice Date", "Datum", "Le"))
    total: Money | None = read(
        "Amount to pay",
        labels=(
            "Total",
            "Grand Total",
            "Total Amount",
            "Nett Total",
            "Amount Due",
            "Rounded Total",
            "Summe",
            "Gesamtbetrag",
            "Zu zahlen",
            "Total TTC",
            "À payer",
        ),
    )
    lines: list[Item] = rows("What was bought", max_rows=60)
