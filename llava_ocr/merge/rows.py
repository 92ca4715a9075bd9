"""Rows of a list over answers and pages: in the order of the page, without what only looks like a row. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from llava_ocr.geometry import Box
from llava_ocr.grounding.ground import PageReading
from llava_ocr.prompts import fold, fold_label
from llava_ocr.records import FieldReading
from llava_ocr.rulebook.subtotals import names_a_sum
from llava_ocr.schema import Kind, LeafNode

ROW = re.compile(r"^(?P<list>[^\[]*)\[(?P<index>\d+)\](?P<rest>.*)$")
# Words that stand beside a balance at a page's end or beginning.
_CARRIED = re.compile(
    r"\b(?:carried (?:forward|over)|brought (?:forward|over)|sub ?total|ubertrag|zwischen(?:summe|saldo)|saldovortrag"
    r"|vortrag|a reporter|report|reporte|sous total|riporto|suma y sigue|transporte)\b"
)
_COUNTER = re.compile(r"\D{0,12}\d{1,4}\s*(?:/|of|von|sur|de|di|van)\s*\d{1,4}\W*", re.IGNORECASE)

Row = Sequence[FieldReading]


def in_page_order(answers: Sequence[Sequence[PageReading]]) -> list[PageReading]:
    """Join what several answers say of one page: header fields of all, rows by where they stand, each line once."""
    if len(answers) == 1:
        return list(answers[0])
    header = [entry for answer in answers for entry in answer if ROW.match(entry.reading.path) is None]
    rows: list[list[PageReading]] = []
    for answer in answers:
        for row in _rows(answer):
            if not any(_is_same_line(row, other) for other in rows):
                rows.append(row)
    heights = _heights(rows)
    order = sorted(range(len(rows)), key=lambda number: heights[number])
    return [*header, *(cell for at, number in enumerate(order) for cell in _renumbered(rows[number], at))]


def clean_rows(pages: Sequence[Sequence[Row]], leaves: Mapping[str, LeafNode]) -> list[Row]:
    """Join a list's rows from page to page: no repeated headings, no balances carried over, no page counters; a row
    whose text goes on overleaf is one. `leaves` are the cells' by their path with `[]`.
    """
    filled = [number for number, page in enumerate(pages) if page]
    joined: list[Row] = []
    for number, page in enumerate(pages):
        rows = [row for row in page if not _is_heading(row, leaves) and not _is_counter(row)]
        if len(filled) > 1:
            rows = _without_carried(rows, leaves)
        if rows and joined and number != filled[0] and _goes_on(joined[-1], rows[0], leaves):
            joined[-1] = _one_row(joined[-1], rows[0])
            rows = rows[1:]
        joined += rows
    return joined


def _rows(answer: Sequence[PageReading]) -> Iterator[list[PageReading]]:
    rows: dict[tuple[str, str], list[PageReading]] = {}
    for entry in answer:
        match = ROW.match(entry.reading.path)
        if match is not None:
            rows.setdefault((match["list"], match["index"]), []).append(entry)
    yield from rows.values()


def _boxes(row: Sequence[PageReading]) -> list[Box]:
    return [entry.reading.evidence.boxes[0] for entry in row if entry.reading.evidence is not None]


def _is_same_line(row: Sequence[PageReading], other: Sequence[PageReading]) -> bool:
    """Whether two answers' rows stand on one place: each cell that both have stands there, or nearly all do."""
    mine, theirs = _boxes(row), _boxes(other)
    shared = sum(any(box.intersection(one).area > 0.5 * box.area for one in theirs) for box in mine)
    return bool(mine) and 2 * shared > len(mine)


def _heights(rows: Sequence[Sequence[PageReading]]) -> list[float]:
    """The height of each row; one that stands nowhere goes with the row before it."""
    heights: list[float] = []
    for row in rows:
        tops = [box.center_y for box in _boxes(row)]
        heights.append(min(tops) if tops else heights[-1] if heights else 0.0)
    return heights


def _renumbered(row: Sequence[PageReading], index: int) -> Iterator[PageReading]:
    for entry in row:
        match = ROW.match(entry.reading.path)
        assert match is not None, entry.reading.path
        path = f"{match['list']}[{index}]{match['rest']}"
        yield replace(entry, reading=replace(entry.reading, path=path))


def _leaf(cell: FieldReading, leaves: Mapping[str, LeafNode]) -> LeafNode | None:
    match = ROW.match(cell.path)
    return leaves.get(f"{match['list']}[]{match['rest']}") if match else None


def _said(row: Row) -> list[FieldReading]:
    return [cell for cell in row if cell.text is not None]


def _is_heading(row: Row, leaves: Mapping[str, LeafNode]) -> bool:
    """Whether every cell that was read is what its own column is called."""
    said = [(cell, _leaf(cell, leaves)) for cell in _said(row)]
    return bool(said) and all(
        leaf is not None and fold(str(cell.text)) in {fold_label(label) for label in leaf.hint.labels}
        for cell, leaf in said
    )


def _is_counter(row: Row) -> bool:
    said = _said(row)
    return len(said) == 1 and bool(_COUNTER.fullmatch(str(said[0].text)))


def _without_carried(rows: Sequence[Row], leaves: Mapping[str, LeafNode]) -> list[Row]:
    """Leave off a balance carried over that ends or begins a page."""
    kept = list(rows)
    while kept and _is_carried(kept[0], leaves):
        kept = kept[1:]
    while kept and _is_carried(kept[-1], leaves):
        kept = kept[:-1]
    return kept


def _is_carried(row: Row, leaves: Mapping[str, LeafNode]) -> bool:
    kinds = {leaf.leaf.kind if (leaf := _leaf(cell, leaves)) else None for cell in _said(row)}
    texts = [str(cell.text) for cell in _said(row) if (leaf := _leaf(cell, leaves)) and leaf.leaf.kind is Kind.TEXT]
    if kinds - {Kind.TEXT, Kind.MONEY} or len(texts) != 1:
        return False
    return bool(_CARRIED.search(fold(texts[0]))) or (Kind.MONEY in kinds and names_a_sum(texts[0]))


def _goes_on(before: Row, row: Row, leaves: Mapping[str, LeafNode]) -> bool:
    """Whether a page's first row is only what the last row of the page before goes on with: texts and nothing else."""
    kinds = {leaf.leaf.kind if (leaf := _leaf(cell, leaves)) else None for cell in _said(row)}
    texts = {_name(cell) for cell in _said(row)}
    return kinds == {Kind.TEXT} and texts <= {_name(cell) for cell in _said(before)} and len(_said(before)) > 1


def _name(cell: FieldReading) -> str:
    return cell.path.rpartition(".")[2]


def _one_row(before: Row, rest: Row) -> Row:
    """The row with the texts that it goes on with."""
    more = {_name(cell): cell for cell in _said(rest)}
    return [_longer(cell, more[_name(cell)]) if _name(cell) in more else cell for cell in before]


def _longer(cell: FieldReading, rest: FieldReading) -> FieldReading:
    text = f"{cell.text} {rest.text}"
    value = text if isinstance(cell.value, str) else cell.value
    return replace(cell, text=text, value=value, confidence=min(cell.confidence, rest.confidence))
