"""Draws PDF pages and reads their text layers with PyMuPDF (AGPL-3). The only door to it for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pymupdf
from numpy.typing import NDArray

from llava_ocr.errors import CorruptDocument, CorruptPage, InputError, NeedsPassword, NoPages, RasterOutOfMemory
from llava_ocr.geometry import Box, Size
from llava_ocr.raster.base import Limits
from llava_ocr.raster.limits import PaperSize, check_num_pages, check_paper
from llava_ocr.records import Word

# One defect raises different classes from different calls, and they have no common base but Exception.
FAULTS = (
    pymupdf.mupdf.FzErrorBase,
    RuntimeError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AssertionError,
    AttributeError,
    OverflowError,
    OSError,
)
# Ligatures become letters; what has no Unicode stays U+FFFD, so that `words.sanity` can see it.
_WORD_FLAGS = pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_PRESERVE_WHITESPACE

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


class MuPdfSheet:
    """One page of a PDF."""

    native: Size | None = None

    def __init__(self, page: pymupdf.Page) -> None:
        self._page = page
        rect = page.rect
        self.paper = check_paper(PaperSize(rect.width, rect.height))
        to_share = pymupdf.Matrix(1 / rect.width, 1 / rect.height)
        self._upright = tuple(page.rotation_matrix * to_share)

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """Draw at `size`, annotations and filled form fields too."""
        zoom = pymupdf.Matrix(size.width / self.paper.width_pt, size.height / self.paper.height_pt)
        with _faults_of_a_page("drawn"):
            pixmap = self._page.get_pixmap(matrix=zoom, alpha=False, annots=True, colorspace=pymupdf.csRGB)
            drawn = np.frombuffer(pixmap.samples_mv, np.uint8).reshape(pixmap.height, pixmap.stride)
        return fitted_to(drawn[:, : pixmap.width * 3].reshape(pixmap.height, pixmap.width, 3), size)

    def words(self) -> list[Word]:
        """Read the text layer in MuPDF's order."""
        with _faults_of_a_page("read"):
            return [
                Word(text, self._box(*edges))
                for *edges, text, _, _, _ in self._page.get_text("words", flags=_WORD_FLAGS)
            ]

    def image_cover(self) -> float:
        """Return the largest image's share of the page."""
        with _faults_of_a_page("read"):
            boxes = [self._box(*info["bbox"]) for info in self._page.get_image_info()]
        return max((box.clipped().area for box in boxes), default=0.0)

    def _box(self, x0_pt: float, y0_pt: float, x1_pt: float, y1_pt: float) -> Box:
        """Turn a rectangle of the page as it is before /Rotate to the upright page."""
        across, down = (x0_pt, x1_pt), (y0_pt, y1_pt)
        a, b, c, d, e, f = self._upright
        xs = [a * x + c * y + e for x, y in zip(across, down, strict=True)]
        ys = [b * x + d * y + f for x, y in zip(across, down, strict=True)]
        return Box(min(xs), min(ys), max(xs), max(ys))


class MuPdfPaper:
    """An open PDF."""

    def __init__(self, document: pymupdf.Document, num_pages: int) -> None:
        self._document = document
        self.num_pages = num_pages

    @contextmanager
    def sheet(self, page_index: int) -> Iterator[MuPdfSheet]:
        """Open a page."""
        with _faults_of_a_page("loaded"):
            page = self._document.load_page(page_index)
            sheet = MuPdfSheet(page)
        yield sheet

    def save_stripped(self, into: Path) -> None:
        """Write the pages to a new file, as they are, and nothing that only a program would read."""
        kept = ("clean_pages", "hidden_text", "javascript", "redactions", "remove_links", "reset_fields")
        try:
            self._document.scrub(**dict.fromkeys((*kept, "reset_responses", "thumbnails"), False))
            # Files may also hang on the catalog, as associated ones; unless that goes they stay in the copy.
            self._document.xref_set_key(self._document.pdf_catalog(), "AF", "null")
            self._document.save(str(into), garbage=3, encryption=pymupdf.PDF_ENCRYPT_NONE)
        except FAULTS as fault:
            raise mupdf_error(fault, CorruptDocument, "the PDF can't be copied") from fault

    def close(self) -> None:
        """Close the document and empty MuPDF's store, which else keeps the fonts and images of old documents."""
        self._document.close()
        pymupdf.TOOLS.store_shrink(100)


def open_pdf(path: Path, passwords: Sequence[str], limits: Limits) -> MuPdfPaper:
    """Open a PDF. Raises CorruptDocument, NeedsPassword, NoPages, TooManyPages or RasterOutOfMemory."""
    try:
        document = pymupdf.open(str(path), filetype="pdf")
        if document.needs_pass and not any(document.authenticate(password) for password in ("", *passwords)):
            raise NeedsPassword(f"encrypted; none of {len(passwords)} passwords fits")
        num_pages = document.page_count
    except FAULTS as fault:
        raise mupdf_error(fault, CorruptDocument, "the PDF can't be opened") from fault
    if num_pages < 1:
        raise NoPages("the PDF opens and has no pages")
    return MuPdfPaper(document, check_num_pages(num_pages, limits))


def copy_without_attachments(path: Path, into: Path, passwords: Sequence[str]) -> None:
    """Write a PDF's pages alone: no embedded file, no attachment, no metadata, no password. Raises as `open_pdf`."""
    paper = open_pdf(path, passwords, Limits())
    try:
        paper.save_stripped(into)
    finally:
        paper.close()


def mupdf_error(fault: BaseException, otherwise: type[InputError], what: str) -> InputError:
    """Translate an exception of PyMuPDF. Its text may quote the document, so the class alone is passed on."""
    if isinstance(fault, InputError):
        return fault
    # MuPDF turns a failed malloc into a system error: "malloc (1228800000 bytes) failed".
    if isinstance(fault, pymupdf.mupdf.FzErrorSystem) and "alloc" in str(fault):
        return RasterOutOfMemory(f"{what}: MuPDF ran out of memory")
    return otherwise(f"{what} ({type(fault).__name__})")


def fitted_to(drawn_HWC: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Cut or fill with white what rounding made a pixel more or less than `size`. Copies."""
    canvas = np.full((size.height, size.width, 3), 255, np.uint8)
    height, width = min(size.height, drawn_HWC.shape[0]), min(size.width, drawn_HWC.shape[1])
    canvas[:height, :width] = drawn_HWC[:height, :width]
    return canvas


@contextmanager
def _faults_of_a_page(done: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except FAULTS as fault:
        raise mupdf_error(fault, CorruptPage, f"the page can't be {done}") from fault
