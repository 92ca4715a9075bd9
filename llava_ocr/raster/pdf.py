"""Draws PDF pages and reads their text layers with PyMuPDF (AGPL-3). The only door to it for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pymupdf
from numpy.typing import NDArray

from llava_ocr.errors import CorruptDocument, CorruptPage, InputError, NeedsPassword, NoPages, RasterOutOfMemory
from llava_ocr.geometry import Box, Size, Turn, turn_of
from llava_ocr.raster.base import Limits
from llava_ocr.raster.drawer import EmbeddedFile
from llava_ocr.raster.limits import GLYPH_DPI, GLYPH_MAX_PIXELS, PaperSize, check_num_pages, check_paper, shrunk_to
from llava_ocr.records import Word
from llava_ocr.words.cover import Drawn, Glyph, drawn_over, lies_on_picture, maybe_covered, step_of
from llava_ocr.words.dingbats import dingbat, is_dingbats
from llava_ocr.words.right_to_left import Char, is_right_to_left, rebuilt_words
from llava_ocr.words.soft_hyphens import SOFT_HYPHEN, has_ink
from llava_ocr.words.visible import MIN_ALPHA, Ink

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
# Flags of a span's characters: filled, stroked.
_PAINTED = 16 | 32
_LAST_CODE = 0x10FFFF
# Ligatures become letters; what has no Unicode stays U+FFFD, so that `words.sanity` can see it.
_WORD_FLAGS = pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_PRESERVE_WHITESPACE

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


_Edges = tuple[float, float, float, float]


class _StoredChar(NamedTuple):
    """A character as the file has it and as the page shows it, and its box in points before /Rotate."""

    stored: str
    shown: str
    edges: _Edges


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
            return [Word(text, self._box(*edges)) for *edges, text, _, _, _ in self._stored_words]

    def turns(self) -> list[Turn | None]:
        """Tell by which turn each of the words is upright: by the direction of its line."""
        with _faults_of_a_page("read"):
            a, b, c, d, _, _ = self._page.rotation_matrix
            turns: dict[tuple[int, int], Turn | None] = {}
            for place, line in self._lines.items():
                x, y = line["dir"]
                # Lines of characters below each other, as Chinese and Japanese write, are upright as they are.
                turns[place] = Turn.NONE if line["wmode"] else turn_of(a * x + c * y, b * x + d * y)
            return [turns.get((block, line), Turn.NONE) for *_, block, line, _ in self._stored_words]

    def inks(self) -> list[Ink]:
        """Tell how each of the words is painted, in their order."""
        words = self.words()
        with _faults_of_a_page("read"):
            spans = {place: line["spans"] for place, line in self._lines.items()}
            found = [_span_of(word, spans) for word in self._stored_words]
            # MuPDF tells boxes on the page before /Rotate, as it does words.
            drawn = [Drawn(kind, self._box(*edges)) for kind, edges in self._page.get_bboxlog()]
        boxes = [word.box for word in words]
        on_picture, covered = lies_on_picture(boxes, drawn), drawn_over(boxes, self._steps(words, drawn), drawn)
        return [
            Ink(_rgb(span), _is_painted(span), bool(is_on_picture), bool(is_covered))
            for span, is_on_picture, is_covered in zip(found, on_picture, covered, strict=True)
        ]

    def pictures(self) -> list[Box]:
        """Return where images are shown."""
        with _faults_of_a_page("read"):
            return [self._box(*info["bbox"]) for info in self._page.get_image_info()]

    @cached_property
    def _text_page(self) -> pymupdf.TextPage:
        return self._page.get_textpage(flags=_WORD_FLAGS)

    @cached_property
    def _stored_words(self) -> list[Any]:
        listed: list[Any] = self._page.get_text("words", flags=_WORD_FLAGS, textpage=self._text_page)
        if self._has_dingbats() or any(SOFT_HYPHEN in word[4] for word in listed):
            listed = self._as_shown(listed)
        return self._with_rebuilt(listed) if any(is_right_to_left(word[4]) for word in listed) else listed

    @cached_property
    def _chars(self) -> dict[tuple[int, int], list[_StoredChar]]:
        """The characters of each line, by block and line."""
        blocks = self._page.get_text("rawdict", flags=_WORD_FLAGS, textpage=self._text_page)["blocks"]
        return {
            (block["number"], number): [
                _StoredChar(char["c"], self._shown(char["c"], span["font"], char["bbox"]), char["bbox"])
                for span in line["spans"]
                for char in span["chars"]
            ]
            for block in blocks
            for number, line in enumerate(block.get("lines", ()))
        }

    def _shown(self, char: str, font: str, edges: _Edges) -> str:
        """What a character is on the page: a soft hyphen is a hyphen, or nothing, a dingbat no letter or figure."""
        if is_dingbats(font):
            return dingbat(char)
        if char != SOFT_HYPHEN:
            return char
        return "-" if has_ink(self._box(*edges), self._fine_pixels_HWC) else ""

    @cached_property
    def _fine_pixels_HWC(self) -> NDArray[np.uint8]:
        return self.draw(shrunk_to(self.paper.at_dpi(GLYPH_DPI), GLYPH_MAX_PIXELS))

    def _with_rebuilt(self, listed: list[Any]) -> list[Any]:
        """The words with those of right-to-left lines put together again."""
        chars = [(place, char) for place, line in self._chars.items() for char in line]
        rebuilt = rebuilt_words([Char(char.shown, self._box(*char.edges)) for _, char in chars])
        taken = {chars[number][0] for word in rebuilt for number in word.chars}
        kept = [word for word in listed if (word[5], word[6]) not in taken]
        for word in rebuilt:
            edges = np.array([chars[number][1].edges for number in word.chars])
            around = (*edges[:, :2].min(axis=0).tolist(), *edges[:, 2:].max(axis=0).tolist())
            kept.append((*around, word.text, *chars[word.chars[0]][0], 0))
        return kept

    def _has_dingbats(self) -> bool:
        return any(is_dingbats(span["font"]) for line in self._lines.values() for span in line["spans"])

    def _as_shown(self, listed: list[Any]) -> list[Any]:
        """The words with soft hyphens and dingbats as they show; a line's words hold its characters in their order."""
        waiting = {place: iter(line) for place, line in self._chars.items()}
        told: list[Any] = []
        for *edges, text, block, line, number in listed:
            found = [next((char for char in waiting[block, line] if char.stored == letter), None) for letter in text]
            shown = [letter if char is None else char.shown for letter, char in zip(text, found, strict=True)]
            told.append((*edges, "".join(shown), block, line, number))
        return told

    @cached_property
    def _lines(self) -> dict[tuple[int, int], dict[str, Any]]:
        """The lines of the text layer with their runs of one font and colour, by block and line."""
        blocks = self._page.get_text("dict", flags=_WORD_FLAGS, textpage=self._text_page)["blocks"]
        return {
            (block["number"], number): line for block in blocks for number, line in enumerate(block.get("lines", ()))
        }

    def _steps(self, words: list[Word], drawn: list[Drawn]) -> list[int]:
        """When each word was drawn; those that nothing can cover count as drawn last."""
        steps = [len(drawn)] * len(words)
        asked = maybe_covered([word.box for word in words], drawn)
        if asked:
            glyphs = self._glyphs()
            middles_G2 = np.array([(glyph.x, glyph.y) for glyph in glyphs]).reshape(-1, 2)
            for index in asked:
                steps[index] = step_of(words[index], glyphs, middles_G2, otherwise=len(drawn))
        return steps

    def _glyphs(self) -> list[Glyph]:
        with _faults_of_a_page("read"):
            return [
                Glyph(span["seqno"], chr(code), box.center_x, box.center_y)
                for span in self._page.get_texttrace()
                for code, _, _, edges in span["chars"]
                if (box := self._box(*edges)) and 0 < code <= _LAST_CODE
            ]

    def _box(self, x0_pt: float, y0_pt: float, x1_pt: float, y1_pt: float) -> Box:
        """Turn a rectangle of the page as it is before /Rotate to the upright page."""
        across, down = (x0_pt, x1_pt), (y0_pt, y1_pt)
        a, b, c, d, e, f = self._upright
        xs = [a * x + c * y + e for x, y in zip(across, down, strict=True)]
        ys = [b * x + d * y + f for x, y in zip(across, down, strict=True)]
        return Box(min(xs), min(ys), max(xs), max(ys))


def _span_of(word: Any, spans: dict[tuple[int, int], list[dict[str, Any]]]) -> dict[str, Any]:
    """The span that a word's middle lies in, else the nearest of its line."""
    x0, y0, x1, y1, _, block, line, _ = word
    x, y = (x0 + x1) / 2, (y0 + y1) / 2

    def distance(span: dict[str, Any]) -> float:
        left, top, right, bottom = span["bbox"]
        return float(max(left - x, x - right, 0) + max(top - y, y - bottom, 0))

    return min(spans.get((block, line), ()), key=distance, default={})


def _rgb(span: dict[str, Any]) -> tuple[int, int, int]:
    color = int(span.get("color", 0))
    return color >> 16 & 255, color >> 8 & 255, color & 255


def _is_painted(span: dict[str, Any]) -> bool:
    return bool(span.get("char_flags", _PAINTED) & _PAINTED) and span.get("alpha", 255) >= MIN_ALPHA


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

    @property
    def is_placeholder(self) -> bool:
        """Whether the catalog says that an XFA form is yet to be drawn."""
        try:
            catalog = self._document.pdf_catalog()
            is_undrawn = self._document.xref_get_key(catalog, "NeedsRendering")[1] == "true"
            return bool(is_undrawn and self._document.xref_get_key(catalog, "AcroForm/XFA")[0] != "null")
        except FAULTS:
            return False  # A broken catalog says nothing; the pages may be fine.

    def embedded(self) -> Iterator[EmbeddedFile]:
        """Yield the attached files."""
        with _faults("the attached files can't be listed", CorruptDocument):
            infos = [self._document.embfile_info(number) for number in range(self._document.embfile_count())]
            names = [str(info.get("ufilename") or info.get("filename") or "") for info in infos]
        for number, name in enumerate(names):
            yield EmbeddedFile(name, partial(self._attached, number))

    def _attached(self, number: int) -> bytes:
        with _faults("an attached file can't be read", CorruptDocument):
            return bytes(self._document.embfile_get(number))

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
        document = open_document(path, passwords)
        num_pages = document.page_count
    except FAULTS as fault:
        raise mupdf_error(fault, CorruptDocument, "the PDF can't be opened") from fault
    if num_pages < 1:
        raise NoPages("the PDF opens and has no pages")
    return MuPdfPaper(document, check_num_pages(num_pages, limits))


def open_document(path: Path, passwords: Sequence[str]) -> pymupdf.Document:
    """Open a PDF as the library's own. Raises NeedsPassword, and one of FAULTS."""
    document = pymupdf.open(str(path), filetype="pdf")
    if document.needs_pass and not any(document.authenticate(password) for password in ("", *passwords)):
        raise NeedsPassword(f"encrypted; none of {len(passwords)} passwords fits")
    return document


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


def _faults_of_a_page(done: str) -> AbstractContextManager[None]:
    return _faults(f"the page can't be {done}", CorruptPage)


@contextmanager
def _faults(message: str, kind: type[InputError]) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except FAULTS as fault:
        raise mupdf_error(fault, kind, message) from fault
