"""What is drawn over and under a page's words, from the order in which the page is drawn. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box
from llava_ocr.records import Word

# A word is covered where this much of it is.
_MOST = 0.6
_TEXT = ("fill-text", "stroke-text", "ignore-text")
_PICTURES = ("fill-image", "fill-imgmask")
_AREAS = (*_PICTURES, "fill-path", "fill-shade")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One step of drawing a page, in order: text, a path, a picture; `box` is around all of it."""

    kind: str
    box: Box


@dataclass(frozen=True, slots=True)
class Glyph:
    """One letter as it is drawn: by which step, and the middle of its box."""

    step: int
    char: str
    x: float
    y: float


def lies_on_picture(words: Sequence[Box], drawn: Sequence[Drawn]) -> NDArray[np.bool_]:
    """Tell of each word whether a picture lies over or under most of it."""
    pictures = [step.box for step in drawn if step.kind in _PICTURES]
    if not words or not pictures:
        return np.zeros(len(words), bool)
    lies: NDArray[np.bool_] = np.any(_shared(_edges(words), _edges(pictures)) > _MOST, axis=1)
    return lies


def drawn_over(words: Sequence[Box], steps: Sequence[int], drawn: Sequence[Drawn]) -> NDArray[np.bool_]:
    """Tell of each word whether an area or a picture is drawn over most of it after the step that drew the word."""
    first = min(steps, default=0)
    areas = [number for number, step in enumerate(drawn) if step.kind in _AREAS and number > first]
    if not words or not areas:
        return np.zeros(len(words), bool)
    is_over_WA = _shared(_edges(words), _edges([drawn[number].box for number in areas])) > _MOST
    covered: NDArray[np.bool_] = np.any(is_over_WA & (np.array(areas)[None] > np.array(steps)[:, None]), axis=1)
    return covered


def maybe_covered(words: Sequence[Box], drawn: Sequence[Drawn]) -> list[int]:
    """The words that lie under some area drawn after the first text: of these it matters when they were drawn."""
    first = next((number for number, step in enumerate(drawn) if step.kind in _TEXT), len(drawn))
    areas = [step.box for step in drawn[first:] if step.kind in _AREAS]
    if not words or not areas:
        return []
    return np.flatnonzero((_shared(_edges(words), _edges(areas)) > _MOST).any(axis=1)).tolist()


def step_of(word: Word, glyphs: Sequence[Glyph], middles_G2: NDArray[np.float64], *, otherwise: int) -> int:
    """The step that drew most of a word's letters where it stands; of equals the first: in doubt a word is covered."""
    box = word.box
    is_inside_G = ((middles_G2 >= (box.x0, box.y0)) & (middles_G2 <= (box.x1, box.y1))).all(axis=1)
    own = (glyphs[index] for index in np.flatnonzero(is_inside_G).tolist())
    counts = Counter(glyph.step for glyph in own if glyph.char in word.text)
    return min(counts, key=lambda step: (-counts[step], step), default=otherwise)


def _edges(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes])


def _shared(words_W4: NDArray[np.float64], areas_A4: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each word that each area covers."""
    words_W14, areas_1A4 = words_W4[:, None], areas_A4[None]
    sides_WA2 = np.minimum(words_W14[..., 2:], areas_1A4[..., 2:]) - np.maximum(words_W14[..., :2], areas_1A4[..., :2])
    sizes_W = (words_W4[:, 2:] - words_W4[:, :2]).prod(axis=1)
    shared: NDArray[np.float64] = sides_WA2.clip(min=0).prod(axis=2) / np.maximum(sizes_W, 1e-12)[:, None]
    return shared
