"""Every character's place on a painted page: what a per-patch character loss is taught with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.synth.base import PaintedPage, TextRun
from llava_ocr.synth.fonts import open_face


@dataclass(frozen=True, slots=True)
class Glyph:
    """One printed character that is no space, and its box: advance wide, ascender to descender high."""

    text: str
    box: Box


def glyphs(page: PaintedPage) -> Iterator[Glyph]:
    """Yield a page's characters in drawing order."""
    for mark in page.marks:
        if isinstance(mark, TextRun):
            yield from _run_glyphs(mark, page)


def _run_glyphs(run: TextRun, page: PaintedPage) -> Iterator[Glyph]:
    face, x = open_face(run.face), run.x_pt
    y0 = (run.y_pt - face.ascender * run.size_pt) / page.height_pt
    y1 = (run.y_pt - face.descender * run.size_pt) / page.height_pt
    for char in run.text:
        end = x + face.width(char) * run.size_pt
        if char != " ":
            yield Glyph(char, Box(x / page.width_pt, y0, end / page.width_pt, y1))
        x = end
