"""Pages' readings to one record: header fields by agreement, rows in page order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llava_ocr.grounding.ground import PageReading
from llava_ocr.merge.carried import without_carried
from llava_ocr.merge.rows import ROW, Row, clean_rows
from llava_ocr.records import FieldReading, FieldState
from llava_ocr.schema import GroupNode, LeafNode, leaves


def merge_pages(pages: Sequence[Sequence[PageReading]], root: GroupNode | None = None) -> tuple[FieldReading, ...]:
    """Merge what each page says; the order of the schema stays, header fields come before the rows of a list.

    With the schema's tree, what only looks like a row is left out, rows that go on overleaf are joined, and balances
    that are carried from page to page are those of the first page and the last.
    """
    nodes = {} if root is None else {leaf.path: leaf for leaf in leaves(root)}
    header: dict[str, list[PageReading]] = {}
    rows: dict[str, dict[int, list[Row]]] = {}
    for number, page in enumerate(without_carried(pages, nodes)):
        page_rows: dict[tuple[str, str], list[FieldReading]] = {}
        for entry in page:
            row = ROW.match(entry.reading.path)
            if row is None:
                header.setdefault(entry.reading.path, []).append(entry)
            else:
                page_rows.setdefault((row["list"], row["index"]), []).append(entry.reading)
        at = number
        for (name, _), cells in page_rows.items():
            # A row of which nothing was read is a repeated heading or a model's stutter.
            if any(cell.text is not None for cell in cells):
                at = _page_of(cells, at)
                rows.setdefault(name, {}).setdefault(at, []).append(cells)
    merged = [merge_field(list(entries)) for entries in header.values()]
    for name, by_page in rows.items():
        for index, joined in enumerate(_joined(list(by_page.values()), nodes)):
            merged += [_renumbered(cell, name, index) for cell in joined]
    return tuple(merged)


def _joined(pages: Sequence[Sequence[Row]], nodes: Mapping[str, LeafNode]) -> list[Row]:
    return clean_rows(pages, nodes) if nodes else [row for page in pages for row in page]


def _page_of(cells: Row, otherwise: int) -> int:
    """The page a row stands on: an answer may be about several."""
    return next((cell.evidence.page_index for cell in cells if cell.evidence is not None), otherwise)


def merge_field(entries: Sequence[PageReading]) -> FieldReading:
    """Agree on one header field. Pages that do not have it don't count; of different values the one whose label stands
    beside it wins, if there is just one such, or else the one that model and rules agree on; otherwise they are in
    conflict."""
    present = [entry for entry in entries if entry.reading.text is not None]
    if not present:
        return max((entry.reading for entry in entries), key=lambda reading: reading.confidence)
    groups: dict[object, list[PageReading]] = {}
    for entry in present:
        groups.setdefault(_sameness(entry.reading), []).append(entry)
    if len(groups) == 1:
        return _best(present)
    labelled = [group for group in groups.values() if any(entry.label_distance is not None for entry in group)]
    agreed = [group for group in groups.values() if any(entry.is_agreed for entry in group)]
    for preferred in (labelled, agreed):
        if len(preferred) == 1:
            lost = [_best(group) for group in groups.values() if group is not preferred[0]]
            return replace(_best(preferred[0]), candidates=_values(lost))
    return _conflict([_best(group) for group in groups.values()])


def _sameness(reading: FieldReading) -> object:
    """What makes two readings the same: their value, or their text without case and marks where they have none."""
    if reading.value is not None and not isinstance(reading.value, str):
        return reading.value
    return "".join(c for c in str(reading.text if reading.value is None else reading.value).casefold() if c.isalnum())


def _best(entries: Sequence[PageReading]) -> FieldReading:
    """The reading to show: grounded before ungrounded, then near its label, then sure, then early."""
    ranked = sorted(
        entries,
        key=lambda entry: (
            entry.reading.state is not FieldState.VALUE,
            entry.label_distance is None,
            -entry.reading.confidence,
        ),
    )
    return ranked[0].reading


def _conflict(readings: Sequence[FieldReading]) -> FieldReading:
    return replace(readings[0], state=FieldState.CONFLICT, value=None, candidates=_values(readings), confidence=0.0)


def _values(readings: Sequence[FieldReading]) -> tuple[str, ...]:
    """What the readings could stand for, each once."""
    groups = [
        reading.candidates or (str(reading.text if reading.value is None else reading.value),) for reading in readings
    ]
    return tuple(dict.fromkeys(value for group in groups for value in group))


def _renumbered(cell: FieldReading, name: str, index: int) -> FieldReading:
    path = f"{name}[{index}]" + cell.path[cell.path.index("]", len(name)) + 1 :]
    return cell if path == cell.path else replace(cell, path=path)
