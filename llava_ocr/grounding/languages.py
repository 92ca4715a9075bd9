"""Which of a few languages a document is in, as far as the letters and words that it prints tell. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from babel.core import get_global
from babel.languages import get_official_languages

from llava_ocr.grounding.months import fold_name, locale_data

# A letter that stands more often than this in CLDR's names of countries, languages and money is one of the language's.
_RARE = 1
# Money of more countries than these says nothing of the language.
_MANY = 3
_NAMED = ("territories", "languages", "currency_names")


def likeliest(groups: Sequence[frozenset[str]], words: Iterable[str], currencies: Iterable[str]) -> int | None:
    """Return which group of languages a document is in; None where its words do not tell.

    Letters that no language of a group has speak against it; names of months, weekdays and countries, and money that
    is of its countries alone, speak for it.
    """
    folded = [word.casefold() for word in words]
    letters = {c for word in folded for c in word if c.isalpha() and not c.isascii()}
    scores = [
        (
            -min(len(letters - _letters(language)) for language in group),
            max(_num_words(language, folded) for language in group) + _num_money(group, groups, currencies),
        )
        for group in groups
    ]
    best, second = sorted(range(len(groups)), key=lambda n: scores[n], reverse=True)[:2]
    is_clear = scores[best] > scores[second] and scores[best][1] >= scores[second][1]
    return best if is_clear else None


@cache
def _letters(language: str) -> frozenset[str]:
    data = locale_data(language)
    counts = Counter(c for part in _NAMED for name in data[part].values() for c in name.casefold())
    return frozenset(c for c, count in counts.items() if count > _RARE)


@cache
def _words(language: str) -> frozenset[str]:
    data = locale_data(language)
    named = [data["territories"], *(names for of in data["days"].values() for names in of.values())]
    return frozenset(fold_name(str(name)) for names in named if isinstance(names, dict) for name in names.values())


def _num_words(language: str, words: Iterable[str]) -> int:
    known = _words(language)
    return sum(1 for word in words if len(word) > 3 and fold_name(word.strip(".,;:()")) in known)


def _num_money(group: frozenset[str], groups: Sequence[frozenset[str]], currencies: Iterable[str]) -> int:
    """How many currencies are those of countries that speak a language of this group and none of another."""
    others = frozenset[str]().union(*(other for other in groups if other != group))
    spoken = [_languages_of(currency) for currency in currencies]
    return sum(1 for languages in spoken if languages & group and not languages & others)


@cache
def _languages_of(currency: str) -> frozenset[str]:
    """Languages of the countries whose money it is; none where these are many."""
    listed = get_global("territory_currencies").items()
    countries = [country for country, money in listed if any(entry[0] == currency for entry in money)]
    spoken = (get_official_languages(country, de_facto=True) for country in countries if len(countries) <= _MANY)
    return frozenset(language for languages in spoken for language in languages)
