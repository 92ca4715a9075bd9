"""Makes the words of a text layer fit to be quoted: what a person sees on the page, each word once. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from llava_ocr.geometry import Box
from llava_ocr.records import Word

# By hand rather than by NFKC, which would also turn ² to 2 and ½ to 1/2.
_LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
# Fake bold prints a word twice, this close together (fractions of the page).
_SAME_PLACE = 0.004


def clean_words(words: Iterable[Word]) -> list[Word]:
    """Clip words to the page and clean their text; drop those off the page, without visible text, or printed twice."""
    kept: list[Word] = []
    places: dict[str, list[Box]] = {}
    for word in words:
        if not _is_on_page(word.box):
            continue
        for text, part in _parts(clean_text(word.text), word.box.clipped()):
            others = places.setdefault(text, [])
            if not any(_is_same_place(part, other) for other in others):
                others.append(part)
                kept.append(Word(text, part, word.score, word.reader))
    return kept


def clean_text(text: str) -> str:
    """Take out NUL, control and zero-width characters, and soft hyphens; ligatures become letters.

    Soft hyphens that show on the page are hyphens by now (`soft_hyphens`).
    """
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(_LIGATURES.get(char, char) for char in text if not _is_hidden(char))
    return unicodedata.normalize("NFC", shown)


def _is_hidden(char: str) -> bool:
    # The soft hyphen is of Cf, too.
    return not char.isspace() and unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _parts(text: str, box: Box) -> Iterator[tuple[str, Box]]:
    """Part a text at white space that was inside it (no-break spaces), by the share of its characters."""
    if not text.split()[1:]:
        if text.strip():
            yield text.strip(), box
        return
    start = 0
    for part in text.split():
        start = text.index(part, start)
        x0 = box.x0 + box.width * start / len(text)
        start += len(part)
        yield part, Box(x0, box.y0, box.x0 + box.width * start / len(text), box.y1)


def _is_on_page(box: Box) -> bool:
    return box.width > 0 and box.height > 0 and 0 <= box.center_x <= 1 and 0 <= box.center_y <= 1


def _is_same_place(box: Box, other: Box) -> bool:
    return abs(box.x0 - other.x0) < _SAME_PLACE and abs(box.y0 - other.y0) < _SAME_PLACE and box.iou(other) > 0.5
