"""Tables of a page by the places of its words alone: lines whose parts stand in the same columns. Pure.

The first line of such a run is taken for the heading where it holds no figure; a table without one has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.words.layout import Layout, Line, Segment

# Fewer columns or rows are a list of labels and values, or an address.
MIN_COLUMNS, MIN_ROWS = 3, 2
# Lines further apart than this, in word heights, are no neighbours in a table.
MAX_GAP = 3.5


@dataclass(frozen=True)
class Table:
    """Text cells, a row each; `columns` are the heading's texts, empty where there is none. `box` is around all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    box: Box


def find_tables(layout: Layout) -> list[Table]:
    """Every table of a page, top to bottom."""
    return [table for run in _runs(layout) if (table := _table(run)) is not None]


def _runs(layout: Layout) -> Iterator[list[Line]]:
    """Neighbouring lines of which each has parts in the columns of the one that begins the run."""
    run: list[Line] = []
    for line in layout.lines:
        if run and (_is_far(run[-1], line, layout.word_height) or not _fits(run[0], line)):
            yield run
            run = []
        if run or len(line.segments) >= MIN_COLUMNS:
            run.append(line)
    if run:
        yield run


def _is_far(above: Line, below: Line, height: float) -> bool:
    return below.box.y0 - above.box.y1 > MAX_GAP * height


def _fits(first: Line, line: Line) -> bool:
    """Whether every part of a line lies in a column of the first, no two in the same, or it only continues one."""
    places = [_column(first.segments, segment) for segment in line.segments]
    return None not in places and len(set(places)) == len(places)


def _column(columns: Sequence[Segment], segment: Segment) -> int | None:
    """The column whose head a part shares most of its width with, or an edge; None where it shares with none."""
    shared = [min(segment.box.x1, head.box.x1) - max(segment.box.x0, head.box.x0) for head in columns]
    best = max(range(len(columns)), key=lambda number: shared[number])
    return best if shared[best] > 0 else None


def _table(run: Sequence[Line]) -> Table | None:
    heads = run[0].segments
    rows = [_cells(heads, line) for line in run]
    # A line that holds only one part carries the row above on, as wrapped descriptions do.
    merged: list[list[str]] = []
    for cells in rows:
        if merged and sum(map(bool, cells)) == 1 and len(merged) > 1:
            merged[-1] = [" ".join(filter(None, pair)) for pair in zip(merged[-1], cells, strict=True)]
        else:
            merged.append(cells)
    has_heading = not any(c.isdigit() for c in "".join(merged[0]))
    body = merged[1:] if has_heading else merged
    if len(body) < MIN_ROWS or sum(sum(map(bool, cells)) >= MIN_COLUMNS - 1 for cells in body) < MIN_ROWS:
        return None
    left, right = min(line.box.x0 for line in run), max(line.box.x1 for line in run)
    box = Box(left, run[0].box.y0, right, run[-1].box.y1)
    return Table(tuple(merged[0]) if has_heading else (), tuple(tuple(cells) for cells in body), box)


def _cells(heads: Sequence[Segment], line: Line) -> list[str]:
    cells = [""] * len(heads)
    for segment in line.segments:
        number = _column(heads, segment)
        assert number is not None, "a line that does not fit its run"
        cells[number] = segment.text
    return cells
