"""How numbers, amounts and dates are written. Pure: the style is drawn once a document, the rest is formatting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from llava_ocr.synth.markets import Market
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import CALENDAR

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF", "CAD": "$", "AUD": "$", "MYR": "RM", "SGD": "S$"}
# Currencies of no market here, which invoices seeded from files may have: they are named by their code.
SIGNS |= {
    code: code
    for code in (
        "SEK",
        "DKK",
        "NOK",
        "ISK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "BGN",
        "TRY",
        "JPY",
        "CNY",
        "INR",
        "NZD",
        "ZAR",
    )
}
# A bare dollar sign names the US dollar; elsewhere the code must stand on the page too.
SIGN_NAMES_CURRENCY = {"EUR", "USD", "GBP", "CHF", "MYR", "SGD"}


@dataclass(frozen=True, slots=True)
class Style:
    """One document's way of writing values. `money` is `plain`, `before`, `after`, or glued (`glued_before`, ...)."""

    language: str
    thousands: str
    decimal: str
    date_pattern: str
    money: str
    mark: str

    def number(self, value: Decimal, *, min_places: int = 0) -> str:
        """Write a number with at least `min_places` decimals and all that it has."""
        places = max(min_places, num_places(value))
        whole, _, fraction = f"{abs(value):.{places}f}".partition(".")
        grouped = f"{int(whole):,}".replace(",", self.thousands)
        sign = "-" if value < 0 else ""
        return f"{sign}{grouped}{self.decimal}{fraction}" if fraction else f"{sign}{grouped}"

    def amount(self, value: Decimal) -> str:
        """Write an amount of money without its currency."""
        return self.number(value, min_places=2)

    def day(self, value: date) -> str:
        """Write a date in the document's style."""
        return write_date(value, self.date_pattern, self.language)


def write_date(day: date, pattern: str, language: str) -> str:
    """Write a date by a strftime-like pattern whose month names are of `language`."""
    number, month = day.day, day.month - 1
    texts = {
        "%-dth": f"{number}{'th' if 11 <= number <= 13 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}",
        "%-d": "1er" if language == "fr" and number == 1 and "%B" in pattern else str(number),
        "%-m": str(day.month),
        "%d": f"{number:02d}",
        "%m": f"{day.month:02d}",
        "%Y": str(day.year),
        "%y": f"{day.year % 100:02d}",
        "%B": CALENDAR["months"][language][month],
        "%b": CALENDAR["short_months"][language][month],
    }
    for mark, text in texts.items():
        pattern = pattern.replace(mark, text)
    return pattern


def draw_style(rng: Random, market: Market, language: str) -> Style:
    """Draw one document's conventions as they are found in a market."""
    written = rng.choice(market.numbers)
    thousands, decimal = written[1] if not written[1].isdigit() else "", written[-3]
    sign = SIGNS[market.currency]
    mark = sign if chance(rng, 0.6) else market.currency
    before = ("before", 0.3 if mark == sign else 0.5), ("glued_before", 0.5 if mark in "€$£RM" else 0.0)
    after = ("after", 0.55), ("glued_after", 0.08 if mark == sign and not mark.isalpha() else 0.0)
    sides = (
        (*before, *((p, w * 0.2) for p, w in after))
        if market.language == "en"
        else (*after, *((p, w * 0.15) for p, w in before))
    )
    return Style(language, thousands, decimal, rng.choice(market.dates), weighted(rng, [("plain", 0.45), *sides]), mark)


def to_cents(value: Decimal) -> Decimal:
    """Round to two decimals as bookkeepers do."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def num_places(value: Decimal) -> int:
    """Count a number's decimals, trailing zeros left out."""
    return max(0, -int(value.normalize().as_tuple().exponent))


def plain(value: Decimal, *, min_places: int = 0) -> str:
    """Write a decimal as the truth does: no exponent, no grouping, no needless zeros."""
    return f"{value:.{max(min_places, num_places(value))}f}"
