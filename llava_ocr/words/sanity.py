"""Whether a text layer says what the page shows. Pure: refusals are reasons that rows and people read."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from llava_ocr.records import Word
from llava_ocr.words.right_to_left import is_right_to_left

# More than one unreadable character in ten, and names and amounts are no longer whole.
MAX_BROKEN_SHARE = 0.1
MAX_OFF_PAGE_SHARE = 0.5
# Sound pages have 33 % vowels or more (German, French and English invoices); with their codes shifted, 23 % at most.
MIN_VOWEL_SHARE = 0.27
MIN_LETTERS = 60
MIN_ALNUM_SHARE = 0.4
MIN_CHARS = 40
# A scan with a stamp, a Bates number or a fax header: the image is the page, and the words are few or in a strip.
SCAN_COVER = 0.8
FEW_WORDS = 15
MIN_BANDS_SHARE = 0.12
_NUM_BANDS = 50
_VOWELS = frozenset("aeiouyæøœ")
_BROKEN = frozenset({"Cc", "Co", "Cn", "Cs"})


def fault_of(stored: Sequence[Word], cleaned: Sequence[Word], image_cover: Callable[[], float]) -> str:
    """Say why a text layer is refused, empty where it is sound.

    `stored` are its words as they are in the file, `cleaned` those fit to be quoted. `image_cover` gives the largest
    image's share of the page; it is asked only where the answer matters.
    """
    if not stored:
        return ""
    text = "".join(word.text for word in stored)
    return (
        _fault_of_characters(text)
        or _fault_of_places(stored, cleaned)
        or _fault_of_mix(unicodedata.normalize("NFKD", text))
        or _fault_of_scan(cleaned, image_cover)
    )


def fault_of_order(stored: Sequence[Word], are_painted: Sequence[bool]) -> str:
    """Say why the order of a layer's letters and figures can't be trusted, empty where it can.

    Right-to-left letters are put in order by where they stand, which is where they show. Of letters without ink, as OCR
    programs lay them over scans, only the word's place is right, and some lay figures from the right, too.
    """
    turned = [is_painted for word, is_painted in zip(stored, are_painted, strict=True) if is_right_to_left(word.text)]
    if 2 * turned.count(False) > len(turned):
        return "text layer refused: right-to-left text without ink, whose figures may be reversed"
    return ""


def _fault_of_characters(text: str) -> str:
    visible = [char for char in text if not char.isspace()]
    num_broken = sum(char == "\ufffd" or unicodedata.category(char) in _BROKEN for char in visible)
    if num_broken > MAX_BROKEN_SHARE * max(1, len(visible)):
        return f"text layer refused: {_percent(num_broken, len(visible))} of its characters are unreadable"
    return ""


def _fault_of_places(stored: Sequence[Word], cleaned: Sequence[Word]) -> str:
    num_placed = len({word.text for word in cleaned})
    num_stored = len({word.text for word in stored if word.text.strip()})
    if not cleaned or num_placed < (1 - MAX_OFF_PAGE_SHARE) * num_stored:
        return "text layer refused: its words are not on the page"
    return ""


def _fault_of_mix(text: str) -> str:
    """Find shifted codes: letters that come out as signs, or words without vowels."""
    counts = Counter(text.casefold())
    num_chars = sum(number for char, number in counts.items() if not unicodedata.category(char).startswith("M"))
    num_alnum = sum(number for char, number in counts.items() if char.isalnum())
    num_fill = sum(counts[char] for char in "._-–—=*…")  # dot leaders and rules
    if num_chars - num_fill >= MIN_CHARS and num_alnum < MIN_ALNUM_SHARE * (num_chars - num_fill):
        return "text layer refused: mostly signs where letters should be"
    latin = {char: number for char, number in counts.items() if char.isalpha() and char < "\u0250"}
    num_latin = sum(latin.values())
    num_vowels = sum(number for char, number in latin.items() if char in _VOWELS)
    if num_latin >= MIN_LETTERS and num_vowels < MIN_VOWEL_SHARE * num_latin:
        return f"text layer refused: {_percent(num_vowels, num_latin)} vowels, its characters are not those shown"
    return ""


def _fault_of_scan(words: Sequence[Word], image_cover: Callable[[], float]) -> str:
    bands = {band for word in words for band in range(_band(word.box.y0), _band(word.box.y1) + 1)}
    is_thin = len(words) < FEW_WORDS or len(bands) < MIN_BANDS_SHARE * _NUM_BANDS
    if is_thin and image_cover() > SCAN_COVER:
        return "text layer refused: a few words over a scan that fills the page"
    return ""


def _band(y: float) -> int:
    return min(_NUM_BANDS - 1, int(y * _NUM_BANDS))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"
