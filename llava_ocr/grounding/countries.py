"""Countries as printed, to ISO 3166 alpha-2 codes: names in every language that is read, from CLDR through Babel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from llava_ocr.grounding.months import LANGUAGES, fold_name, locale_data

# CLDR has more than countries: unions, regions that are only reserved, codes for tests.
_NO_COUNTRIES = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))
# What is printed as well, and CLDR does not have.
_ALSO_PRINTED = {
    "AE": "UAE",
    "CZ": "Czech Republic, Tschechische Republik, République tchèque",
    "GB": "UK, U.K., Great Britain, Großbritannien, Grande-Bretagne, England, Scotland, Wales, Northern Ireland",
    "HK": "Hong Kong, Hongkong",
    "KR": "Korea, Republic of Korea",
    "MO": "Macau, Macao",
    "NL": "The Netherlands, Holland",
    "RU": "Russian Federation",
    "TR": "Turkey",
    "US": "USA, U.S.A., United States of America",
}
# Shorter names in Latin letters are words of other languages.
_MIN_LETTERS = 4


@cache
def country_codes() -> frozenset[str]:
    """ISO 3166 alpha-2 codes."""
    named = locale_data("en")["territories"]
    return frozenset(code for code in named if len(code) == 2 and code.isalpha()) - _NO_COUNTRIES


@cache
def country_names() -> Mapping[str, str]:
    """Folded names of countries with their codes; names of two countries are left out."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for locale in LANGUAGES:
        for code, name in locale_data(locale).get("territories", {}).items():
            if code in country_codes() and isinstance(name, str):
                for spelled in (name, _with_digraphs(name)):
                    found[_key(spelled)].add(code)
    known = {key: codes.pop() for key, codes in found.items() if len(codes) == 1 and _is_long(key)}
    return known | {_key(name): code for code, names in _ALSO_PRINTED.items() for name in names.split(", ")}


@cache
def first_words() -> frozenset[str]:
    """The words that names of countries begin with, folded: to see at once that a word begins none."""
    return frozenset(name.split()[0] for name in country_names())


def country_of_name(text: str) -> str | None:
    """ISO code of a printed country name."""
    return country_names().get(_key(text))


def country_code(text: str) -> str | None:
    """ISO code of a printed country name or code."""
    plain = " ".join(text.split()).strip(".,()")
    return plain if plain in country_codes() else country_of_name(plain)


def _key(name: str) -> str:
    return " ".join(fold_name(name).replace("’", "'").replace("-", " ").split()).strip(" .,()")


def _with_digraphs(name: str) -> str:
    return name.translate({ord(letter): f"{base}e" for letter, base in zip("äöüÄÖÜ", "aouAOU", strict=True)})


def _is_long(key: str) -> bool:
    return len(key) >= _MIN_LETTERS or not key.isascii()
