"""Codes as printed: IBAN, VAT id, currency, country. Each checksum says whether a candidate can be one."""

from __future__ import annotations

import re
from collections.abc import Callable

from llava_ocr.grounding.currencies import currency_readings

# alpha-2 code, then its names in English, German and French where they differ, and at home, in lower case.
_COUNTRY_NAMES = """
AD andorra|andorre
AE united arab emirates|uae|vereinigte arabische emirate|émirats arabes unis
AR argentina|argentinien|argentine
AT austria|österreich|oesterreich|autriche
AU australia|australien|australie
BE belgium|belgien|belgique|belgië
BG bulgaria|bulgarien|bulgarie
BR brazil|brasilien|brésil
CA canada|kanada
CH switzerland|schweiz|suisse|svizzera
CL chile|chili
CN china|chine
CY cyprus|zypern|chypre
CZ czech republic|czechia|tschechien|tchéquie
DE germany|deutschland|allemagne
DK denmark|dänemark|danemark
EE estonia|estland|estonie
EG egypt|ägypten|égypte
ES spain|spanien|espagne|españa
FI finland|finnland|finlande
FR france|frankreich
GB united kingdom|great britain|england|scotland|wales|uk|vereinigtes königreich|großbritannien|royaume-uni
GR greece|griechenland|grèce
HK hong kong
HR croatia|kroatien|croatie
HU hungary|ungarn|hongrie
ID indonesia|indonesien|indonésie
IE ireland|irland|irlande
IL israel|israël
IN india|indien|inde
IS iceland|island|islande
IT italy|italien|italie|italia
JP japan|japon
KR south korea|südkorea|corée du sud
LI liechtenstein
LT lithuania|litauen|lituanie
LU luxembourg|luxemburg
LV latvia|lettland|lettonie
MA morocco|marokko|maroc
MC monaco
MT malta|malte
MX mexico|mexiko|mexique
MY malaysia|malaisie
NL netherlands|the netherlands|niederlande|pays-bas|nederland
NO norway|norwegen|norvège
NZ new zealand|neuseeland|nouvelle-zélande
PH philippines|philippinen
PL poland|polen|pologne|polska
PT portugal
QA qatar|katar
RO romania|rumänien|roumanie
RS serbia|serbien|serbie
SA saudi arabia|saudi-arabien|arabie saoudite
SE sweden|schweden|suède
SG singapore|singapur|singapour
SI slovenia|slowenien|slovénie
SK slovakia|slowakei|slovaquie
TH thailand|thaïlande
TN tunisia|tunesien|tunisie
TR turkey|türkei|turquie
TW taiwan
UA ukraine
US united states|united states of america|usa|u.s.a.|vereinigte staaten|états-unis
VN vietnam
ZA south africa|südafrika|afrique du sud
"""
COUNTRIES: dict[str, str] = {
    name.strip(): entry.split(maxsplit=1)[0]
    for entry in _COUNTRY_NAMES.strip().splitlines()
    for name in entry.split(maxsplit=1)[1].split("|")
}
COUNTRY_CODES = frozenset(COUNTRIES.values())

_IBAN_LENGTHS: dict[str, int] = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI NL",
        19: "SI",
        20: "AT EE LT LU",
        21: "CH HR LI LV",
        22: "BG DE GB IE RS",
        24: "AD CZ ES RO SE SK TN",
        25: "PT",
        26: "IS TR",
        27: "FR GR IT MC",
        28: "CY HU PL",
        31: "MT",
    }.items()
    for country in countries.split()
}


def compact(text: str) -> str:
    """Drop what people put between the characters of a code, and raise its letters."""
    return re.sub(r"[\s.\-/]", "", text).upper()


def is_iban(text: str) -> bool:
    """Whether an IBAN's length and ISO 7064 mod 97-10 checksum are right."""
    iban = compact(text)
    wanted = _IBAN_LENGTHS.get(iban[:2])
    if not iban.isascii() or not iban.isalnum() or not 15 <= len(iban) <= 34 or (wanted and len(iban) != wanted):
        return False
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def has_iban_shape(text: str) -> bool:
    """Whether a code starts like an IBAN of a country that has them, and is long enough, whatever its checksum."""
    iban = compact(text)
    return iban[:2] in _IBAN_LENGTHS and iban[2:4].isdigit() and 15 <= len(iban) <= _IBAN_LENGTHS[iban[:2]]


def is_vat(text: str) -> bool:
    """Whether a VAT id starts with a country and goes on in figures, but for a few letters. An IBAN is none."""
    vat = compact(text)
    country = "GR" if vat[:2] == "EL" else vat[:2]
    number = vat.removesuffix("MWST").removesuffix("TVA").removesuffix("IVA")[2:]
    num_digits = sum(c.isdigit() for c in number)
    is_number = num_digits >= 5 and num_digits >= len(number) - 3
    return (country in COUNTRY_CODES or country == "EU") and is_number and not is_iban(vat)


def country_code(text: str) -> str | None:
    """ISO alpha-2 code of a printed country name or code."""
    plain = " ".join(text.split()).strip(".,")
    return plain if plain in COUNTRY_CODES else COUNTRIES.get(plain.casefold())


def anything(_: str) -> bool:
    """No checksum: the pattern alone decides."""
    return True


CHECKSUMS: dict[str, Callable[[str], bool]] = {
    "": anything,
    "iban": is_iban,
    "vat": is_vat,
    "currency": lambda text: bool(currency_readings(text)),
    "country": lambda text: country_code(text) is not None,
}
