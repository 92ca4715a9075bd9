"""Codes as printed: IBAN, VAT id, currency, country. Each checksum says whether a candidate can be one.

Structure and check digits are python-stdnum's: the IBAN registry, and the VAT numbers of each country.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Protocol, cast

from stdnum import get_cc_module, iban
from stdnum.ch import uid
from stdnum.eu import oss, vat

from llava_ocr.grounding.countries import country_code, country_codes
from llava_ocr.grounding.currencies import currency_readings

# Countries whose VAT ids carry their code: the European Union's, `EL` and `EU` among them, and those that write so too.
_PREFIXES = frozenset(code.upper() for code in vat.MEMBER_STATES) | {"EL", "EU", "GB", "XI", "CH", "NO"}
# What a Swiss or Norwegian company is entered in, behind its number.
_REGISTERS = re.compile("(MWST|TVA|IVA|TPV|MVA)$")
_CAPITALS = re.compile(r"\W*[A-Z]{2}")
_IBAN_START = re.compile(r"[A-Z]{2}\d\d")
# A VAT id without its country's code has at least so many characters, and figures among them.
_MIN_NATIONAL, _MIN_FIGURES = 8, 7
# Countries whose numbers have no check digit, or hardly one: nearly every number would be one of theirs.
_UNCHECKED = frozenset(("EG", "KR"))
# The shortest IBAN is Norway's; a mistyped one may have lost characters.
_MIN_IBAN = 15


class _Numbers(Protocol):
    """A module of stdnum."""

    def is_valid(self, number: str) -> bool: ...


def compact(text: str) -> str:
    """Drop what people put between the characters of a code, and raise its letters."""
    return re.sub(r"[\s.\-/]", "", text).upper()


def is_iban(text: str) -> bool:
    """Whether a text in capitals has the structure of its country's IBANs and the right checksum."""
    return bool(_CAPITALS.match(text)) and iban.is_valid(compact(text), check_country=False)


def has_iban_shape(text: str) -> bool:
    """Whether a code starts like an IBAN of a country, and is as long as one, whatever its checksum."""
    plain = compact(text)
    return (
        bool(_IBAN_START.match(plain)) and plain[:2] in country_codes() and plain.isalnum() and len(plain) >= _MIN_IBAN
    )


def is_vat(text: str) -> bool:
    """Whether a text in capitals is a VAT id with its country's code, of that country's form and check digits."""
    plain = compact(text)
    if plain[:2] not in _PREFIXES or not plain.isascii() or not _CAPITALS.match(text) or len(plain) > 17:
        return False
    land, bare = plain[:2], _REGISTERS.sub("", plain)
    if land == "CH":
        return uid.is_valid(bare)
    if land == "EU":
        return oss.is_valid(plain)
    if land in ("GB", "XI", "NO"):
        return _is_of("GB" if land == "XI" else land, bare[2:] + ("MVA" if land == "NO" else ""))
    return vat.is_valid(plain)


def is_national_vat(text: str) -> bool:
    """Whether a text is a VAT id of some country without its code; its label must say that it is one at all."""
    plain = _REGISTERS.sub("", compact(text))
    num_figures = sum(c.isdigit() for c in plain)
    if not plain.isascii() or not plain.isalnum() or len(plain) < _MIN_NATIONAL or num_figures < _MIN_FIGURES:
        return False
    return any(module.is_valid(plain) for module in _national()) or _is_of("NO", f"{plain}MVA")


def has_vat_shape(text: str) -> bool:
    """Whether a code starts with a country that has VAT ids and goes on in figures, whatever its check digits."""
    plain = compact(text)
    figures = sum(c.isdigit() for c in plain[2:])
    return plain[:2] in _PREFIXES and _MIN_NATIONAL <= len(plain) <= 14 and figures >= len(plain) - 5


def _is_of(country: str, number: str) -> bool:
    module = _module(country)
    return module is not None and module.is_valid(number)


@cache
def _module(country: str) -> _Numbers | None:
    return cast("_Numbers | None", get_cc_module(country.lower(), "vat"))


@cache
def _national() -> tuple[_Numbers, ...]:
    modules = (_module(country) for country in sorted(country_codes() - _UNCHECKED))
    return tuple(module for module in modules if module is not None)


def anything(_: str) -> bool:
    """No checksum: the pattern alone decides."""
    return True


# Checksums that a code of another kind does not pass by accident.
PROVING = ("iban", "vat")
CHECKSUMS: dict[str, Callable[[str], bool]] = {
    "": anything,
    "iban": is_iban,
    "vat": lambda text: is_vat(text) or is_national_vat(text),
    "currency": lambda text: bool(currency_readings(text)),
    "country": lambda text: country_code(text) is not None,
}
