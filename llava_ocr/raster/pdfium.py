"""Draws PDF pages and reads their text layers with pypdfium2 (BSD/Apache), for those who can't take PyMuPDF's AGPL."""

from __future__ import annotations

import ctypes
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
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
from llava_ocr.raster.limits import GLYPH_DPI, GLYPH_MAX_PIXELS, PaperSize, check_num_pages, check_paper, shrunk_to
from llava_ocr.records import Word
from llava_ocr.words.cover import Drawn, drawn_over, lies_on_picture
from llava_ocr.words.right_to_left import Char, rebuilt_words
from llava_ocr.words.soft_hyphens import SOFT_HYPHEN, has_ink
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
        return [Word(stored.text, stored.box) for stored in self._stored_words]

    def turns(self) -> list[Turn | None]:
        """Tell by which turn each of the words is upright: by the angle of its first letter, which runs clockwise."""
        rotated = math.radians(self._page.get_rotation())
        with _faults_of_a_page("read"), self._text_page() as text_page:
            angles = [pdfium_c.FPDFText_GetCharAngle(text_page, stored.first) for stored in self._stored_words]
        # Unknown is -1.
        return [turn_of(math.cos(max(0.0, a) + rotated), math.sin(max(0.0, a) + rotated)) for a in angles]

    def inks(self) -> list[Ink]:
        """Tell how each of the words is painted, in their order."""
        words = self._stored_words
        with _faults_of_a_page("read"), self._text_page() as text_page:
            steps = [
                _Step(_address(part.raw), Drawn(_KINDS[part.type], self._box(*_bounds(part))))
                for part in self._page.get_objects()
                if part.type in _KINDS
            ]
            own = {step.address: number for number, step in enumerate(steps)}
            texts = [pdfium_c.FPDFText_GetTextObject(text_page, word.first) for word in words]
            orders = [own.get(_address(text), len(steps)) for text in texts]
            drawn, boxes = [step.drawn for step in steps], [word.box for word in words]
            places = zip(lies_on_picture(boxes, drawn), drawn_over(boxes, orders, drawn), strict=True)
            return [
                Ink(*_paint(text_page, word.first, text), bool(is_on_picture), bool(is_covered))
                for word, text, (is_on_picture, is_covered) in zip(words, texts, places, strict=True)
            ]

    def pictures(self) -> list[Box]:
        """Return where images are shown."""
        with _faults_of_a_page("read"):
            images = self._page.get_objects(filter=(pdfium_c.FPDF_PAGEOBJ_IMAGE,))
            return [self._box(*_bounds(image)) for image in images]

    @contextmanager
    def _text_page(self) -> Iterator[pypdfium2.PdfTextPage]:
        text_page = self._page.get_textpage()
        try:
            yield text_page
        finally:
            text_page.close()

    @cached_property
    def _stored_words(self) -> list[_StoredWord]:
        with _faults_of_a_page("read"), self._text_page() as text_page:
            hidden = self._hidden_layers()
            chars = [self._char(text_page, index, hidden) for index in range(text_page.count_chars())]
        rebuilt = rebuilt_words(chars)
        taken = {number for word in rebuilt for number in word.chars}
        words = [_StoredWord("".join(chars[n].text for n in run), run) for run in self._runs(chars, taken)]
        return [word.boxed(chars) for word in (*words, *(_StoredWord(*word) for word in rebuilt))]

    def _hidden_layers(self) -> frozenset[int]:
        """The addresses of texts that belong to a layer which is switched off: without it the page looks the same."""
        layers: defaultdict[str, list[Any]] = defaultdict(list)
        for part in self._page.get_objects():
            if (layer := _layer_of(part.raw)) is not None:
                layers[layer].append(part.raw)
        hidden: set[int] = set()
        for parts in layers.values():
            whole_HWC = self._fine_pixels_HWC
            for part in parts:
                pdfium_c.FPDFPageObj_SetIsActive(part, False)
            is_hidden = np.array_equal(self._drawn_finely(), whole_HWC)
            for part in parts:
                pdfium_c.FPDFPageObj_SetIsActive(part, True)
            hidden.update(_address(part) for part in parts if is_hidden)
        return frozenset(hidden)

    def _char(self, text_page: pypdfium2.PdfTextPage, index: int, hidden: frozenset[int]) -> Char:
        """A character as it shows: a soft hyphen is a hyphen, or nothing; what is of a hidden layer is white space."""
        if hidden and _address(pdfium_c.FPDFText_GetTextObject(text_page, index)) in hidden:
            return Char(" ", Box(0, 0, 0, 0))
        letter = _letter(text_page, index)
        if letter.isspace():
            return Char(letter, Box(0, 0, 0, 0))
        box = self._box(*text_page.get_charbox(index, loose=True))
        if letter == SOFT_HYPHEN:
            letter = "-" if has_ink(box, self._fine_pixels_HWC) else ""
        return Char(letter, box)

    @cached_property
    def _fine_pixels_HWC(self) -> NDArray[np.uint8]:
        return self._drawn_finely()

    def _drawn_finely(self) -> NDArray[np.uint8]:
        return self.draw(shrunk_to(self.paper.at_dpi(GLYPH_DPI), GLYPH_MAX_PIXELS))

    def _runs(self, chars: Sequence[Char], taken: set[int]) -> Iterator[tuple[int, ...]]:
        """The numbers of each word's characters, those `taken` left out."""
        run: list[int] = []
        for number, char in enumerate(chars):
            is_gap = char.text.isspace() or number in taken
            if run and (is_gap or self._are_apart(chars[run[-1]].box, char.box)):
                yield tuple(run)
                run = []
            if not is_gap:
                run.append(number)
        if run:
            yield tuple(run)

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


class _StoredWord(NamedTuple):
    """A word, the numbers of its characters, and the box around them."""

    text: str
    chars: tuple[int, ...]
    box: Box = Box(0, 0, 0, 0)

    @property
    def first(self) -> int:
        """Its first character."""
        return self.chars[0]

    def boxed(self, chars: Sequence[Char]) -> _StoredWord:
        """The word with its box."""
        return self._replace(box=union(chars[number].box for number in self.chars))


class _Step(NamedTuple):
    """One object of a page; PDFium hands out the same address for it every time."""

    address: int
    drawn: Drawn


def _bounds(part: pypdfium2.PdfObject) -> tuple[float, float, float, float]:
    """An object's extent on the page; PDFium tells that of one inside a form in the form's own axes."""
    left, bottom, right, top = part.get_bounds()
    form = part.container
    while form is not None:
        matrix = form.get_matrix()
        corners = [matrix.on_point(x, y) for x in (left, right) for y in (bottom, top)]
        left, right = min(x for x, _ in corners), max(x for x, _ in corners)
        bottom, top = min(y for _, y in corners), max(y for _, y in corners)
        form = form.container
    return left, bottom, right, top


def _layer_of(part: Any) -> str | None:
    """The name of the layer (optional content) that an object is marked to belong to."""
    for number in range(max(0, pdfium_c.FPDFPageObj_CountMarks(part))):
        mark = pdfium_c.FPDFPageObj_GetMark(part, number)
        if _told(partial(pdfium_c.FPDFPageObjMark_GetName, mark)) == "OC":
            return _told(partial(pdfium_c.FPDFPageObjMark_GetParamStringValue, mark, b"Name"))
    return None


def _told(ask: Callable[[Any, int, Any], Any]) -> str:
    """What a function of PDFium's writes into a buffer, as UTF-16."""
    num_bytes = ctypes.c_ulong()
    buffer = ctypes.create_string_buffer(512)
    if not ask(ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR)), len(buffer), num_bytes):
        return ""
    return buffer.raw[: max(0, min(num_bytes.value, len(buffer)) - 2)].decode("utf-16-le", "replace")


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
            page = self._flat(page_index)
        try:
            yield PdfiumSheet(page)
        finally:
            page.close()

    @property
    def is_placeholder(self) -> bool:
        """Whether PDFium takes it for a form that is XFA alone."""
        return bool(self._document.get_formtype() == pdfium_c.FORMTYPE_XFA_FULL)

    def _flat(self, page_index: int) -> pypdfium2.PdfPage:
        """Load a page with what annotations and form fields show put in its content: PDFium reads words only there."""
        page = self._document[page_index]
        if not pdfium_c.FPDFPage_GetAnnotCount(page):
            return page
        if pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) != pdfium_c.FLATTEN_SUCCESS:
            return page
        # The words are those of the content as it was when the page was loaded.
        page.close()
        return self._document[page_index]

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


def _letter(text_page: pypdfium2.PdfTextPage, index: int) -> str:
    code = pdfium_c.FPDFText_GetUnicode(text_page, index)
    # What PDFium puts for a hyphen at a line's end, soft ones among them.
    if code in (0x2, 0xFFFE) and pdfium_c.FPDFText_IsHyphen(text_page, index) == 1:
        return SOFT_HYPHEN
    # Half surrogates can't be encoded.
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
