"""When two values are the same, and how alike two texts are. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.codes import compact
from llava_ocr.grounding.countries import country_code
from llava_ocr.grounding.currencies import currency_readings
from llava_ocr.grounding.dates import date_readings
from llava_ocr.records import FieldReading, FieldState
from llava_ocr.schema import Kind, Leaf

# Texts less alike than this are different texts, not misreadings (ANLS, Biten et al. 2019).
ANLS_THRESHOLD = 0.5
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")

Meaning = str | Decimal | date


@lru_cache(maxsize=65_536)
def meanings_of(text: str, leaf: Leaf) -> frozenset[Meaning]:
    """All that a text can mean as this kind of leaf; where it is no such thing, its plain text alone.

    A plain decimal number or an ISO date, which is how truth and values are written, has one meaning; what is given
    as printed has each that its print leaves open.
    """
    found: frozenset[Meaning] = frozenset()
    stripped = text.strip()
    if leaf.kind in (Kind.MONEY, Kind.NUMBER):
        is_plain = _PLAIN_NUMBER.fullmatch(stripped)
        found = frozenset({Decimal(stripped)} if is_plain else amount_readings(stripped).values())
    elif leaf.kind is Kind.DATE:
        found = frozenset(_dates(stripped))
    elif leaf.kind is Kind.CODE:
        found = frozenset(_codes(stripped, leaf))
    return found or frozenset({plain(text)})


def plain(text: str) -> str:
    """Fold case, squeeze white space and trim the marks at both ends: what texts are compared by."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    start, end = 0, len(folded)
    while start < end and not folded[start].isalnum():
        start += 1
    while end > start and not folded[end - 1].isalnum():
        end -= 1
    return folded[start:end] or folded


def is_right(expected: str, reading: FieldReading, leaf: Leaf) -> bool:
    """Whether a reading means what the truth means.

    A truth that is given as printed may be ambiguous itself (`03/04/2024`): then any of its meanings is right, and so
    is a reading that says it is ambiguous in the same way.
    """
    wanted = meanings_of(expected, leaf)
    if reading.value is not None:
        return meanings_of(shown(reading.value), leaf) <= wanted
    if reading.state is not FieldState.AMBIGUOUS or not reading.candidates:
        return False
    return frozenset().union(*(meanings_of(one, leaf) for one in reading.candidates)) <= wanted


def similarity(expected: str, reading: FieldReading, leaf: Leaf) -> float:
    """How alike truth and reading are, 0 to 1, as ANLS counts it: the value or its print, whichever is nearer."""
    if is_right(expected, reading, leaf):
        return 1.0
    read = {text for text in (reading.text, shown(reading.value)) if text}
    return max((likeness(expected, text) for text in read), default=0.0)


def likeness(expected: str, text: str) -> float:
    """1 minus the edit distance of two plain texts over the longer one's length; 0 below the threshold."""
    wanted, read = plain(expected), plain(text)
    longest = max(len(wanted), len(read))
    if not longest:
        return 1.0
    if abs(len(wanted) - len(read)) > longest * (1 - ANLS_THRESHOLD):
        return 0.0
    share = 1 - edit_distance(wanted, read) / longest
    return share if share >= ANLS_THRESHOLD else 0.0


def edit_distance(a: str, b: str) -> int:
    """Characters to insert, delete or replace to turn one text into the other (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (char != other))
            diagonal, row[j] = row[j], best
    return row[-1]


def shown(value: object) -> str:
    """A typed value as truth files write it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _dates(text: str) -> list[date]:
    if _ISO_DATE.fullmatch(text):
        try:
            return [date.fromisoformat(text)]
        except ValueError:
            return []
    return list(date_readings(text).values())


def _codes(text: str, leaf: Leaf) -> list[str]:
    if leaf.checksum == "currency":
        return list(currency_readings(text))
    if leaf.checksum == "country":
        code = country_code(text) or country_code(text.upper())
        return [code] if code else []
    return [compact(text)]
