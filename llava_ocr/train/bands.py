"""Part of a painted page as a page of its own: the short pages that asking about pixels begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.synth.base import Mark, PaintedPage, PrintedValue, Stroke, TextRun
from llava_ocr.synth.fonts import open_face


@dataclass(frozen=True)
class Band:
    """A page made of a band of another, and the values that stand wholly on it."""

    page: PaintedPage
    printed: tuple[PrintedValue, ...]


def cut_band(page: PaintedPage, printed: Sequence[PrintedValue], *, y0: float, y1: float) -> Band:
    """Keep the lines of text that lie wholly between two heights (shares of the page's), and the drawing there."""
    top_pt, height_pt = y0 * page.height_pt, (y1 - y0) * page.height_pt
    words = iter(enumerate(page.words))
    kept: list[tuple[int, Word]] = []
    marks: list[Mark] = []
    for mark in page.marks:
        # Text is drawn in the order of the words, a run of them at a time.
        own = list(islice(words, len(mark.text.split(" ")))) if isinstance(mark, TextRun) else []
        above_pt, below_pt = _reach(mark)
        is_whole = top_pt <= above_pt and below_pt <= top_pt + height_pt
        if is_whole or (not isinstance(mark, TextRun) and above_pt < top_pt + height_pt and below_pt > top_pt):
            kept.extend(own)
            marks.append(_raised(mark, top_pt))
    number = {old: new for new, (old, _) in enumerate(kept)}
    inside = [value for value in printed if all(index in number for index in value.words)]
    values = [replace(value, words=tuple(number[index] for index in value.words)) for value in inside]
    stretch = 1 / (y1 - y0)
    boxed = [Word(word.text, _rebased(word.box, y0, stretch)) for _, word in kept]
    return Band(PaintedPage(page.width_pt, height_pt, tuple(boxed), tuple(marks)), tuple(values))


def _reach(mark: Mark) -> tuple[float, float]:
    """How high and how low a mark reaches, in points from the top."""
    if isinstance(mark, TextRun):
        face = open_face(mark.face)
        return mark.y_pt - face.ascender * mark.size_pt, mark.y_pt - face.descender * mark.size_pt
    return min(mark.y0_pt, mark.y1_pt), max(mark.y0_pt, mark.y1_pt)


def _raised(mark: Mark, by_pt: float) -> Mark:
    if isinstance(mark, TextRun):
        return replace(mark, y_pt=mark.y_pt - by_pt)
    if isinstance(mark, Stroke):
        return replace(mark, y0_pt=mark.y0_pt - by_pt, y1_pt=mark.y1_pt - by_pt)
    return replace(mark, y0_pt=mark.y0_pt - by_pt, y1_pt=mark.y1_pt - by_pt)


def _rebased(box: Box, y0: float, stretch: float) -> Box:
    return Box(box.x0, (box.y0 - y0) * stretch, box.x1, (box.y1 - y0) * stretch)
