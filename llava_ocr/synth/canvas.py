"""Typesetting: puts phrases on pages and keeps, for every word, its box and, for every value, its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.synth.base import Mark, PaintedPage, Patch, PrintedValue, Rgb, Stroke, TextRun
from llava_ocr.synth.fonts import Face
from llava_ocr.synth.phrases import Phrase, Token, Value, tokens

BLACK: Rgb = (0.0, 0.0, 0.0)
# A word of its own in a phrase that begins a new line, so that one value can stand on several lines.
BREAK = "\n"


@dataclass(frozen=True, slots=True)
class Ink:
    """A face at a size (points) in a colour."""

    face: Face
    size: float
    color: Rgb = BLACK

    @property
    def leading(self) -> float:
        """Usual distance of baselines in points."""
        return self.size * 1.22

    def width(self, text: str) -> float:
        """Return the width of `text` in points."""
        return self.face.width(text) * self.size


@dataclass(slots=True)
class _Sheet:
    marks: list[Mark] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    printed: list[tuple[Value, list[int]]] = field(default_factory=list)


class Canvas:
    """Pages of one size in points, y downward. Text is put at baselines; widths come from font metrics alone."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._sheets = [_Sheet()]
        self._sheet = self._sheets[0]

    @property
    def num_pages(self) -> int:
        """Pages so far."""
        return len(self._sheets)

    def add_page(self) -> None:
        """Begin another page and turn to it."""
        self._sheets.append(_Sheet())
        self._sheet = self._sheets[-1]

    def turn_to(self, page_index: int) -> None:
        """Go on drawing on a page that is already there."""
        self._sheet = self._sheets[page_index]

    def text(self, x: float, y: float, phrase: Phrase, ink: Ink, *, align: float = 0.0) -> float:
        """Put one line and return its width; `x` is its left end (`align` 0), middle (0.5) or right end (1)."""
        return self._line(x, y, tokens(phrase), phrase, ink=ink, align=align, homes={})

    def paragraph(
        self, x: float, y: float, phrase: Phrase, ink: Ink, *, width: float, leading: float = 0.0, align: float = 0.0
    ) -> float:
        """Put a phrase in lines of at most `width`, the first on baseline `y`. Returns the baseline after the last."""
        words = tokens(phrase)
        homes: dict[int, list[int]] = {}
        if not _fits(words, ink, width=width):
            ink = _fitting(words, ink, width=width)
        for line in wrap(words, ink, width=width):
            self._line(x + align * width, y, line, phrase, ink=ink, align=align, homes=homes)
            y += leading or ink.leading
        return y

    def scatter(self, spots: Sequence[tuple[float, float]], phrase: Phrase, ink: Ink) -> None:
        """Put each word of a phrase at a place of its own: the left end of its baseline."""
        homes: dict[int, list[int]] = {}
        for (x, y), token in zip(spots, tokens(phrase), strict=True):
            self._line(x, y, [token], phrase, ink=ink, align=0.0, homes=homes)

    def rule(self, x0: float, y0: float, x1: float, y1: float, *, width: float = 0.5, color: Rgb = BLACK) -> None:
        """Draw a straight line."""
        self._sheet.marks.append(Stroke(x0, y0, x1, y1, width, color))

    def frame(self, x0: float, y0: float, x1: float, y1: float, *, width: float = 0.5, color: Rgb = BLACK) -> None:
        """Draw the four sides of a rectangle."""
        for ax, ay, bx, by in ((x0, y0, x1, y0), (x1, y0, x1, y1), (x1, y1, x0, y1), (x0, y1, x0, y0)):
            self.rule(ax, ay, bx, by, width=width, color=color)

    def shade(self, x0: float, y0: float, x1: float, y1: float, *, color: Rgb, kind: str = "rectangle") -> None:
        """Fill an area; draw it before the text that stands on it."""
        self._sheet.marks.append(Patch(kind, x0, y0, x1, y1, color))

    def finish(self) -> tuple[tuple[PaintedPage, ...], tuple[PrintedValue, ...]]:
        """Return the pages and every value's print, in drawing order."""
        pages = tuple(self._page(sheet) for sheet in self._sheets)
        printed = tuple(
            PrintedValue(path, " ".join(value.text.split()), page_index, tuple(words))
            for page_index, sheet in enumerate(self._sheets)
            for value, words in sheet.printed
            for path in value.paths
        )
        return pages, printed

    def _page(self, sheet: _Sheet) -> PaintedPage:
        w, h = self.width, self.height
        words = tuple(
            Word(text, Box(x0 / w, y0 / h, x1 / w, y1 / h))
            for text, (x0, y0, x1, y1) in zip(sheet.texts, sheet.boxes, strict=True)
        )
        return PaintedPage(w, h, words, tuple(sheet.marks))

    def _line(
        self,
        x: float,
        y: float,
        line: Sequence[Token],
        phrase: Phrase,
        *,
        ink: Ink,
        align: float,
        homes: dict[int, list[int]],
    ) -> float:
        sheet, face, size = self._sheet, ink.face, ink.size
        text = " ".join(token for token, _, _ in line)
        if not text:
            return 0.0
        widths = [face.width(token) * size for token, _, _ in line]
        space = face.width(" ") * size
        total = sum(widths) + space * (len(line) - 1)
        x -= total * align
        sheet.marks.append(TextRun(x, y, text, face.name, size, ink.color))
        top, bottom = y - face.ascender * size, y - face.descender * size
        for (token, owners, _), width in zip(line, widths, strict=True):
            for owner in owners:
                if owner not in homes:
                    part = phrase[owner]
                    assert isinstance(part, Value), part
                    homes[owner] = []
                    sheet.printed.append((part, homes[owner]))
                homes[owner].append(len(sheet.texts))
            sheet.texts.append(token)
            sheet.boxes.append((x, top, x + width, bottom))
            x += width + space
        return total


def _fitting(words: Sequence[Token], ink: Ink, *, width: float) -> Ink:
    """Shrink the ink where what can't be broken is wider than the column, as offices do with long addresses."""
    widest = max((_group_width(group, ink) for group in _groups(words)), default=0.0)
    return replace(ink, size=ink.size * max(0.5, width / widest)) if widest > width else ink


def _fits(words: Sequence[Token], ink: Ink, *, width: float) -> bool:
    """Whether words stand on one line of `width` points."""
    text = " ".join(token.text for token in words)
    return BREAK not in text and ink.width(text) <= width


def _groups(words: Sequence[Token]) -> list[list[Token]]:
    """Part words into runs that stay on one line."""
    groups: list[list[Token]] = []
    for token in words:
        if token.is_bound and groups:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def _group_width(group: Sequence[Token], ink: Ink) -> float:
    return 0.0 if group[0].text == BREAK else ink.width(" ".join(token.text for token in group))


def wrap(words: Sequence[Token], ink: Ink, *, width: float) -> list[list[Token]]:
    """Break words into lines of at most `width` points; what is longer and can't be broken has a line of its own."""
    if _fits(words, ink, width=width):
        return [list(words)] if words else []
    lines: list[list[Token]] = []
    room = 0.0
    space = ink.width(" ")
    for group in _groups(words):
        wide = _group_width(group, ink)
        if group[0].text == BREAK:
            lines.append([])
            room = width + space
        elif lines and wide + space <= room:
            lines[-1] += group
            room -= wide + space
        else:
            lines.append(list(group))
            room = width - wide
    return lines


def phrase_width(phrase: Phrase, ink: Ink) -> float:
    """Return the width of a phrase on one line in points."""
    return ink.width(" ".join(token.text for token in tokens(phrase)))
