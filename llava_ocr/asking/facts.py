"""What mere rules make of a document, for captions that no model writes: its type, parties, dates, sums. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from llava_ocr.asking.papers import likeliest_type
from llava_ocr.asking.tables import find_tables
from llava_ocr.engines.base import Completion, StopReason
from llava_ocr.grounding.read import AnsweredPage, read_record
from llava_ocr.records import FieldReading, FieldState, WordReader
from llava_ocr.rulebook.answer import answer_by_rules
from llava_ocr.schema import DocumentSchema, GroupNode, RowsNode, schema_name, tree
from llava_ocr.words.layout import Layout

# Where schemas keep what a caption says.
_FROM = ("seller.name", "supplier.name", "merchant_name", "bank_name")
_TO = ("buyer.name", "account_holder", "name")
_NUMBER = ("invoice_number", "order_number")
_DATE = ("issue_date", "order_date", "date", "period_end", "date_signed")
_TOTAL = ("grand_total", "due_amount", "total", "closing_balance")


@dataclass(frozen=True)
class Facts:
    """What a caption may say. All but the counts may be missing."""

    kind: str
    num_pages: int
    num_tables: int
    number: str = ""
    sender: str = ""
    receiver: str = ""
    day: date | None = None
    total: Decimal | None = None
    currency: str = ""

    @property
    def is_bare(self) -> bool:
        """Whether nothing but counts is known."""
        return not (self.kind or self.number or self.sender or self.receiver or self.day or self.total is not None)


def facts_of(layouts: Mapping[int, Layout], types: Sequence[type[DocumentSchema]], *, num_pages: int) -> Facts:
    """Read a document's pages by the rulebook."""
    num_tables = sum(len(find_tables(layout)) for layout in layouts.values())
    kind = likeliest_type(layouts.values(), types)
    if kind is None:
        return Facts("", num_pages, num_tables)
    found = {reading.path: reading for reading in _readings(layouts, kind) if reading.state is FieldState.VALUE}
    total, day = _first(found, _TOTAL), _first(found, _DATE)
    return Facts(
        schema_name(kind).replace("_", " "),
        num_pages,
        num_tables,
        number=_text(found, _NUMBER),
        sender=_text(found, _FROM),
        receiver=_text(found, _TO),
        day=day.value if day and isinstance(day.value, date) else None,
        total=total.value if total and isinstance(total.value, Decimal) else None,
        currency=_text(found, ("currency",)),
    )


def read_lists(root: GroupNode, layout: Layout) -> list[tuple[tuple[str, ...], tuple[tuple[str | None, ...], ...]]]:
    """The rows that the rulebook reads of each list of a document type: the names of its columns, then the cells, as
    printed. Lists without a row are left out."""
    said = json.loads(answer_by_rules(root, layout))
    found = []
    for node in (child for child in root.children if isinstance(child, RowsNode)):
        columns = tuple(child.name for child in node.row.children)
        rows = tuple(tuple(row.get(name) for name in columns) for row in said.get(node.name, ()))
        if rows:
            found.append((columns, rows))
    return found


def caption(facts: Facts) -> str:
    """One sentence about a document, of facts alone."""
    if facts.is_bare:
        return f"A document of {_counted(facts)}."
    what = " ".join(filter(None, [facts.kind.capitalize(), facts.number]))
    parties = " ".join([f"from {facts.sender}"] * bool(facts.sender) + [f"to {facts.receiver}"] * bool(facts.receiver))
    dated = f"dated {facts.day.isoformat()}" if facts.day else ""
    total = f"total {facts.total:f} {facts.currency}".rstrip() if facts.total is not None else ""
    head = " ".join(filter(None, [what, parties]))
    return ", ".join(filter(None, [head, dated, total, _counted(facts)])) + "."


def alt_text(facts: Facts) -> str:
    """What stands in for the page's picture: short, and what it shows first."""
    kind = facts.kind or "document"
    article = "an" if kind[0] in "aeiou" else "a"
    sender = f" from {facts.sender}" if facts.sender else ""
    total = f" over {facts.total:f} {facts.currency}".rstrip() if facts.total is not None else ""
    return f"Page of {article} {kind}{sender}{total}."


def _counted(facts: Facts) -> str:
    pages = f"{facts.num_pages} page{'s' if facts.num_pages != 1 else ''}"
    tables = f"{facts.num_tables} table{'s' if facts.num_tables != 1 else ''}"
    return f"{pages} with {tables}" if facts.num_tables else pages


def _readings(layouts: Mapping[int, Layout], kind: type[DocumentSchema]) -> tuple[FieldReading, ...]:
    answered = [
        AnsweredPage(
            index,
            layout,
            WordReader.NONE,
            Completion(f"page {index}", answer_by_rules(tree(kind), layout), StopReason.END, 0, 0),
        )
        for index, layout in layouts.items()
    ]
    return read_record(kind, answered).fields


def _first(found: Mapping[str, FieldReading], paths: Sequence[str]) -> FieldReading | None:
    return next((found[path] for path in paths if path in found), None)


def _text(found: Mapping[str, FieldReading], paths: Sequence[str]) -> str:
    reading = _first(found, paths)
    return str(reading.value) if reading else ""
