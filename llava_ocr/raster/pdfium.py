"""Draws PDF pages and reads their text layers with pypdfium2 (BSD/Apache), for those who can't take PyMuPDF's AGPL."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray

from llava_ocr.errors import CorruptDocument, CorruptPage, InputError, NeedsPassword, NoPages
from llava_ocr.geometry import Box, Size, Turn, turn_of, union
from llava_ocr.raster.base import Limits
from llava_ocr.raster.drawer import EmbeddedFile
from llava_ocr.raster.limits import PaperSize, check_num_pages, check_paper
from llava_ocr.records import Word
from llava_ocr.words.cover import Drawn, drawn_over, lies_on_picture
from llava_ocr.words.visible import MIN_ALPHA, Ink

FAULTS = (pypdfium2.PdfiumError, RuntimeError, ValueError, IndexError, TypeError, AssertionError, OSError)
# PDFium converts page to device coordinates in whole numbers: a fine device keeps a ten-thousandth of the page.
_DEVICE_EDGE = 100_000
_KINDS = {
    pdfium_c.FPDF_PAGEOBJ_TEXT: "fill-text",
    pdfium_c.FPDF_PAGEOBJ_IMAGE: "fill-image",
    pdfium_c.FPDF_PAGEOBJ_PATH: "fill-path",
    pdfium_c.FPDF_PAGEOBJ_SHADING: "fill-shade",
}
_UNPAINTED = (pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP)


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
        with _faults_of_a_page("read"), self._text_page() as text_page:
            return [Word(text, box) for text, box, _ in self._words(text_page)]

    def turns(self) -> list[Turn | None]:
        """Tell by which turn each of the words is upright: by the angle of its first letter, which runs clockwise."""
        rotated = math.radians(self._page.get_rotation())
        with _faults_of_a_page("read"), self._text_page() as text_page:
            angles = [pdfium_c.FPDFText_GetCharAngle(text_page, first) for _, _, first in self._words(text_page)]
        # Unknown is -1.
        return [turn_of(math.cos(max(0.0, a) + rotated), math.sin(max(0.0, a) + rotated)) for a in angles]

    def inks(self) -> list[Ink]:
        """Tell how each of the words is painted, in their order."""
        with _faults_of_a_page("read"), self._text_page() as text_page:
            words = [(box, first) for _, box, first in self._words(text_page)]
            steps = [
                _Step(_address(part.raw), Drawn(_KINDS[part.type], self._box(*part.get_bounds())))
                for part in self._page.get_objects()
                if part.type in _KINDS
            ]
            own = {step.address: number for number, step in enumerate(steps)}
            texts = [pdfium_c.FPDFText_GetTextObject(text_page, first) for _, first in words]
            orders = [own.get(_address(text), len(steps)) for text in texts]
            drawn, boxes = [step.drawn for step in steps], [box for box, _ in words]
            places = zip(lies_on_picture(boxes, drawn), drawn_over(boxes, orders, drawn), strict=True)
            return [
                Ink(*_paint(text_page, first, text), bool(is_on_picture), bool(is_covered))
                for (_, first), text, (is_on_picture, is_covered) in zip(words, texts, places, strict=True)
            ]

    def image_cover(self) -> float:
        """Return the largest image's share of the page."""
        with _faults_of_a_page("read"):
            images = self._page.get_objects(filter=(pdfium_c.FPDF_PAGEOBJ_IMAGE,))
            return max((self._box(*image.get_bounds()).clipped().area for image in images), default=0.0)

    @contextmanager
    def _text_page(self) -> Iterator[pypdfium2.PdfTextPage]:
        text_page = self._page.get_textpage()
        try:
            yield text_page
        finally:
            text_page.close()

    def _words(self, text_page: pypdfium2.PdfTextPage) -> Iterator[tuple[str, Box, int]]:
        """Yield words with their boxes and the numbers of their first characters."""
        letters: list[str] = []
        boxes: list[Box] = []
        first = 0
        for index in range(text_page.count_chars()):
            letter = _char(pdfium_c.FPDFText_GetUnicode(text_page, index))
            box = None if letter.isspace() else self._box(*text_page.get_charbox(index, loose=True))
            if letters and (box is None or self._are_apart(boxes[-1], box)):
                yield "".join(letters), union(boxes), first
                letters, boxes = [], []
            if box is not None:
                first = first if letters else index
                letters.append(letter)
                boxes.append(box)
        if letters:
            yield "".join(letters), union(boxes), first

    def _are_apart(self, before: Box, after: Box) -> bool:
        """Whether two letters stand further apart than a line is high: PDFium puts no space where a line wraps."""
        width_pt, height_pt = self.paper.width_pt, self.paper.height_pt
        across_pt = max(after.x0 - before.x1, before.x0 - after.x1) * width_pt
        down_pt = max(after.y0 - before.y1, before.y0 - after.y1) * height_pt
        line_pt = max(min(before.width * width_pt, before.height * height_pt), 0.5 * before.height * height_pt)
        return max(across_pt, down_pt) > 2 * line_pt

    def _box(self, left_pt: float, bottom_pt: float, right_pt: float, top_pt: float) -> Box:
        """Turn a rectangle of the page's own axes, which run upwards and know no /Rotate, to the upright page."""
        (x0, y0), (x1, y1) = self._upright(left_pt, bottom_pt), self._upright(right_pt, top_pt)
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def _upright(self, x_pt: float, y_pt: float) -> tuple[float, float]:
        x, y = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(self._page, 0, 0, _DEVICE_EDGE, _DEVICE_EDGE, 0, x_pt, y_pt, x, y)
        return x.value / _DEVICE_EDGE, y.value / _DEVICE_EDGE


class _Step(NamedTuple):
    """One object of a page; PDFium hands out the same address for it every time."""

    address: int
    drawn: Drawn


def _address(part: Any) -> int:
    return ctypes.cast(part, ctypes.c_void_p).value or 0


def _paint(text_page: pypdfium2.PdfTextPage, index: int, text: Any) -> tuple[tuple[int, int, int], bool]:
    """A character's colour, and whether it is painted at all."""
    mode = pdfium_c.FPDFTextObj_GetTextRenderMode(text)
    is_stroked = mode in (pdfium_c.FPDF_TEXTRENDERMODE_STROKE, pdfium_c.FPDF_TEXTRENDERMODE_STROKE_CLIP)
    ask = pdfium_c.FPDFText_GetStrokeColor if is_stroked else pdfium_c.FPDFText_GetFillColor
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not ask(text_page, index, red, green, blue, alpha):
        return (0, 0, 0), mode not in _UNPAINTED
    return (red.value, green.value, blue.value), mode not in _UNPAINTED and alpha.value >= MIN_ALPHA


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

    def embedded(self) -> Iterator[EmbeddedFile]:
        """Yield the attached files."""
        with _faults("the attached files can't be listed", CorruptDocument):
            files = [self._document.get_attachment(number) for number in range(self._document.count_attachments())]
            names = [str(file.get_name()) for file in files]
        for file, name in zip(files, names, strict=True):
            yield EmbeddedFile(name, partial(_attached, file))

    def close(self) -> None:
        """Close the document."""
        self._document.close()


def _attached(file: pypdfium2.PdfAttachment) -> bytes:
    with _faults("an attached file can't be read", CorruptDocument):
        return bytes(file.get_data())


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


def _faults_of_a_page(done: str) -> AbstractContextManager[None]:
    return _faults(f"the page can't be {done}", CorruptPage)


@contextmanager
def _faults(message: str, kind: type[InputError]) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except FAULTS as fault:
        raise pdfium_error(fault, kind, message) from fault
