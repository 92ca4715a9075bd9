"""Lines, segments and blocks of a page, from its words' boxes alone. Pure.

A *line* is what stands at one height; a *segment* is a part of it between wide gaps (a column's share of the line);
a *block* is a run of segments below each other, which is how an address or a wrapped description reads on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from llava_ocr.geometry import Box, Turn, union
from llava_ocr.records import Word
from llava_ocr.words.right_to_left import is_right_to_left, reading_order

# A gap wider than this share of the line's height parts two columns (a space is about 0.3 of it).
COLUMN_GAP = 1.2
# Segments further apart than this share of the line's height do not read on.
BLOCK_GAP = 1.1
# Columns of characters in the layout text; A4 in 10 pt holds about 95.
TEXT_COLUMNS = 96
# Lines further apart than this share of the words' height are set apart on purpose.
WIDE_LEADING = 1.3


@dataclass(frozen=True)
class Segment:
    """Words of one line that stand close together; `words` are indices into the page's words, as they
    are read: left to right, Arabic and Hebrew right to left."""

    words: tuple[int, ...]
    line: int
    box: Box
    text: str


@dataclass(frozen=True)
class Line:
    """All words at one height: segments from left to right, their words as they are read."""

    segments: tuple[Segment, ...]
    box: Box

    @property
    def words(self) -> tuple[int, ...]:
        """Indices of the line's words, segment by segment."""
        return tuple(index for segment in self.segments for index in segment.words)


@dataclass(frozen=True, eq=False)
class Layout:
    """A page's words in reading order. `aspect` is the page's width over its height. Two layouts are never equal.

    `turn` brought the page from how viewers show it to how it is read; all boxes are on the page as it is read.
    """

    words: tuple[Word, ...]
    lines: tuple[Line, ...]
    aspect: float
    turn: Turn = Turn.NONE

    @cached_property
    def blocks(self) -> tuple[tuple[Segment, ...], ...]:
        """Segments chained downwards where they share a column and lie close."""
        return _blocks(self.lines)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Word indices in reading order: line by line, left to right."""
        return tuple(index for line in self.lines for index in line.words)

    @cached_property
    def text(self) -> str:
        """The page as plain text, words at their column (`TEXT_COLUMNS` wide), one line per line."""
        return "\n".join(_line_text(line) for line in self.lines)

    @cached_property
    def column_text(self) -> str:
        """The page for a reader that counts: before each segment as many spaces as its column, plus two.

        Not aligned for the eye, but a column has one sign wherever it stands. A wide gap between lines is a blank line.
        """
        parts: list[str] = []
        for number, line in enumerate(self.lines):
            if number:
                above = self.lines[number - 1].box
                parts.append("\n\n" if line.box.y0 - above.y1 > WIDE_LEADING * self.word_height else "\n")
            parts.extend(" " * (_column(segment) + 2) + segment.text for segment in line.segments)
        return "".join(parts)

    @cached_property
    def word_height(self) -> float:
        """Median word height as a fraction of the page's height; 0 without words."""
        return median(word.box.height for word in self.words) if self.words else 0.0


def lay_out(words: Sequence[Word], *, aspect: float, turn: Turn = Turn.NONE) -> Layout:
    """Sort words into lines and segments. `aspect` (page width over height) makes gaps and heights comparable; it and
    the words' boxes are those of the page as it is read, `turn` only says how that page was come by."""
    listed = tuple(words)
    lines = [_line(listed, indices, number, aspect) for number, indices in enumerate(_lines(listed))]
    return Layout(listed, tuple(lines), aspect, turn)


def _lines(words: Sequence[Word]) -> list[list[int]]:
    """Group word indices by height: a word joins the line whose middle it overlaps most, else starts one.

    Written out in plain floats: this runs on every word of every page.
    """
    edges = [(word.box.y0, word.box.y1, word.box.x0) for word in words]
    order = sorted(range(len(words)), key=lambda i: (edges[i][0] + edges[i][1], edges[i][2]))
    lines: list[list[int]] = []
    tops: list[float] = []
    bottoms: list[float] = []
    for index in order:
        top, bottom, _ = edges[index]
        home, best = -1, 0.0
        # Words come by their middle, so only the last few lines can still take one.
        for number in range(max(0, len(lines) - 4), len(lines)):
            shared = (bottom if bottom < bottoms[number] else bottoms[number]) - (
                top if top > tops[number] else tops[number]
            )
            smaller = min(bottom - top, bottoms[number] - tops[number])
            if smaller > 0 and shared >= 0.5 * smaller and shared > best * smaller:
                home, best = number, shared / smaller
        if home < 0:
            lines.append([index])
            tops.append(top)
            bottoms.append(bottom)
        else:
            lines[home].append(index)
            size = len(lines[home])
            tops[home] += (top - tops[home]) / size
            bottoms[home] += (bottom - bottoms[home]) / size
    by_height = sorted(zip(tops, bottoms, lines, strict=True), key=lambda entry: entry[0] + entry[1])
    return [sorted(line, key=lambda i: edges[i][2]) for _, _, line in by_height]


def _line(words: Sequence[Word], indices: Sequence[int], number: int, aspect: float) -> Line:
    boxes = [words[i].box for i in indices]
    widest_gap = COLUMN_GAP * median([box.y1 - box.y0 for box in boxes])
    runs: list[list[int]] = [[0]]
    for place in range(1, len(boxes)):
        gap = (boxes[place].x0 - boxes[place - 1].x1) * aspect
        if gap > widest_gap:
            runs.append([place])
        else:
            runs[-1].append(place)
    segments = tuple(
        _segment([indices[i] for i in _as_read(run, indices, words)], [boxes[i] for i in run], words, number)
        for run in runs
    )
    return Line(segments, _around(boxes))


def _as_read(run: list[int], indices: Sequence[int], words: Sequence[Word]) -> list[int]:
    texts = [words[indices[i]].text for i in run]
    return [run[place] for place in reading_order(texts)] if is_right_to_left("".join(texts)) else run


def _segment(indices: list[int], boxes: list[Box], words: Sequence[Word], number: int) -> Segment:
    return Segment(tuple(indices), number, _around(boxes), " ".join([words[i].text for i in indices]))


def _around(boxes: list[Box]) -> Box:
    return boxes[0] if len(boxes) == 1 else union(boxes)


def _blocks(lines: Sequence[Line]) -> tuple[tuple[Segment, ...], ...]:
    blocks: list[list[Segment]] = []
    open_blocks: list[int] = []
    for line in lines:
        taken: set[int] = set()
        next_open: list[int] = []
        for segment in line.segments:
            home = next((n for n in open_blocks if n not in taken and _reads_on(blocks[n][-1], segment)), None)
            if home is None:
                home = len(blocks)
                blocks.append([])
            blocks[home].append(segment)
            taken.add(home)
            next_open.append(home)
        # A block stays open over a line that lies beside it, not over one that lies well below it.
        still_near = [
            n for n in open_blocks if n not in taken and line.box.y0 - blocks[n][-1].box.y1 < blocks[n][-1].box.height
        ]
        open_blocks = next_open + still_near
    return tuple(tuple(block) for block in blocks)


def _reads_on(above: Segment, below: Segment) -> bool:
    gap = below.box.y0 - above.box.y1
    height = min(above.box.height, below.box.height)
    shared = min(above.box.x1, below.box.x1) - max(above.box.x0, below.box.x0)
    narrower = min(above.box.width, below.box.width)
    # Lines of words that run up or down the page come after all others, wherever they stand.
    return -height < gap < BLOCK_GAP * height and shared > 0.5 * narrower


def _column(segment: Segment) -> int:
    # A box may reach over the page's edge; the last columns are as good for what stands there.
    return min(max(round(segment.box.x0 * TEXT_COLUMNS), 0), TEXT_COLUMNS - 2)


def _line_text(line: Line) -> str:
    text = ""
    for segment in line.segments:
        column = _column(segment)
        text += " " * max(column - len(text), 2 if text else 0) + segment.text
    return text
