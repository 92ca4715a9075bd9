"""Identifiers with valid check digits, and reference numbers of many shapes."""

from __future__ import annotations

from itertools import count
from random import Random

from stdnum import luhn
from stdnum.at import uid as at_uid
from stdnum.ch import uid as ch_uid
from stdnum.ie import vat as ie_vat

from llava_ocr.synth.streams import chance, weighted

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
IBAN_SHAPES = {
    "DE": "##################", "AT": "################", "CH": "#################", "FR": "####################?##",
    "BE": "############", "GB": "????##############", "IE": "????##############", "NL": "????##########",
    "LU": "#############???", "ES": "####################", "IT": "?######################",
}  # fmt: skip


def fill(rng: Random, shape: str) -> str:
    """Fill a shape: # becomes a digit, ? a capital letter, all else stays."""
    return "".join(rng.choice("0123456789") if c == "#" else rng.choice(LETTERS) if c == "?" else c for c in shape)


def make_iban(rng: Random, country: str) -> str:
    """Make an IBAN with valid check digits (ISO 7064 mod 97-10); countries without IBANs bank in Germany."""
    land = country if country in IBAN_SHAPES else "DE"
    account = fill(rng, IBAN_SHAPES[land])
    rest = int("".join(str(int(c, 36)) for c in f"{account}{land}00")) % 97
    return f"{land}{98 - rest:02d}{account}"


def in_groups(text: str, size: int) -> str:
    """Set a space after every `size` characters."""
    return " ".join(text[i : i + size] for i in range(0, len(text), size))


def make_bic(rng: Random, country: str) -> str:
    """Make a BIC of 8 or 11 characters."""
    return (
        fill(rng, f"????{country}") + rng.choice(("2X", "MM", "FF", "33", "PP", "21")) + rng.choice(("", "XXX", "XXX"))
    )


def make_vat_id(rng: Random, country: str) -> str | None:
    """Make a VAT identifier as the country writes it without spaces; None where there is none."""
    if country == "DE":
        digits = str(rng.randint(1, 9)) + fill(rng, "#######")
        return f"DE{digits}{_mod_11_10(digits)}"
    if country == "FR":
        siren = fill(rng, "#########")[:-1]
        siren += luhn.calc_check_digit(siren)
        return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"
    shapes = {"AT": "ATU########", "BE": "BE0#########", "GB": "GB#########", "IE": "IE#######?", "CH": "CHE#########"}
    return _with_check(fill(rng, shapes[country])) if country in shapes else None


def _with_check(drawn: str) -> str:
    """Put the check digits of its country in place of the last ones of a VAT identifier."""
    country, number = drawn[:2], drawn[2:]
    if country == "AT":
        return drawn[:-1] + at_uid.calc_check_digit(number[:-1])
    if country == "BE":
        return f"{drawn[:-2]}{97 - int(number[:-2]) % 97:02d}"
    if country == "GB":
        total = sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), number, strict=False))
        return f"{drawn[:-2]}{-total % 97:02d}"
    if country == "IE":
        return drawn[:-1] + ie_vat.calc_check_digit(number[:-1])
    # Ten of eleven Swiss numbers have a check digit; the next one that does is taken.
    digits = next(
        f"{n % 10**8:08d}" for n in count(int(number[1:-1])) if ch_uid.calc_check_digit(f"{n % 10**8:08d}") != "10"
    )
    return f"CHE{digits}{ch_uid.calc_check_digit(digits)}"


def write_vat_id(rng: Random, vat_id: str) -> str:
    """Write a VAT identifier as pages do: mostly in one piece, else in groups."""
    if vat_id.startswith("CHE"):
        return f"CHE-{vat_id[3:6]}.{vat_id[6:9]}.{vat_id[9:]}"
    if chance(rng, 0.75):
        return vat_id
    head, tail = vat_id[:2], vat_id[2:]
    return f"{head} {tail[:2]} {in_groups(tail[2:], 3)}" if head == "FR" else f"{head} {tail}"


def _mod_11_10(digits: str) -> int:
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10


def make_reference(rng: Random, year: int, *, letters: str = "") -> str:
    """Make a reference number; `letters` is the prefix that its issuer likes."""
    shape = weighted(rng, REFERENCE_SHAPES)
    prefix = letters or rng.choice(("R", "RE", "INV", "F", "FA", "A", "B", "K", "SO", "PO", "AB", "LS", "KD", "VT"))
    text = shape.replace("Y4", str(year)).replace("Y2", f"{year % 100:02d}").replace("M2", f"{rng.randint(1, 12):02d}")
    return fill(rng, text.replace("@", prefix).replace("0#", str(rng.randint(1, 9)) + "#"))


REFERENCE_SHAPES: tuple[tuple[str, float], ...] = (
    ("0#####", 2), ("0####", 1), ("0#######", 1.5), ("0#########", 0.8), ("0###", 0.7), ("0##", 0.3), ("@-0####", 1.2),
    ("@Y4####", 1.2), ("@-Y4-0###", 1.5), ("@Y2-0####", 0.8), ("Y4-0###", 1), ("Y4/0###", 0.8), ("@/Y4/M2/0###", 0.8),
    ("Y2M2-0##", 0.5), ("@0######", 1), ("?##-0####", 0.4), ("@ Y4-0##", 0.25), ("0###/Y2", 0.5), ("@-0###-??", 0.3),
    ("0##.0##.0##", 0.3), ("0## 0##", 0.15), ("@#0#####-Y2", 0.4), ("Y4M2##-0##", 0.4), ("#???-####", 0.2),
    ("@_Y4_0###", 0.2), ("??0########", 0.4), ("@Y4M20###", 0.5), ("0#####-0#", 0.4),
    ("@#############", 0.3), ("0###########", 0.3),
    ("@-?????-0##", 0.2), ("0#-0####-0", 0.3), ("#####@", 0.15), ("@.0###.Y2", 0.2), ("#0##-0##-0##", 0.3),
)  # fmt: skip


def make_gln(rng: Random) -> str:
    """Make a 13-digit GLN or GTIN with its check digit."""
    digits = "4" + fill(rng, "###########")
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return f"{digits}{-total % 10}"
