"""Where each word of an unseen text layer begins, where it runs and how high it is: from boxes to lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llava_ocr.geometry import Box, Turn
from llava_ocr.words.layout import Layout

# A line of fewer words says nothing certain of how it is skewed.
_MIN_WORDS = 3
_MAX_SKEW = math.radians(12)
# Of a word box's height, what hangs below the base line; the font's descender is the same.
DESCENT = 0.2
_MIN_HEIGHT_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word on a page, in points from its top left corner: where its base line begins, how far and in which
    direction it runs, and how high it is."""

    text: str
    x_pt: float
    y_pt: float
    length_pt: float
    height_pt: float
    angle: float


def place_words(layout: Layout, *, width_pt: float, height_pt: float) -> list[PlacedWord]:
    """Place every word so that what is written there fills its box; lines run as skewed as their words stand.

    The extent is that of the page as it is shown; on it words of a page that is read turned run as they are printed.
    """
    turn = layout.turn
    if turn.is_sideways:
        width_pt, height_pt = height_pt, width_pt
    return [_turned_back(word, turn, width_pt, height_pt) for word in _placed(layout, width_pt, height_pt)]


def _turned_back(word: PlacedWord, turn: Turn, width_pt: float, height_pt: float) -> PlacedWord:
    """From the page as it is read, of this extent, to the page as it is shown."""
    x_pt, y_pt = {
        Turn.NONE: (word.x_pt, word.y_pt),
        Turn.RIGHT: (word.y_pt, width_pt - word.x_pt),
        Turn.HALF: (width_pt - word.x_pt, height_pt - word.y_pt),
        Turn.LEFT: (height_pt - word.y_pt, word.x_pt),
    }[turn]
    return replace(word, x_pt=x_pt, y_pt=y_pt, angle=word.angle - turn * math.pi / 2)


def _placed(layout: Layout, width_pt: float, height_pt: float) -> Iterator[PlacedWord]:
    for line in layout.lines:
        for segment in line.segments:
            boxes = [_in_points(layout.words[index].box, width_pt, height_pt) for index in segment.words]
            skew = _skew(boxes)
            for index, box in zip(segment.words, boxes, strict=True):
                text = layout.words[index].text
                if box.width > 0 and box.height > 0:
                    yield _standing(text, box) if _stands(text, box) else _lying(text, box, skew)


def _in_points(box: Box, width_pt: float, height_pt: float) -> Box:
    return Box(box.x0 * width_pt, box.y0 * height_pt, box.x1 * width_pt, box.y1 * height_pt)


def _stands(text: str, box: Box) -> bool:
    return len(text) > 2 and box.height > 1.5 * box.width


def _skew(boxes: Sequence[Box]) -> float:
    """The angle at which a line sinks to the right, in radians; 0 where it can't be told."""
    if len(boxes) < _MIN_WORDS:
        return 0.0
    xs, ys = np.array([box.center_x for box in boxes]), np.array([box.center_y for box in boxes])
    spread = float(((xs - xs.mean()) ** 2).sum())
    if spread <= 0:
        return 0.0
    angle = math.atan(float(((xs - xs.mean()) * (ys - ys.mean())).sum()) / spread)
    return angle if abs(angle) <= _MAX_SKEW else 0.0


def _lying(text: str, box: Box, skew: float) -> PlacedWord:
    """A word of a line: the box around the skewed word is the one that was read."""
    cos, sin = math.cos(skew), abs(math.sin(skew))
    height = (box.height * cos - box.width * sin) / (cos * cos - sin * sin)
    if height < _MIN_HEIGHT_SHARE * box.height:
        skew, cos, sin, height = 0.0, 1.0, 0.0, box.height
    length = (box.width * cos - box.height * sin) / (cos * cos - sin * sin)
    # The lower edge begins at the left of lines that sink, at the bottom of lines that rise.
    x, y = (box.x0, box.y0 + height * cos) if skew >= 0 else (box.x0 + height * sin, box.y1)
    rise = DESCENT * height
    return PlacedWord(text, x + rise * math.sin(skew), y - rise * math.cos(skew), max(length, 0.1), height, skew)


def _standing(text: str, box: Box) -> PlacedWord:
    """A word that runs up the page, as on the spine of a form."""
    return PlacedWord(text, box.x1 - DESCENT * box.width, box.y1, box.height, box.width, -math.pi / 2)
