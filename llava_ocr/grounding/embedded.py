"""Values of an e-invoice inside of a document, laid over what was read from its pages. Pure.

The XML is the legal original, so its values stand; the print tells where each is to be seen, and whether it says the
same. Where it says something else, the field is a conflict and the record has a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from llava_ocr.einvoice import LINE_TOTAL, EInvoice, Value
from llava_ocr.engines.base import TokenTrace
from llava_ocr.grounding.answer import Said
from llava_ocr.grounding.codes import PROVING, compact
from llava_ocr.grounding.ground import GroundedPage, ground
from llava_ocr.grounding.match import PageIndex
from llava_ocr.grounding.typed import Conventions, parse
from llava_ocr.prompts import fold
from llava_ocr.records import Evidence, FieldReading, FieldState, Finding, WordReader
from llava_ocr.schema import DocumentSchema, Kind, LeafNode, leaves, tree
from llava_ocr.words.layout import Layout

EMBEDDED_CHECK = "embedded_differs"
# Of a value that is in the XML and on the page, and of one that is in the XML alone.
PRINTED, UNPRINTED = 0.999, 0.99
_ROW = re.compile(r"^(.*)\[\d+\]\.")
# A text of which this share of words is printed is abbreviated or completed, not another.
_MOSTLY = 0.5


@dataclass(frozen=True)
class _Stated:
    """One value of the XML: the field that it fills, and the value in the schema's type."""

    path: str
    node: LeafNode
    value: Value
    is_line_total: bool = False

    @property
    def text(self) -> str:
        """The value as text, a number without needless zeros."""
        if isinstance(self.value, Decimal):
            return format(self.value.normalize(), "f")
        return self.value.isoformat() if isinstance(self.value, date) else self.value


def with_embedded(
    fields: Sequence[FieldReading],
    invoice: EInvoice,
    schema: type[DocumentSchema],
    layouts: Mapping[int, Layout],
) -> tuple[tuple[FieldReading, ...], tuple[Finding, ...]]:
    """Return the fields with the XML's values in them, and a finding for each that the print contradicts.

    Fields that the XML leaves out stay as they were read; a list that it has replaces the one that was read.
    """
    stated = list(_stated(invoice, schema, Conventions(list(layouts.values()))))
    pages = _Printed(layouts)
    places = pages.places(stated)
    read = {reading.path: reading for reading in fields}
    # Rows of a list that has another number of rows are others.
    alike = {path for path in _lists(stated) if _num_rows(stated, path) == _num_rows(fields, path)}
    found: dict[str, FieldReading] = {}
    for one in stated:
        list_path = _list_of(one.path)
        rival = read.get(one.path) if list_path is None or list_path in alike else None
        found[one.path] = _settled(one, places.get(one.path), rival, pages, is_credit=invoice.is_credit)
    replaced = _lists(stated)
    others = [one for one in fields if one.path not in found and _list_of(one.path) not in replaced]
    # Where no page was read, nothing said that the rest is absent.
    known = found.keys() | read.keys()
    outside = [leaf.path for leaf in leaves(tree(schema)) if "[]" not in leaf.path and leaf.path not in known]
    others += [FieldReading(path, FieldState.ABSENT) for path in outside]
    merged = _in_schema_order([*others, *found.values()], schema)
    differing = [one.path for one in found.values() if one.state is FieldState.CONFLICT]
    return merged, tuple(
        Finding(EMBEDDED_CHECK, f"{path}: the embedded e-invoice says something else than the page", (path,))
        for path in differing
    )


def _stated(invoice: EInvoice, schema: type[DocumentSchema], conventions: Conventions) -> Iterator[_Stated]:
    """The XML's values by field, in the types that the fields have."""
    for leaf in leaves(tree(schema)):
        term = schema.terms.get(leaf.path, "")
        if "[]" not in leaf.path:
            yield from _one(leaf, leaf.path, invoice.header.get(term), conventions)
            continue
        for number, line in enumerate(invoice.lines):
            path = leaf.path.replace("[]", f"[{number}]")
            for one in _one(leaf, path, line.get(term), conventions):
                yield replace(one, is_line_total=term == LINE_TOTAL)


def _one(leaf: LeafNode, path: str, value: Value | None, conventions: Conventions) -> Iterator[_Stated]:
    if value is None:
        return
    if isinstance(value, str) and leaf.leaf.kind is not Kind.TEXT:
        # A code is kept as all codes are: without the spaces that people put in. The XML's own account or VAT id is
        # one even where it fails its check, which is a finding.
        typed = parse(value, leaf.leaf, conventions).value
        unchecked = compact(value) if leaf.leaf.checksum in PROVING else None
        value = typed if isinstance(typed, str) else unchecked
    if value is not None and isinstance(value, _TYPES[leaf.leaf.kind]):
        yield _Stated(path, leaf, value)


_TYPES: Mapping[Kind, type] = {
    Kind.TEXT: str,
    Kind.CODE: str,
    Kind.CHOICE: str,
    Kind.DATE: date,
    Kind.MONEY: Decimal,
    Kind.NUMBER: Decimal,
}


class _Printed:
    """The pages' words, to see where the XML's values stand."""

    def __init__(self, layouts: Mapping[int, Layout]) -> None:
        self._indices = {page: PageIndex(layout) for page, layout in layouts.items() if layout.words}
        self._conventions = Conventions(list(layouts.values()))

    def places(self, stated: Sequence[_Stated]) -> dict[str, Evidence]:
        """Where each value stands, on the page where it is most exact; rows in their order."""
        said = [Said(one.path, one.node, one.text, 0, 0) for one in stated]
        best: dict[str, Evidence] = {}
        for page, index in self._indices.items():
            where = GroundedPage(page, index, WordReader.XML, TokenTrace(), self._conventions)
            for entry in ground(said, where):
                evidence, path = entry.reading.evidence, entry.reading.path
                if evidence is not None and (path not in best or evidence.score > best[path].score):
                    best[path] = evidence
        for one in stated:
            if one.path not in best and (evidence := self._in_other_case(one)) is not None:
                best[one.path] = evidence
        return best

    def _in_other_case(self, one: _Stated) -> Evidence | None:
        """A text that stands in a line in other capitals, accents or marks."""
        if one.node.leaf.kind is not Kind.TEXT:
            return None
        for page, index in self._indices.items():
            if boxes := index.find_folded(one.text):
                return Evidence(page, boxes[:1], WordReader.XML, 0.8)
        return None

    def holds_most_of(self, text: str) -> bool:
        """Whether most words of a text are printed somewhere; figures must be, all of them."""
        words = fold(text).split()
        printed = {word for index in self._indices.values() for word in fold(index.layout.text).split()}
        figures = [word for word in words if any(c.isdigit() for c in word)]
        return set(figures) <= printed and sum(word in printed for word in words) >= _MOSTLY * len(words)


def _settled(
    one: _Stated, place: Evidence | None, rival: FieldReading | None, pages: _Printed, *, is_credit: bool
) -> FieldReading:
    """The field with the XML's value, or a conflict where the page has another."""
    nowhere = Evidence(0, (), WordReader.XML, 1.0)
    stands = FieldReading(one.path, FieldState.VALUE, one.text, one.value, PRINTED, place or nowhere)
    if rival is not None and rival.state is FieldState.VALUE and rival.evidence is not None:
        if rival.value == one.value:
            return replace(stands, evidence=replace(rival.evidence, reader=WordReader.XML))
        if is_credit and isinstance(one.value, Decimal) and rival.value == -one.value:
            # A credit note's XML says that it is one; its print says it with the sign, which the record keeps.
            return replace(rival, confidence=PRINTED, evidence=replace(rival.evidence, reader=WordReader.XML))
        # Prices and quantities of a line are printed in several ways (gross, per hundred); its total is not.
        is_line_detail = _list_of(one.path) is not None and not one.is_line_total
        if (
            place is None
            and not is_line_detail
            and not (one.node.leaf.kind is Kind.TEXT and pages.holds_most_of(one.text))
        ):
            candidates = (one.text, rival.text or "")
            return replace(rival, state=FieldState.CONFLICT, value=None, confidence=0.0, candidates=candidates)
    return stands if place is not None else replace(stands, confidence=UNPRINTED)


def _list_of(path: str) -> str | None:
    match = _ROW.match(path)
    return match.group(1) if match else None


def _lists(stated: Sequence[_Stated]) -> frozenset[str | None]:
    return frozenset(path for one in stated if (path := _list_of(one.path)) is not None)


def _num_rows(fields: Sequence[_Stated | FieldReading], list_path: str | None) -> int:
    return len({one.path.partition("]")[0] for one in fields if _list_of(one.path) == list_path})


def _in_schema_order(fields: Sequence[FieldReading], schema: type[DocumentSchema]) -> tuple[FieldReading, ...]:
    """Fields in the order of the schema, rows one after the other."""
    order = {leaf.path: number for number, leaf in enumerate(leaves(tree(schema)))}

    def key(reading: FieldReading) -> tuple[int, int, int]:
        row = re.search(r"\[(\d+)\]", reading.path)
        number = order[re.sub(r"\[\d+\]", "[]", reading.path)]
        first = (
            min(place for path, place in order.items() if path.startswith(f"{_list_of(reading.path)}[]"))
            if row
            else number
        )
        return (first, int(row[1]) if row else 0, number)

    return tuple(sorted(fields, key=key))
