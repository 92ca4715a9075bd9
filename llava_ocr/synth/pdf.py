"""Painted documents as PDF bytes with a text layer."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import pymupdf

from llava_ocr.synth.base import PaintedDocument, PaintedPage, Patch, Stroke, TextRun
from llava_ocr.synth.fonts import open_face


def paint_pdf(document: PaintedDocument) -> bytes:
    """Draw a document as PDF. The words of its text layer are those of `document.pages`."""
    with pymupdf.open() as pdf:
        for page in document.pages:
            draw_page(pdf, page)
        pdf.subset_fonts()
        # A fixed file identifier and no dates: equal documents give equal bytes.
        return bytes(pdf.tobytes(deflate=True, garbage=1, no_new_id=True))


def draw_page(pdf: Any, page: PaintedPage) -> None:
    """Add one page to an open PDF: areas and lines first, text over them."""
    sheet = pdf.new_page(width=page.width_pt, height=page.height_pt)
    shape = sheet.new_shape()
    for mark in page.marks:
        if isinstance(mark, Patch):
            _fill(shape, mark)
        elif isinstance(mark, Stroke):
            shape.draw_line((mark.x0_pt, mark.y0_pt), (mark.x1_pt, mark.y1_pt))
            shape.finish(width=mark.width_pt, color=mark.color, dashes="[2 2]" if mark.is_dashed else None)
    shape.commit()
    _write(sheet, (mark for mark in page.marks if isinstance(mark, TextRun)))


def _fill(shape: Any, patch: Patch) -> None:
    box = pymupdf.Rect(patch.x0_pt, patch.y0_pt, patch.x1_pt, patch.y1_pt)
    if patch.kind == "ellipse":
        shape.draw_oval(box)
    elif patch.kind == "triangle":
        shape.draw_polyline([box.bl, box.br, ((box.x0 + box.x1) / 2, box.y0), box.bl])
    else:
        shape.draw_rect(box)
    shape.finish(width=0, color=None, fill=patch.color)


def _write(sheet: Any, runs: Iterable[TextRun]) -> None:
    for color, same in groupby(runs, key=lambda run: run.color):
        writer = pymupdf.TextWriter(sheet.rect)
        for run in same:
            writer.append((run.x_pt, run.y_pt), run.text, font=open_face(run.face).font, fontsize=run.size_pt)
        writer.write_text(sheet, color=color)
