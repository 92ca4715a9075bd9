"""Draws PDF pages and reads their text layers with pypdfium2 (BSD/Apache), for those who can't take PyMuPDF's AGPL."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray

from llava_ocr.errors import CorruptDocument, CorruptPage, InputError, NeedsPassword, NoPages
from llava_ocr.geometry import Box, Size, union
from llava_ocr.raster.base import Limits
from llava_ocr.raster.limits import PaperSize, check_num_pages, check_paper
from llava_ocr.records import Word

FAULTS = (pypdfium2.PdfiumError, RuntimeError, ValueError, IndexError, TypeError, AssertionError, OSError)
# PDFium converts page to device coordinates in whole numbers: a fine device keeps a ten-thousandth of the page.
_DEVICE_EDGE = 100_000


class PdfiumSheet:
    """One page of a PDF."""

    native: Size | None = None

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._page = page
        width_pt, height_pt = page.get_size()
        self.paper = check_paper(PaperSize(width_pt, height_pt))

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """Draw at `size`, annotations and filled form fields too."""
        with _faults_of_a_page("drawn"):
            bitmap = pypdfium2.PdfBitmap.new_native(size.width, size.height, pdfium_c.FPDFBitmap_BGR)
            try:
                bitmap.fill_rect((255, 255, 255, 255), 0, 0, size.width, size.height)
                flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
                place = (0, 0, size.width, size.height, 0, flags)
                pdfium_c.FPDF_RenderPageBitmap(bitmap, self._page, *place)
                if self._page.formenv:
                    pdfium_c.FPDF_FFLDraw(self._page.formenv, bitmap, self._page, *place)
                return np.array(bitmap.to_numpy()[:, :, :3], dtype=np.uint8, order="C")
            finally:
                bitmap.close()

    def words(self) -> list[Word]:
        """Read the text layer in PDFium's order: runs of characters between white space."""
        with _faults_of_a_page("read"):
            text_page = self._page.get_textpage()
            try:
                return list(self._words(text_page))
            finally:
                text_page.close()

    def image_cover(self) -> float:
        """Return the largest image's share of the page."""
        with _faults_of_a_page("read"):
            images = self._page.get_objects(filter=(pdfium_c.FPDF_PAGEOBJ_IMAGE,))
            return max((self._box(*image.get_bounds()).clipped().area for image in images), default=0.0)

    def _words(self, text_page: pypdfium2.PdfTextPage) -> Iterator[Word]:
        letters: list[str] = []
        boxes: list[Box] = []
        for index in range(text_page.count_chars()):
            letter = _char(pdfium_c.FPDFText_GetUnicode(text_page, index))
            if not letter.isspace():
                letters.append(letter)
                boxes.append(self._box(*text_page.get_charbox(index, loose=True)))
            elif letters:
                yield Word("".join(letters), union(boxes))
                letters, boxes = [], []
        if letters:
            yield Word("".join(letters), union(boxes))

    def _box(self, left_pt: float, bottom_pt: float, right_pt: float, top_pt: float) -> Box:
        """Turn a rectangle of the page's own axes, which run upwards and know no /Rotate, to the upright page."""
        (x0, y0), (x1, y1) = self._upright(left_pt, bottom_pt), self._upright(right_pt, top_pt)
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def _upright(self, x_pt: float, y_pt: float) -> tuple[float, float]:
        x, y = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(self._page, 0, 0, _DEVICE_EDGE, _DEVICE_EDGE, 0, x_pt, y_pt, x, y)
        return x.value / _DEVICE_EDGE, y.value / _DEVICE_EDGE


class PdfiumPaper:
    """An open PDF."""

    def __init__(self, document: pypdfium2.PdfDocument, num_pages: int) -> None:
        self._document = document
        self.num_pages = num_pages

    @contextmanager
    def sheet(self, page_index: int) -> Iterator[PdfiumSheet]:
        """Open a page."""
        with _faults_of_a_page("loaded"):
            page = self._document[page_index]
        try:
            yield PdfiumSheet(page)
        finally:
            page.close()

    def close(self) -> None:
        """Close the document."""
        self._document.close()


def open_pdfium(path: Path, passwords: Sequence[str], limits: Limits) -> PdfiumPaper:
    """Open a PDF. Raises CorruptDocument, NeedsPassword, NoPages or TooManyPages."""
    document = _unlocked(path, passwords)
    try:
        num_pages = len(document)
        document.init_forms()
    except FAULTS as fault:
        raise pdfium_error(fault, CorruptDocument, "the PDF can't be opened") from fault
    if num_pages < 1:
        raise NoPages("the PDF opens and has no pages")
    return PdfiumPaper(document, check_num_pages(num_pages, limits))


def pdfium_error(fault: BaseException, otherwise: type[InputError], what: str) -> InputError:
    """Translate an exception of pypdfium2; the class alone is passed on."""
    return fault if isinstance(fault, InputError) else otherwise(f"{what} ({type(fault).__name__})")


def _unlocked(path: Path, passwords: Sequence[str]) -> pypdfium2.PdfDocument:
    for password in (None, *passwords):
        try:
            return pypdfium2.PdfDocument(path, password=password)
        except pypdfium2.PdfiumError as fault:
            if fault.err_code != pdfium_c.FPDF_ERR_PASSWORD:
                raise pdfium_error(fault, CorruptDocument, "the PDF can't be opened") from fault
        except FAULTS as fault:
            raise pdfium_error(fault, CorruptDocument, "the PDF can't be opened") from fault
    raise NeedsPassword(f"encrypted; none of {len(passwords)} passwords fits")


def _char(code: int) -> str:
    # 0xFFFE is PDFium's mark of a hyphen at a line's end; half surrogates can't be encoded.
    if code == 0xFFFE:
        return "-"
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"


@contextmanager
def _faults_of_a_page(done: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except FAULTS as fault:
        raise pdfium_error(fault, CorruptPage, f"the page can't be {done}") from fault
