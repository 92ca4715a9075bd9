"""Copies of documents that hold nothing but what is on their pages, so that nobody reads the answer out of the file."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from llava_ocr.raster.base import ReadOptions
from llava_ocr.raster.drawer import Paper
from llava_ocr.raster.limits import shrunk_to
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sniff import Format, sniff_path

SCAN_DPI = 200
_JPEG_QUALITY = 85
# Pages that wait are squeezed too little to show on the pages as written.
_KEPT_QUALITY = 97


def copy_digital(path: Path, into: Path, *, passwords: Sequence[str]) -> None:
    """Copy a document as it is; of a PDF, its pages alone. Raises InputError where a PDF can't be opened."""
    if sniff_path(path) is not Format.PDF:
        shutil.copyfile(path, into)
        return
    from llava_ocr.raster.pdf import copy_without_attachments

    copy_without_attachments(path, into, passwords)


def copy_scanned(path: Path, into: Path, *, options: ReadOptions, passwords: Sequence[str]) -> None:
    """Write a PDF's pages as JPEG at 200 dpi, without a text layer; a picture is copied. Raises InputError."""
    if sniff_path(path) is not Format.PDF:
        shutil.copyfile(path, into)
        return
    paper = open_paper(path, passwords, options)
    try:
        first, *others = _scans(paper, options)
        first.save(into, "PDF", save_all=True, append_images=others, resolution=SCAN_DPI, quality=_JPEG_QUALITY)
    finally:
        paper.close()


def _scans(paper: Paper, options: ReadOptions) -> Iterator[Image.Image]:
    """Draw every page; what waits to be written is kept as JPEG, a tenth of the pixels' size or less."""
    for index in range(paper.num_pages):
        with paper.sheet(index) as sheet:
            size = shrunk_to(sheet.paper.at_dpi(SCAN_DPI), options.limits.max_pixels)
            drawn = Image.fromarray(sheet.draw(size))
        buffer = io.BytesIO()
        drawn.save(buffer, "JPEG", quality=_KEPT_QUALITY)
        yield Image.open(buffer, formats=["JPEG"])
