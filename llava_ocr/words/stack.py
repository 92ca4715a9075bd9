"""Several pages' words as one layout, each page below the one before: what an answer about several pages is read by.

Pure. The page at place `n` of a stack has the heights from `n` to `n + 1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.words.layout import Layout, Line, Segment


def stack(layouts: Sequence[Layout]) -> Layout:
    """Put pages below each other; lines and segments stay those of their pages."""
    if len(layouts) == 1:
        return layouts[0]
    words: list[Word] = []
    lines: list[Line] = []
    for place, layout in enumerate(layouts):
        first_word, first_line = len(words), len(lines)
        words += [replace(word, box=_lowered(word.box, place)) for word in layout.words]
        lines += [_moved(line, place, first_word, first_line) for line in layout.lines]
    return Layout(tuple(words), tuple(lines), layouts[0].aspect)


def unstacked(boxes: Sequence[Box], *, num_pages: int) -> tuple[int, tuple[Box, ...]]:
    """Tell which page of a stack boxes stand on, and where there; of boxes on two pages, those on the first."""
    place = _place(boxes[0], num_pages)
    own = tuple(_lowered(box, -place) for box in boxes if _place(box, num_pages) == place)
    return place, own


def _place(box: Box, num_pages: int) -> int:
    return min(max(int(box.center_y), 0), num_pages - 1)


def _moved(line: Line, place: int, first_word: int, first_line: int) -> Line:
    segments = tuple(
        Segment(
            tuple(index + first_word for index in segment.words),
            segment.line + first_line,
            _lowered(segment.box, place),
            segment.text,
        )
        for segment in line.segments
    )
    return Line(segments, _lowered(line.box, place))


def _lowered(box: Box, by: int) -> Box:
    return Box(box.x0, box.y0 + by, box.x1, box.y1 + by)
