"""What on a page could be the value of a typed field: every text that parses as its kind. Pure.

The grammar of a typed field is exactly this list, so what is missing here can't be read: better one too many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.codes import CHECKSUMS, CURRENCIES, CURRENCY_SIGNS, compact, has_iban_shape
from llava_ocr.grounding.dates import date_readings, find_dates
from llava_ocr.schema import Kind, Leaf, LeafNode
from llava_ocr.words.layout import Layout, Segment

# A code such as an IBAN is printed in at most this many words.
MAX_CODE_WORDS = 9
# Country names have at most this many words.
MAX_NAME_WORDS = 4
# Whole numbers longer than this are telephone and article numbers, not amounts.
MAX_WHOLE_DIGITS = 7

_SIGN = r"[-−–]?(?:[€$£¥₹]|RM|[A-Z]{3})?[-−–]?"
_AMOUNT = re.compile(
    rf"(?<![\w.,'’/\-−–])(?P<before>\(?{_SIGN})(?P<core>\d[\d.,'’]*(?<=\d)|\d)(?P<after>(?:[.,]?[-−–]{{1,2}})?\)?)"
    r"(?P<unit>€|\$|£|[A-Z]{3}|[xX×])?(?![\w/%'’]|[.,:\-]\d|\s?%)"
)
_TAIL = re.compile(r"\d{3}(?:[.,]\d{1,4})?")
_HEAD = re.compile(r"[-−–(]?\d{1,3}")
_CODE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-/]*")

_CACHE: WeakKeyDictionary[Layout, dict[Leaf, tuple[str, ...]]] = WeakKeyDictionary()


def spans(layout: Layout, leaf: LeafNode) -> tuple[str, ...]:
    """Every text on the page that could be a value of `leaf`, in reading order, each once.

    Amounts come without currency but with their minus sign; dates and codes as printed, words joined by one space.
    """
    known = _CACHE.setdefault(layout, {})
    if leaf.leaf not in known:
        known[leaf.leaf] = tuple(dict.fromkeys(_found(layout, leaf.leaf)))
    return known[leaf.leaf]


def _found(layout: Layout, leaf: Leaf) -> list[str]:
    find = _finder(leaf)
    segments = [segment for line in layout.lines for segment in line.segments]
    found = [text for segment in segments for text in find(segment)]
    if not found and leaf.checksum == "iban":
        # A mistyped account is still what the page says; the schema's check will remark on it.
        found = [text for segment in segments for text in _codes(segment, leaf, has_iban_shape)]
    return found


def _finder(leaf: Leaf) -> Callable[[Segment], Iterator[str]]:
    if leaf.kind in (Kind.MONEY, Kind.NUMBER):
        return _amounts
    if leaf.kind is Kind.DATE:
        return _dates
    if leaf.checksum == "currency":
        return _currencies
    if leaf.checksum == "country":
        return _countries
    return lambda segment: _codes(segment, leaf, CHECKSUMS[leaf.checksum])


def _amounts(segment: Segment) -> Iterator[str]:
    for match in _AMOUNT.finditer(segment.text):
        text = _amount_text(match)
        if _is_amount(text):
            yield text
    yield from _spaced_amounts(segment.text.split(" "))


def _amount_text(match: re.Match[str]) -> str:
    """The amount with its sign and without its currency, unless the currency stands between the two."""
    before, core, after = match["before"], match["core"], match["after"]
    if before.startswith("(") and after.endswith(")"):
        return f"({core})" if before == "(" else f"{before}{core})"
    before, after = before.lstrip("("), after.rstrip(")")
    minus = [c for c in before if c in "-−–"]
    if not minus:
        return core + after
    return before + core if len(before) > 1 and before[0] in "-−–" else minus[0] + core


def _is_amount(text: str) -> bool:
    digits = sum(c.isdigit() for c in text)
    is_whole = not any(mark in text for mark in ".,'’")
    return not (is_whole and digits > MAX_WHOLE_DIGITS) and bool(amount_readings(text))


def _spaced_amounts(words: list[str]) -> Iterator[str]:
    """Numbers grouped by spaces, `1 234 567,89`: the words apart are candidates already."""
    for start, word in enumerate(words):
        if not _HEAD.fullmatch(word):
            continue
        end = start + 1
        while end < len(words) and _TAIL.fullmatch(words[end].rstrip("€$£)")):
            end += 1
            yield " ".join(words[start:end]).rstrip("€$£)")
            if "," in words[end - 1] or "." in words[end - 1]:
                break


def _dates(segment: Segment) -> Iterator[str]:
    for start, end in find_dates(segment.text):
        text = segment.text[start:end]
        if date_readings(text):
            yield text


def _currencies(segment: Segment) -> Iterator[str]:
    for word in segment.text.split(" "):
        plain = word.strip(".,:;()[]")
        if plain in CURRENCIES or plain.casefold() in CURRENCY_SIGNS:
            yield plain
            continue
        for mark in ("€", "£", "$", "¥", "₹"):
            if mark in word:
                yield mark
        attached = re.match(r"([A-Z]{2,3})[-−]?\d", plain) or re.search(r"\d([A-Z]{3})$", plain)
        if attached and (attached[1] in CURRENCIES or attached[1].casefold() in CURRENCY_SIGNS):
            yield attached[1]


def _countries(segment: Segment) -> Iterator[str]:
    words = [word.strip(".,:;()[]") for word in segment.text.split(" ")]
    is_country = CHECKSUMS["country"]
    for start, word in enumerate(words):
        prefix = re.match(r"([A-Z]{2})-\d", word)
        if prefix and is_country(prefix[1]):
            yield prefix[1]
        if not word[:1].isalpha():
            continue
        for end in range(start + 1, min(start + MAX_NAME_WORDS, len(words)) + 1):
            text = " ".join(words[start:end])
            if is_country(text):
                yield text


def _codes(segment: Segment, leaf: Leaf, is_sound: Callable[[str], bool]) -> Iterator[str]:
    """Runs of words that make a code of the leaf's pattern when what people put between is dropped."""
    pattern = re.compile(leaf.pattern, re.IGNORECASE)
    words = _code_words(segment.text)
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_CODE_WORDS, len(words)) + 1):
            text = " ".join(words[start:end])
            joined = compact(text)
            if len(joined) > 40 or not joined.isascii():
                break
            if (pattern.fullmatch(joined) or pattern.fullmatch(text)) and is_sound(text):
                yield text


def _code_words(text: str) -> list[str]:
    """Words with the label glued to them cut off: `IBAN:DE89` is `DE89`."""
    words = []
    for word in text.split(" "):
        parts = _CODE_PART.findall(word)
        words.append(parts[-1].rstrip(".-/") if parts else "-")
    return words
