"""Month names of every language that is read, from CLDR through Babel, and a line with its months marked. Pure."""

from __future__ import annotations

import pickle
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel import localedata

# `AG` is a company more often than the Catalan August, which is left its `d'ag`.
MIN_LETTERS = 3
# What the OCR reader or a text layer may hold. A territory stands where its months have other names.
LANGUAGES = (
    *("en", "de", "de_AT", "fr", "es", "pt", "it", "ca", "gl", "ro", "nl", "af", "lb", "da", "sv", "no", "nn", "is"),
    *("fi", "et", "lv", "lt", "pl", "cs", "sk", "sl", "hr", "bs", "sr", "sr_Latn", "hu", "sq", "mt", "ga", "tr", "az"),
    *("vi", "id", "ms", "fil", "el", "ru", "uk", "be", "bg", "mk", "kk", "ar", "ar_SY", "ar_MA", "ar_DZ"),
    *("hi", "th", "zh", "ja", "ko"),
)

# A marked line has one character of these in place of each of a month's letters, of a filler's, of a word for `month`.
MONTH, MONTH_REST, FILLER, MONTH_WORD = "\ue000", "\ue0f1", "\ue0f2", "\ue0f3"
# The month of an ambiguous name is looked up again.
UNSETTLED = "\ue010"

# Words within a date that CLDR's patterns do not have.
_MORE_FILLERS = ("of", "the", "den", "do", "da", "di", "dne", "dnia", "ngày", "năm", "года", "року", "พ", "ค", "ศ")
_WIDTHS = ("wide", "abbreviated")
# Cyrillic `й` and Turkish `ı` are folded on both sides alike; Thai vowels are marks and belong to their word.
_LETTERS = re.compile(r"[^\W\d_](?:[^\W\d_]|[̀-ͯิ-ฺ็-๎ัऀ-ः़-्])*")
_FIELDS = re.compile("[a-zA-Z]+")
_ACCENT = re.compile("[̀-ͯ]")


def _plain_characters() -> dict[int, str]:
    """Characters that stand for an ASCII one: figures of every script, full-width marks, odd spaces and hyphens."""
    table = dict.fromkeys((160, 8201, 8202, 8206, 8207, 8239, 8287, 8288, 12288, 1564, 65279), " ")
    table |= {0x2010: "-", 0x2011: "-", 0x2019: "'", 0x60C: ",", 0x3001: ",", 0xFF61: ".", 0x301C: "~", 0x970: "."}
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    digits = (code for code in range(0x660, sys.maxunicode + 1) if chr(code).isdecimal())
    return table | {code: str(unicodedata.decimal(chr(code))) for code in digits}


_PLAIN = _plain_characters()


def plain(text: str) -> str:
    """Return the text with ASCII figures and marks, character for character."""
    return text if text.isascii() else text.translate(_PLAIN)


def fold_name(word: str) -> str:
    """Fold a name so that case and accents make no difference."""
    if word.isascii():
        return word.casefold()
    decomposed = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i"))
    return unicodedata.normalize("NFC", _ACCENT.sub("", decomposed))


@cache
def locale_data(locale: str) -> Mapping[str, Any]:
    """CLDR's own data of a locale, without what it takes from others: a third of the time of `babel.Locale`.

    `localedata.load(..., merge_inherited=False)` would leave its half in Babel's cache for everybody else.
    """
    with Path(localedata.resolve_locale_filename(locale)).open("rb") as file:
        data: Mapping[str, Any] = pickle.load(file)
    return data


@cache
def month_names() -> Mapping[str, Mapping[int, frozenset[str]]]:
    """Folded month names: the months they can be, each with the languages in which they are."""
    found: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for locale in LANGUAGES:
        for month, name in _months_of(locale):
            for spelled in _spellings(name):
                found[spelled][month].add(locale.split("_")[0])
    return {name: {month: frozenset(of) for month, of in months.items()} for name, months in found.items()}


@cache
def wide_names() -> frozenset[str]:
    """Folded month names that are no abbreviations, and those abbreviations that are English too."""
    wide = {name for locale in LANGUAGES for _, text in _months_of(locale, ("wide",)) for name in _spellings(text)}
    return frozenset(wide | {name for _, text in _months_of("en") for name in _spellings(text)})


def is_wide(name: str) -> bool:
    """Whether a printed month name is more than an abbreviation, or one that English has."""
    return _key(name) in wide_names()


def months_of(name: str) -> Mapping[int, frozenset[str]]:
    """The months that a printed name can be, with their languages; empty where it is none."""
    return month_names().get(_key(name), {})


def _key(name: str) -> str:
    return " ".join(fold_name(_bare(name)).split())


def mark_months(text: str) -> str:
    """Return a plain text of the same length in which months and words between a date's parts are marked."""
    if _known_words().isdisjoint(_LETTERS.findall(fold_name(text))):
        return text
    return _LETTERS.sub(_mark, _of_words().sub(_mark, text) if not text.isascii() else text)


def _mark(match: re.Match[str]) -> str:
    word = match.group()
    if months := months_of(word):
        first = chr(ord(MONTH) + next(iter(months))) if len(months) == 1 else UNSETTLED
        return first + MONTH_REST * (len(word) - 1)
    folded = fold_name(word)
    if folded in _fillers():
        return FILLER * len(word)
    return MONTH_WORD * len(word) if folded in _month_words() else word


def _months_of(locale: str, widths: tuple[str, ...] = _WIDTHS) -> Iterator[tuple[int, str]]:
    contexts = locale_data(locale).get("months", {})
    for context in contexts.values():
        for width in widths:
            # What a locale has from another is an alias here, and read there.
            names = context.get(width)
            yield from names.items() if isinstance(names, dict) else ()


def _spellings(name: str) -> Iterator[str]:
    """How a name may be printed: without its preposition, without accents, German umlauts as two letters."""
    if any(c.isdigit() for c in name):
        return
    bare = _bare(name)
    if len(bare) < MIN_LETTERS and bare.isascii():
        return
    yield fold_name(bare)
    yield fold_name(re.sub("([äöü])", r"\1e", bare))


def _bare(name: str) -> str:
    folded = name.casefold().replace("’", "'").strip(" .॰")
    bare = re.sub("^(?:de |d')", "", folded)
    return folded if len(bare) < MIN_LETTERS and bare.isascii() else bare


@cache
def _month_words() -> frozenset[str]:
    """Words for `month` in names such as the Vietnamese `tháng 3`."""
    names = [name for _, name in _months_of("vi")]
    return frozenset(fold_name(name.split()[0]) for name in names if " " in name)


@cache
def _fillers() -> frozenset[str]:
    """Words that CLDR's date patterns put between day, month and year: `de`, `gada`."""
    found = set(_MORE_FILLERS)
    for locale in LANGUAGES:
        data = locale_data(locale)
        patterns = [str(entry.pattern) for entry in data.get("date_formats", {}).values() if hasattr(entry, "pattern")]
        for place, part in enumerate("''".join(patterns).split("'")):
            # Letters outside quotes are fields, but for those of other scripts.
            literal = part if place % 2 else _FIELDS.sub(" ", part)
            found.update(word for word in _LETTERS.findall(literal) if not word[0] >= "぀")
    return frozenset(fold_name(word) for word in found)


@cache
def _known_words() -> frozenset[str]:
    """First words of all that marking a line needs."""
    return frozenset(name.split()[0].split(".")[0] for name in month_names()) | _month_words()


@cache
def _of_words() -> re.Pattern[str]:
    """Names of two words, and abbreviations with a full stop inside."""
    names = {_bare(name) for locale in LANGUAGES for _, name in _months_of(locale) if not any(map(str.isdigit, name))}
    joined = sorted((name for name in names if re.search("[ .']", name)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, joined)), re.IGNORECASE)
