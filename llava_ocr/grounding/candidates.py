"""What on a page could be the value of a typed field: every text that parses as its kind. Pure.

The grammar of a typed field is exactly this list, so what is missing here can't be read: better one too many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from weakref import WeakKeyDictionary

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.codes import (
    CHECKSUMS,
    COUNTRIES,
    COUNTRY_CODES,
    CURRENCIES,
    CURRENCY_SIGNS,
    compact,
    country_code,
    has_iban_shape,
)
from llava_ocr.grounding.dates import RangeEnd, date_readings, find_date_ranges, find_dates
from llava_ocr.prompts import fold
from llava_ocr.schema import Kind, Leaf, LeafNode, Money, leaf_of
from llava_ocr.words.layout import Layout, Segment

# A code such as an IBAN is printed in at most this many words.
MAX_CODE_WORDS = 9
# The longest IBAN has 34 characters.
MAX_CODE_CHARS = 40
# Country names have at most this many words.
MAX_NAME_WORDS = 4
# Whole numbers longer than this are telephone and article numbers, not amounts.
MAX_WHOLE_DIGITS = 7

_SIGN = r"[-−–]?(?:[€$£¥₹]|RM|[A-Z]{3})?[-−–]?"
_AMOUNT = re.compile(
    rf"(?<![\w.,'’/\-−–])(?<!\d:)(?P<before>\(?{_SIGN})(?P<core>\d[\d.,'’]*(?<=\d)|\d)(?P<after>(?:[.,]?[-−–]{{1,2}})?\)?)"
    r"(?P<unit>€|\$|£|[A-Z]{3}|[xX×])?(?![\w/%'’]|[.,:\-]\d|\s?%)"
)
_TAIL = re.compile(r"\d{3}(?:[.,]\d{1,4})?")
_HEAD = re.compile(r"[-−–(]?\d{1,3}")
_CODE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-/]*")
_DIGIT = re.compile(r"\d")
_MARKS = re.compile("[€£$¥₹]")
_GLUED_CURRENCY = re.compile(r"([A-Z]{2,3})[-−]?\d|.*\d([A-Z]{3})$")
_GLUED_COUNTRY = re.compile(r"([A-Z]{2})-\d")
# IBANs and VAT ids start with a country, in letters.
_COUNTRY_START = re.compile(r"[A-Za-z]{2}")
_COUNTRY_WORDS = frozenset(name.split()[0] for name in COUNTRIES)
_AMOUNT_LEAF = leaf_of(Money)

# Names and labels of fields that hold one end of a period; `Payable until` is a day of its own.
_FIRST_WORDS = frozenset(
    ("from", "start", "begin", "first", "von", "beginn", "du", "debut", "desde", "dal", "od", "van", "ab")
)
_LAST_WORDS = frozenset(("to", "until", "till", "end", "last", "bis", "ende", "au", "fin", "hasta", "al", "do", "tot"))

_CACHE: WeakKeyDictionary[Layout, dict[tuple[Leaf, bool], tuple[str, ...]]] = WeakKeyDictionary()


def spans(layout: Layout, leaf: LeafNode) -> tuple[str, ...]:
    """Every text on the page that could be a value of `leaf`, in reading order, each once.

    Amounts come without currency but with their minus sign; dates and codes as printed, words joined by one space.
    """
    known = _CACHE.setdefault(layout, {})
    # Money and numbers are printed alike.
    kind = _AMOUNT_LEAF if leaf.leaf.kind is Kind.NUMBER else leaf.leaf
    key = kind, range_end_of(leaf) is not None
    if key not in known:
        find = _found if not key[1] else _found_with_ranges
        known[key] = tuple(dict.fromkeys(find(layout, kind)))
    return known[key]


@lru_cache(maxsize=1024)
def range_end_of(leaf: LeafNode) -> RangeEnd | None:
    """Which end of a range of dates a field holds; None where it holds a day of its own."""
    if leaf.leaf.kind is not Kind.DATE:
        return None
    said = {*leaf.name.split("_"), *map(fold, leaf.hint.labels)}
    ends = [end for end, words in ((RangeEnd.FIRST, _FIRST_WORDS), (RangeEnd.LAST, _LAST_WORDS)) if said & words]
    return ends[0] if len(ends) == 1 else None


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
    if not _DIGIT.search(segment.text):
        return
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


def _found_with_ranges(layout: Layout, _: Leaf) -> list[str]:
    """Dates, ends of ranges among them, and ranges of which an end is printed without its year."""
    found: list[str] = []
    for text in (segment.text for line in layout.lines for segment in line.segments):
        found += [text[start:end] for start, end in find_dates(text, with_ranges=True)]
        for one in find_date_ranges(text):
            if not all(date_readings(text[start:end]) for start, end in (one.first, one.last)):
                found.append(text[one.start : one.end])
    return found


def _dates(segment: Segment) -> Iterator[str]:
    for start, end in find_dates(segment.text):
        yield segment.text[start:end]


def _currencies(segment: Segment) -> Iterator[str]:
    for word in segment.text.split(" "):
        plain = word.strip(".,:;()[]")
        if plain in CURRENCIES or plain.casefold() in CURRENCY_SIGNS:
            yield plain
            continue
        yield from _MARKS.findall(word)
        glued = _GLUED_CURRENCY.match(plain)
        name = (glued[1] or glued[2]) if glued else ""
        if name in CURRENCIES or name.casefold() in CURRENCY_SIGNS:
            yield name


def _countries(segment: Segment) -> Iterator[str]:
    words = [word.strip(".,:;()[]") for word in segment.text.split(" ")]
    for start, word in enumerate(words):
        prefix = _GLUED_COUNTRY.match(word)
        if prefix and prefix[1] in COUNTRY_CODES:
            yield prefix[1]
        if word not in COUNTRY_CODES and word.casefold() not in _COUNTRY_WORDS:
            continue
        for end in range(start + 1, min(start + MAX_NAME_WORDS, len(words)) + 1):
            text = " ".join(words[start:end])
            if country_code(text):
                yield text


def _codes(segment: Segment, leaf: Leaf, is_sound: Callable[[str], bool]) -> Iterator[str]:
    """Runs of words that make a code of the leaf's pattern when what people put between is dropped."""
    pattern = re.compile(leaf.pattern, re.IGNORECASE)
    starts_with_country = leaf.checksum in ("iban", "vat")
    if starts_with_country and not (_DIGIT.search(segment.text) and _COUNTRY_START.search(segment.text)):
        return
    words = _code_words(segment.text)
    for start, word in enumerate(words):
        if starts_with_country and not _COUNTRY_START.match(word):
            continue
        joined = ""
        for end in range(start + 1, min(start + MAX_CODE_WORDS, len(words)) + 1):
            part = compact(words[end - 1])
            joined += part
            if not part or len(joined) > MAX_CODE_CHARS or not joined.isascii():
                break
            text = " ".join(words[start:end])
            if (pattern.fullmatch(joined) or pattern.fullmatch(text)) and is_sound(text):
                yield text


def _code_words(text: str) -> list[str]:
    """Words with the label glued to them cut off: `IBAN:DE89` is `DE89`."""
    words = []
    for word in text.split(" "):
        parts = _CODE_PART.findall(word)
        words.append(parts[-1].rstrip(".-/") if parts else "-")
    return words
