"""Documents, records and outcomes for tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

from llava_ocr.geometry import Box
from llava_ocr.ledger.order import Order
from llava_ocr.records import (
    Document,
    DocumentOutcome,
    Evidence,
    FieldReading,
    FieldState,
    FieldValue,
    Finding,
    PageOutcome,
    PageState,
    Provenance,
    Record,
    WordReader,
)
from llava_ocr.schema import Date, DocumentPart, DocumentSchema, Money, Number, Text, group, read, rows
from llava_ocr.store.base import ObjectInfo

HUGE = Decimal("12345678901234.5678")


class Seller(DocumentPart):
    name: Text | None = read("Name")


class Item(DocumentPart):
    description: Text | None = read("What")
    quantity: Number | None = read("How many")
    line_total: Money | None = read("Amount")


class Bill(DocumentSchema):
    """A bill."""

    number: Text | None = read("Number")
    issue_date: Date | None = read("Date")
    seller: Seller = group(Seller, "Seller")
    total: Money | None = read("Total")
    lines: list[Item] = rows("Lines", max_rows=50)


ORDER = Order("folder", "bill", "schema-1", "scripted", "engine-1")
EVIDENCE = Evidence(0, (Box(0.1, 0.2, 0.3, 0.25), Box(0.1, 0.25, 0.2, 0.3)), WordReader.TEXT_LAYER, 1.0)


def document(name: str, content: str = "") -> Document:
    """A document of that content, or of its name's own."""
    return Document(hashlib.sha256((content or name).encode()).hexdigest(), f"mem://b/{name}", 1000, "application/pdf")


def info(name: str, etag: str = "e1") -> ObjectInfo:
    return ObjectInfo(f"mem://b/{name}", name, 1000, etag, datetime(2026, 1, 2, tzinfo=UTC))


def reading(path: str, value: FieldValue, text: str | None = None) -> FieldReading:
    if value is None:
        return FieldReading(path, FieldState.ABSENT)
    return FieldReading(path, FieldState.VALUE, text or str(value), value, 0.9, EVIDENCE)


def line(index: int, what: str, amount: str) -> tuple[FieldReading, ...]:
    path = f"lines[{index}]"
    return (
        reading(f"{path}.description", what),
        reading(f"{path}.quantity", Decimal(1)),
        reading(f"{path}.line_total", Decimal(amount)),
    )


def fields(number: str = "R-1", total: str = "12.50", lines: tuple[str, ...] = ("12.50",)) -> tuple[FieldReading, ...]:
    rows_ = [field for index, amount in enumerate(lines) for field in line(index, f"item {index}", amount)]
    return (
        reading("number", number),
        reading("issue_date", date(2026, 1, 31), "31.01.2026"),
        reading("seller.name", None),
        reading("total", Decimal(total)),
        *rows_,
    )


def record(
    of: Document, *, index: int = 0, engine: str = "engine-1", values: tuple[FieldReading, ...] | None = None
) -> Record:
    provenance = Provenance("schema-1", "scripted", engine, 100, 50, 20)
    finding = Finding("lines sum to total", "12.00 != 12.50", ("lines", "total"))
    return Record(of, "bill", index, {}, values or fields(), (finding,), provenance, needs_review=True)


def outcome(of: Document, *records: Record, num_pages: int = 1, failed: int = -1) -> DocumentOutcome:
    pages = tuple(
        PageOutcome(index, PageState.FAILED, "CorruptPage", "page can't be drawn")
        if index == failed
        else PageOutcome(index, PageState.OK, image_hash="ab", reader=WordReader.TEXT_LAYER)
        for index in range(num_pages)
    )
    return DocumentOutcome(of.uri, of, num_pages, pages, records, seconds={"raster": 0.25, "engine": 0.5})
