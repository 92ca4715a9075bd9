"""Opens a document with the library that fits it and the user's choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llava_ocr.errors import UnknownFormat
from llava_ocr.raster.base import PdfLibrary, ReadOptions
from llava_ocr.raster.drawer import Paper
from llava_ocr.raster.einvoices import EInvoicePaper
from llava_ocr.raster.sniff import Format, sniff_path


def open_paper(path: Path, passwords: Sequence[str], options: ReadOptions) -> Paper:
    """Open a document. Raises UnknownFormat, and what `drawer.OpenPaper` names."""
    kind = sniff_path(path)
    if kind is None:
        raise UnknownFormat("neither a PDF nor an image of a kind that is read here")
    if kind is Format.EINVOICE:
        return EInvoicePaper(path)
    # Each library is loaded where it is wanted: who can't take PyMuPDF's licence need not install it.
    if kind is not Format.PDF:
        from llava_ocr.raster.image import open_image

        return open_image(path, kind, options.limits)
    if options.pdf is PdfLibrary.PDFIUM:
        from llava_ocr.raster.pdfium import open_pdfium

        return open_pdfium(path, passwords, options.limits)
    from llava_ocr.raster.pdf import open_pdf

    return open_pdf(path, passwords, options.limits)
