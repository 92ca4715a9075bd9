"""E-invoices as documents come with them: inside of a PDF, or an XML file by itself. Used in the child."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from llava_ocr.einvoice import MAX_SIZE_BYTES, looks_like_einvoice
from llava_ocr.errors import CorruptPage
from llava_ocr.raster.drawer import EmbeddedFile, Paper, Sheet

# As the standards name them: ZUGFeRD, Factur-X, XRechnung. Others are taken where none of these is there.
_USUAL_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")


class EInvoicePaper:
    """An XML invoice by itself: one page, of which there is nothing to draw."""

    num_pages = 1
    is_placeholder = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def sheet(self, page_index: int) -> AbstractContextManager[Sheet]:
        """Refuse: the page is read from its XML."""
        raise CorruptPage(f"page {page_index + 1} of an XML invoice can't be drawn")

    def embedded(self) -> Iterator[EmbeddedFile]:
        """Yield the invoice itself."""
        yield EmbeddedFile(self._path.name, self._path.read_bytes)

    def close(self) -> None:
        """Hold nothing open."""


def find_einvoice(paper: Paper) -> bytes:
    """Return the XML of the invoice in a document, empty where there is none. Raises InputError."""
    files = [
        file for file in paper.embedded() if file.name.lower().endswith(".xml") or isinstance(paper, EInvoicePaper)
    ]
    for file in sorted(files, key=lambda file: file.name.lower() not in _USUAL_NAMES):
        data = file.read()
        if len(data) <= MAX_SIZE_BYTES and looks_like_einvoice(data):
            return data
    return b""
