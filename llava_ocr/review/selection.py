"""The words under a box that somebody drew on a page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.records import PageWords, Word
from llava_ocr.words.turned import turned_words

# A word belongs to the box if this share of it lies inside: people draw loosely.
INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class Selected:
    """What stands in a box: its text, line after line, and the words' boxes."""

    text: str
    boxes: tuple[Box, ...]


def text_in(page: PageWords, box: Box) -> Selected:
    """Return the words that lie in the box, in reading order; boxes are on the page as it is shown."""
    inside = turned_words([word for word in page.words if _is_inside(word.box, box)], page.turn)
    ordered = turned_words([word for line in _lines(inside) for word in line], page.turn.back)
    return Selected(" ".join(word.text for word in ordered), tuple(word.box for word in ordered))


def _is_inside(word: Box, box: Box) -> bool:
    return word.area > 0 and word.intersection(box).area >= INSIDE * word.area


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """Group words that stand at one height, top to bottom, each line from the left."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.box.center_y):
        last = lines[-1] if lines else []
        if last and word.box.center_y < max(other.box.y1 for other in last) and _overlaps(word, last):
            last.append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word.box.x0) for line in lines]


def _overlaps(word: Word, line: Sequence[Word]) -> bool:
    """Whether a word's middle lies within the height of a line's first word."""
    return line[0].box.y0 <= word.box.center_y <= line[0].box.y1
