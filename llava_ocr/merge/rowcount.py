"""How many rows a page's lists have, counted from its words alone: a witness that knows no schema and no model. Pure.

A row is a line that has figures in each of two columns which more lines share than any other two, and in as many of the
table's other columns as its rows usually have. Totals, carried balances and addresses have figures in fewer.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from statistics import median

from llava_ocr.geometry import Box, union
from llava_ocr.records import Word
from llava_ocr.rulebook.subtotals import names_a_sum
from llava_ocr.words.layout import Layout, Line

# Fewer lines than this may share columns by accident.
MIN_ROWS = 4
# How far apart the edges of a column's figures may lie, in page widths.
SLACK = 0.006
# A column of the table has figures in this share of its rows.
COLUMN_SHARE = 0.6
# Rows stand at most this many of their usual distances apart.
MAX_GAP = 4.0
_FIGURE = re.compile(r"\W{0,3}[A-Z€$£]{0,3}\W{0,2}\d[\d.,'’/\-:%]*\W?[A-Z€$£]{0,3}")

_HEAD, _TAIL = re.compile(r"\W{0,2}\d{1,3}"), re.compile(r"\d{3}(?:[.,]\d+)?\W{0,2}")
# Words of one number stand at most this many word heights apart.
DIGIT_GAP = 0.65

# A column: which side its figures are flush at, and where, in ten-thousandths of the page's width.
_Column = tuple[str, int]
# The columns that each of a line's figures may stand in.
_Figures = list[frozenset[_Column]]


def count_rows(layout: Layout | None) -> tuple[Box, ...]:
    """Return the lines, top to bottom, that are rows of the page's largest table; none where there is none."""
    if layout is None or not layout.words:
        return ()
    figures = _in_columns({number: _edges(layout, line) for number, line in enumerate(layout.lines)})
    figures = {number: line for number, line in figures.items() if not _is_sum(layout.lines[number])}
    pairs = Counter(pair for line in figures.values() for pair in _pairs(line))
    if not pairs:
        return ()
    best = max(pairs, key=lambda pair: (pairs[pair], pair))
    rows = [number for number, line in figures.items() if best in _pairs(line)]
    rows = _alike(rows, figures)
    lines = _together([layout.lines[number].box for number in rows])
    return tuple(lines) if len(lines) >= MIN_ROWS else ()


def _is_sum(line: Line) -> bool:
    """Whether the line's first words speak of a total."""
    return names_a_sum(re.split(r"\d", line.segments[0].text, maxsplit=1)[0])


def missed_rows(counted: Sequence[Box], read: Sequence[Box]) -> tuple[Box, ...]:
    """Return the counted lines on which no cell of any row that was read stands."""
    return tuple(line for line in counted if not any(box.y0 <= line.center_y <= box.y1 for box in read))


def _edges(layout: Layout, line: Line) -> list[tuple[_Column, _Column]]:
    """Both sides of each figure: nothing tells which of them is flush."""
    boxes: list[Box] = []
    before: Word | None = None
    for word in (layout.words[index] for index in line.words):
        if not _FIGURE.fullmatch(word.text):
            before = None
            continue
        if before is not None and _reads_on(before, word, layout):
            # `7 742,27` is one number.
            boxes[-1] = union([boxes[-1], word.box])
        else:
            boxes.append(word.box)
        before = word
    return [(("left", round(box.x0 * 10_000)), ("right", round(box.x1 * 10_000))) for box in boxes]


def _reads_on(before: Word, word: Word, layout: Layout) -> bool:
    gap = (word.box.x0 - before.box.x1) * layout.aspect
    is_near = gap <= DIGIT_GAP * layout.word_height
    return is_near and bool(_HEAD.fullmatch(before.text) and _TAIL.fullmatch(word.text))


def _in_columns(lines: Mapping[int, list[tuple[_Column, _Column]]]) -> dict[int, _Figures]:
    """Replace every edge by the column it belongs to."""
    homes = _homes({edge for line in lines.values() for figure in line for edge in figure})
    return {number: [frozenset(homes[edge] for edge in figure) for figure in line] for number, line in lines.items()}


def _homes(edges: set[_Column]) -> dict[_Column, _Column]:
    by_side: defaultdict[str, list[int]] = defaultdict(list)
    for side, x in sorted(edges):
        by_side[side].append(x)
    homes: dict[_Column, _Column] = {}
    for side, found in by_side.items():
        home = before = found[0]
        for x in found:
            home = x if x - before > SLACK * 10_000 else home
            homes[side, x] = (side, home)
            before = x
    return homes


def _pairs(line: _Figures) -> set[tuple[_Column, _Column]]:
    """Every two columns in which two figures of the line stand."""
    found: set[tuple[_Column, _Column]] = set()
    for left, right in combinations(line, 2):
        found |= {(one, other) for one in left for other in right}
    return found


def _alike(rows: Sequence[int], figures: Mapping[int, _Figures]) -> list[int]:
    """Keep the lines that have figures in as many of the table's columns as is usual."""
    counts = Counter(column for number in rows for one in figures[number] for column in one)
    strong = {column for column, count in counts.items() if count >= COLUMN_SHARE * len(rows)}
    filled = {number: sum(bool(one & strong) for one in figures[number]) for number in rows}
    usual = median(filled.values())
    return [number for number in rows if filled[number] >= usual]


def _together(lines: Sequence[Box]) -> list[Box]:
    """Keep the longest run of lines that stand no further apart than rows of a table do."""
    pitch = median([below.y0 - above.y0 for above, below in pairwise(lines)] or [0.0])
    runs: list[list[Box]] = []
    for line in lines:
        if runs and line.y0 - runs[-1][-1].y0 <= MAX_GAP * pitch:
            runs[-1].append(line)
        else:
            runs.append([line])
    return max(runs, key=len, default=[])
