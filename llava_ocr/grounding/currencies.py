"""Currencies as printed, to ISO 4217 codes. Signs, names and decimals are CLDR's, from Babel; read once, on use."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from babel import localedata
from babel.core import get_global
from babel.numbers import get_currency_precision

# Whose currency is printed how: CLDR's locales, each for the money of its own country.
_LOCALES = """
en_US en_GB en_CA en_AU en_NZ en_SG en_HK en_IN en_ZA en_PK en_MU en_PH en_NG en_KE en_GH de_DE de_CH fr_FR
fr_CA it_IT es_ES nl_NL pt_PT fi_FI el_GR ga_IE lv_LV lt_LT da_DK sv_SE nb_NO is_IS pl_PL cs_CZ hu_HU ro_RO
bg_BG sr_Cyrl_RS sr_Latn_RS mk_MK sq_AL bs_Latn_BA tr_TR ru_RU uk_UA be_BY ka_GE hy_AM az_Latn_AZ kk_KZ
he_IL ar_SA ar_AE ar_EG ar_KW ar_QA ar_BH ar_OM ar_JO ar_MA ar_TN ar_DZ ar_IQ ar_LB ar_LY fr_MA fr_TN fa_IR
hi_IN bn_BD ne_NP si_LK th_TH vi_VN id_ID ms_MY fil_PH ja_JP ko_KR zh_Hans_CN zh_Hant_TW zh_Hant_HK es_MX
es_AR es_CL es_CO es_PE es_UY es_CR es_DO es_PY pt_BR
"""
# What is printed as well, and CLDR does not have.
_ALSO_PRINTED = {
    "AED": "Dhs Dh",
    "AUD": "AU$",
    "BGN": "лв",
    "CAD": "C$",
    "CHF": "Fr SFr Fr.",
    "CNY": "RMB 元 CN¥",
    "CZK": "Kc",
    "DEM": "DM",
    "GBP": "STG",
    "HRK": "kn",
    "IDR": "Rp",
    "ILS": "NIS",
    "INR": "Rs ₨",
    "ISK": "kr",
    "JPY": "JP¥ 円 圓",
    "KRW": "원",
    "LKR": "Rs ₨",
    "NPR": "Rs ₨",
    "PHP": "Php",
    "PKR": "₨",
    "PLN": "zl",
    "RON": "lei",
    "RSD": "din дин",
    "RUB": "руб р",
    "SAR": "SR",
    "SGD": "S$",
    "THB": "Bt",
    "TRY": "TL",
    "USD": "US$",
}
# Of the currencies that share a sign, the one that is meant where nothing on the page says more.
_COMMONEST = ("USD", "EUR", "GBP", "JPY", "INR", "CNY", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN")
# Signs that stand for several currencies of equal rank: only the page can tell which.
_OPEN = frozenset({"kr"})
# Abbreviations that are printed in any case; `Ft` and `KM` in small letters are feet and kilometres.
_ANY_CASE = frozenset({"kr", "rs", "zł", "kč", "лв", "руб"})
# Codes that are words of their own in capital letters.
_CODE_WORDS = "ALL BAM BOB CAD COP CUP GEL LAK MAD MOP PEN RON SOS STD TOP TRY"
WORDS = frozenset(_CODE_WORDS.split())
# Codes of currencies that were legal tender since then are read.
_SINCE = (1999, 1, 1)
_LATELY = (2015, 1, 1)
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u061c\u2066\u2067\u2068\u2069"))


@lru_cache(maxsize=1)
def currency_codes() -> frozenset[str]:
    """ISO 4217 codes of all money that is or lately was legal tender."""
    return frozenset(code for listed in _tenders().values() for code, end in listed if end is None or end >= _SINCE)


@lru_cache(maxsize=1)
def plain_codes() -> frozenset[str]:
    """Codes of money of these days that are no words: they name a currency wherever they stand."""
    listed = (entry for entries in _tenders().values() for entry in entries)
    return frozenset(code for code, end in listed if end is None or end >= _LATELY) - WORDS


@lru_cache(maxsize=16_384)
def currency_readings(text: str) -> tuple[str, ...]:
    """ISO codes that a printed currency can stand for, the commonest first."""
    plain = folded(text)
    code = plain.upper()
    if code in currency_codes():
        return (code,)
    return _table().symbols.get(plain) or _table().names.get(plain, ())


def is_open(text: str) -> bool:
    """Whether a sign stands for several currencies of which none goes without saying: `kr`."""
    return folded(text) in _OPEN


def decimals(code: str) -> int:
    """How many decimals an amount of a currency has."""
    return int(get_currency_precision(code))


@lru_cache(maxsize=1)
def symbols() -> frozenset[str]:
    """Every sign, abbreviation and code as it is printed, but for a full stop behind."""
    return frozenset(form for symbol in _table().printed for form in _forms(symbol)) | currency_codes()


def is_name(word: str) -> bool:
    """Whether a word is the name of a currency behind figures: `Euro`, `złotych`, `円`."""
    return folded(word) in _table().names


def folded(text: str) -> str:
    """A printed currency as it is looked up: wide forms made narrow, invisible marks and a full stop behind dropped."""
    return _narrow(text).casefold().rstrip(".")


@dataclass(frozen=True)
class _Table:
    """What signs and names mean, by their folded forms; `printed` are the signs as they are printed."""

    symbols: dict[str, tuple[str, ...]]
    names: dict[str, tuple[str, ...]]
    printed: frozenset[str]


@lru_cache(maxsize=1)
def _table() -> _Table:
    symbols = sorted({*_signs()})
    names = sorted({*_names()})
    return _Table(_by_print(symbols), _by_print(names), frozenset(_narrow(sign).rstrip(".") for sign, _ in symbols))


def _signs() -> Iterator[tuple[str, str]]:
    """Yield each sign or abbreviation and a currency that it stands for."""
    for code, sign in localedata.load("en")["currency_symbols"].items():
        if "$" in sign or not sign.isascii():
            yield sign, code
    for locale in _LOCALES.split():
        code = _money_of(locale)
        yield localedata.load(locale)["currency_symbols"].get(code, code), code
    for code, printed in _ALSO_PRINTED.items():
        yield from ((sign, code) for sign in printed.split())


def _names() -> Iterator[tuple[str, str]]:
    """Yield each word by which a currency is called behind figures: `złoty`, `złotych`."""
    asked = [(locale, _money_of(locale)) for locale in _LOCALES.split()] + [("en_US", code) for code in _COMMONEST]
    for locale, code in asked:
        data = localedata.load(locale)
        names = data["currency_names_plural"].get(code, {}).values() or [data["currency_names"].get(code, "")]
        for word in " ".join(names).split():
            # In English, capitals say whose money it is: `British pounds`.
            if not (locale.startswith("en") and word[0].isupper()):
                yield word, code


@lru_cache(maxsize=1)
def _tenders() -> dict[str, list[tuple[str, tuple[int, ...] | None]]]:
    """Each country's legal tender with the day on which it ended."""
    listed = get_global("territory_currencies")
    return {
        country: [(code, tuple(end) if end else None) for code, _, end, is_tender in entries if is_tender]
        for country, entries in listed.items()
    }


def _money_of(locale: str) -> str:
    return next(code for code, end in reversed(_tenders()[locale.rpartition("_")[2]]) if end is None)


def _by_print(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    rank = {code: place for place, code in enumerate(_COMMONEST)}
    found: dict[str, list[str]] = {}
    for printed, code in pairs:
        found.setdefault(folded(printed), []).append(code)
    found.pop("", None)
    return {printed: tuple(sorted(set(codes), key=lambda c: (rank.get(c, 99), c))) for printed, codes in found.items()}


def _forms(symbol: str) -> set[str]:
    # One letter alone is no sign: `R` and `L` are much else on a page.
    if len(symbol) < 2 and symbol.isascii() and symbol.isalpha():
        return set()
    if symbol.casefold() in _ANY_CASE:
        return {symbol, symbol.lower(), symbol.upper(), symbol.capitalize()}
    return {symbol} - {""}


def _narrow(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).split())
