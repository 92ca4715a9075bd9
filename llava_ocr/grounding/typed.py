"""From the text as printed to a typed value, in the document's own conventions. Pure.

Where a text can be read in two ways, the document's unambiguous values decide; where they don't, it stays ambiguous.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from llava_ocr.grounding.amounts import amount_readings, side_of
from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.codes import CHECKSUMS, compact
from llava_ocr.grounding.countries import country_code
from llava_ocr.grounding.currencies import currency_codes, currency_readings, decimals, is_open
from llava_ocr.grounding.dates import RangeEnd, date_readings, end_readings, find_dates
from llava_ocr.grounding.languages import likeliest
from llava_ocr.grounding.months import LANGUAGES
from llava_ocr.records import FieldValue
from llava_ocr.schema import Currency, Hint, Kind, Leaf, LeafNode, Money, leaf_of
from llava_ocr.words.layout import Layout

_AMOUNTS = LeafNode("", "", leaf_of(Money), Hint(""))
_CURRENCIES = LeafNode("", "", leaf_of(Currency), Hint(""))

# Currencies of countries that write the month first.
_MONTH_FIRST = frozenset({"USD", "PHP"})


class Conventions:
    """How one document writes numbers and dates, learnt from what it prints; computed only when asked."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._layouts = layouts

    @cached_property
    def decimal_mark(self) -> str:
        """`,` or `.`, or empty where the document does not say."""
        votes: Counter[str] = Counter()
        for text in self._printed(_AMOUNTS):
            readings = amount_readings(text)
            if len(readings) == 1 and (mark := next(iter(readings))):
                votes[mark] += 1
        return _winner(votes)

    @cached_property
    def date_order(self) -> str:
        """`dmy` or `mdy`, or empty where the document does not say."""
        votes: Counter[str] = Counter()
        for text in self._dates():
            orders = [order for order in date_readings(text) if order in ("dmy", "mdy")]
            # A month by name says nothing of how its writer orders figures.
            if len(orders) == 1 and not any(c.isalpha() for c in text):
                votes[orders[0]] += 1
        return _winner(votes) or self._order_by_currency()

    @cached_property
    def has_hangul(self) -> bool:
        """Whether the document is in Korean, where `24. 3. 5.` begins with the year."""
        return any("가" <= c <= "힣" for word in self._words() for c in word)

    def date_reading(self, readings: Mapping[str, date]) -> str:
        """Which of a date's readings the document decides for; empty where it does not say."""
        if "ymd" in readings and "dmy" in readings:
            return "ymd" if self.has_hangul else "dmy"
        if self.date_order in readings:
            return self.date_order
        groups = [frozenset(key.split()) for key in readings]
        if not all(language in LANGUAGES for group in groups for language in group):
            return ""
        chosen = likeliest(groups, self._words(), self.currencies)
        return "" if chosen is None else list(readings)[chosen]

    @cached_property
    def currencies(self) -> frozenset[str]:
        """Currency codes that are printed as codes."""
        return frozenset(text for text in self._printed(_CURRENCIES) if text in currency_codes())

    @cached_property
    def has_thousandths(self) -> bool:
        """Whether amounts may have three decimals: money of that kind is printed, or none at all."""
        printed = {code for text in self._printed(_CURRENCIES) for code in currency_readings(text)}
        return not printed or any(decimals(code) > 2 for code in printed)

    @cached_property
    def has_sides(self) -> bool:
        """Whether amounts are marked as debits and as credits: then neither mark is a sign."""
        return len({side_of(text) for text in self._printed(_AMOUNTS)} - {""}) > 1

    def _order_by_currency(self) -> str:
        """Amounts in one currency alone tell where the document was written; several, or dollars of nobody, do not."""
        printed = {code for text in self._printed(_CURRENCIES) for code in currency_readings(text)[:1]}
        if len(printed) != 1:
            return ""
        return "mdy" if printed <= _MONTH_FIRST else "dmy"

    def _words(self) -> list[str]:
        return [word.text for layout in self._layouts for word in layout.words]

    def _dates(self) -> Iterator[str]:
        """Every date that is printed, ends of ranges among them."""
        segments = (segment for layout in self._layouts for line in layout.lines for segment in line.segments)
        for text in dict.fromkeys(segment.text for segment in segments):
            yield from (text[start:end] for start, end in find_dates(text, with_ranges=True))

    def _printed(self, leaf: LeafNode) -> list[str]:
        return [text for layout in self._layouts for text in spans(layout, leaf)]


@dataclass(frozen=True, slots=True)
class Typed:
    """What a text means: one value, or none and the values it could be; neither where it is no such thing at all."""

    value: FieldValue = None
    candidates: tuple[str, ...] = ()


def parse(text: str, leaf: Leaf, conventions: Conventions, *, end: RangeEnd | None = None) -> Typed:
    """Give the typed value of a printed text; `end` is the end of a range of dates that is asked for."""
    if leaf.kind in (Kind.MONEY, Kind.NUMBER):
        return _amount(text, leaf, conventions)
    if leaf.kind is Kind.DATE:
        days = date_readings(text) or (end_readings(text, end) if end else {})
        return _settled(days, lambda: conventions.date_reading(days))
    if leaf.kind is Kind.CODE:
        return _code(text, leaf, conventions)
    return Typed(text)


def meanings(text: str, leaf: Leaf) -> frozenset[FieldValue]:
    """All that a text could mean as this kind, whatever the document's conventions; nothing for free text."""
    if leaf.kind in (Kind.MONEY, Kind.NUMBER):
        return frozenset(amount_readings(text).values())
    if leaf.kind is Kind.DATE:
        return frozenset(date_readings(text).values())
    if leaf.kind is not Kind.CODE:
        return frozenset()
    if leaf.checksum == "currency":
        return frozenset(currency_readings(text))
    return frozenset({country_code(text)} - {None}) if leaf.checksum == "country" else frozenset({compact(text)})


def either_sign(typed: Typed) -> Typed:
    """What is left of an amount whose sign is in doubt: both, to choose from."""
    known = (typed.value,) if isinstance(typed.value, Decimal) else map(Decimal, typed.candidates)
    return Typed(candidates=tuple(dict.fromkeys(str(value) for one in known for value in (one, -one))))


def _amount(text: str, leaf: Leaf, conventions: Conventions) -> Typed:
    readings = amount_readings(text)
    typed = _settled(readings, lambda: conventions.decimal_mark)
    if typed.value is None and leaf.kind is Kind.MONEY and not conventions.has_thousandths:
        # Nobody prints thousandths of a cent: a lone mark before three figures groups them.
        whole = [value for value in readings.values() if value == value.to_integral_value()]
        typed = Typed(whole[0]) if len(whole) == 1 else typed
    return either_sign(typed) if side_of(text) and conventions.has_sides else typed


def _settled(readings: Mapping[str, FieldValue], decide: Callable[[], str]) -> Typed:
    if len(set(readings.values())) == 1:
        return Typed(next(iter(readings.values())))
    if readings and (chosen := decide()) in readings:
        return Typed(readings[chosen])
    return Typed(candidates=tuple(str(value) for value in readings.values()))


def _code(text: str, leaf: Leaf, conventions: Conventions) -> Typed:
    if leaf.checksum == "currency":
        readings = currency_readings(text)
        printed = [code for code in readings if code in conventions.currencies] if len(readings) > 1 else []
        if len(printed) != 1 and is_open(text):
            return Typed(candidates=readings)
        return Typed(printed[0] if len(printed) == 1 else readings[0]) if readings else Typed()
    if leaf.checksum == "country":
        return Typed(country_code(text))
    if not CHECKSUMS[leaf.checksum](text):
        return Typed()
    return Typed(compact(text) if leaf.checksum else text)


def _winner(votes: Counter[str]) -> str:
    """The mark most values use, if there is no doubt about it."""
    ranked = votes.most_common(2)
    if not ranked:
        return ""
    return ranked[0][0] if len(ranked) == 1 or ranked[0][1] >= 3 * ranked[1][1] else ""
