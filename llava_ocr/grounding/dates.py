"""Dates as printed, to `datetime.date`, and ranges of dates. Where a text can mean several days, all are returned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from llava_ocr.grounding.date_patterns import (
    DAY,
    EDGE,
    END,
    LINK,
    MONTH_NUMBER,
    NAME,
    NTH,
    YEAR,
    dated,
    full_year,
    match_dates,
)
from llava_ocr.grounding.months import mark_months, months_of, plain

_DIGIT = re.compile(r"\d")
# What makes a date a part of a longer figure, unless it is one end of a range; not a time, nor a Hungarian `5-én`.
_BEFORE_LONGER, _AFTER_LONGER = re.compile("[-/]"), re.compile(r"/|-(?!\d\d:\d\d)")
_CASE = re.compile(r"-[^\W\d]{1,3}\b")

# What stands between the two ends of a range.
_TO = (
    r" ?(?:[-–—−~]|\b(?:to|until|till|til|through|thru|bis|au|al|a|à|até|tot|t/m|do|až|по|до)\b"
    r"|から|至|到|부터|(?<=-\d\d)/)(?: ?(?:the|den|zum|le|el|il|al))? ?"
)
_TO_LEFT, _TO_RIGHT = re.compile(rf"{_TO}\Z", re.IGNORECASE), re.compile(_TO, re.IGNORECASE)
# The first end without its year, the last without year or month; an item's number before a date is no day.
_COUNTED = r"(?<!no )(?<!no\. )(?<!nr )(?<!nr\. )(?<!page )(?<!seite )(?<!# )(?<!#)"
_FIRST = tuple(
    re.compile(EDGE + pattern + r"\Z", re.IGNORECASE)
    for pattern in (
        rf"{DAY}{NTH}{LINK}{NAME}\.?",
        rf"{NAME}{LINK}{DAY}{NTH}",
        rf"{DAY}\. ?(?P<m>[01]?\d)\.?",
        r"(?P<d>[0-3]?\d)/(?P<m>[0-3]?\d)",
        rf"{_COUNTED}{DAY}{NTH}\.?",
    )
)
_LAST = tuple(
    re.compile(pattern + END, re.IGNORECASE)
    for pattern in (rf"{MONTH_NUMBER} ?[月월] ?{DAY} ?[日号號일]", rf"{DAY} ?[日号號일]", rf"{MONTH_NUMBER}[-/.]{DAY}")
)
_DAYS_OF_MONTH = re.compile(
    rf"{EDGE}{NAME}{LINK}(?P<d>[0-3]?\d){NTH}(?:{_TO})(?P<d2>[0-3]?\d){NTH} ?,? ?{YEAR}{END}", re.IGNORECASE
)

# At most so many words may stand before or behind a date that is a value by itself: a weekday, an era.
MAX_WORDS_AROUND = 3
_CLOCK = re.compile(
    r"^[T .,_-]*\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\.\d+)? ?(?:[ap]\.?m\.?|Z|[+-]\d\d:?\d\d|Uhr)?", re.IGNORECASE
)


class RangeEnd(StrEnum):
    """One end of a range of dates."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class DateSpan:
    """A date in a text, and the days that it can mean by the order, era or language it supposes."""

    start: int
    end: int
    readings: Mapping[str, date]


@dataclass(frozen=True, slots=True)
class DateRange:
    """Two days and all between: where the range and each of its ends stands in the text, and what it can mean."""

    start: int
    end: int
    first: tuple[int, int]
    last: tuple[int, int]
    readings: Mapping[str, tuple[date, date]]


def find_dates(text: str, *, with_ranges: bool = False) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of every date in a line of text, left to right, the longest at each place.

    The ends of a range of dates are none, unless `with_ranges`.
    """
    spans, ranges = _scan(text)
    for span in spans:
        if with_ranges or not any(one.start <= span.start and span.end <= one.end for one in ranges):
            yield span.start, span.end


def find_date_ranges(text: str) -> tuple[DateRange, ...]:
    """Return the ranges of dates in a line of text: `July 1 - July 31, 2014`, `1.-31.3.2024`, `1/1/24 to 31/1/24`."""
    return _scan(text)[1]


def date_readings(text: str) -> dict[str, date]:
    """Every date the text can be, by what it supposes: an order (`dmy`, `mdy`, `ymd`), an era, languages.

    Empty when it is no date. A few words and a time may stand with it: `Friday, 5 March 2024, 12:30`.
    """
    spans, ranges = _scan(text)
    is_date = len(spans) == 1 and not ranges and _is_alone(text, spans[0].start, spans[0].end)
    return dict(spans[0].readings) if is_date else {}


def end_readings(text: str, end: RangeEnd) -> dict[str, date]:
    """Every date that one end of a range can be; empty when the text is no range."""
    ranges = find_date_ranges(text)
    is_range = len(ranges) == 1 and _is_alone(text, ranges[0].start, ranges[0].end)
    return {key: days[end is RangeEnd.LAST] for key, days in ranges[0].readings.items()} if is_range else {}


def _is_alone(text: str, start: int, end: int) -> bool:
    around = text[:start], _CLOCK.sub("", text[end:], count=1)
    return not any(_DIGIT.search(part) or len(part.split()) > MAX_WORDS_AROUND for part in around)


_Found = tuple[tuple[DateSpan, ...], tuple[DateRange, ...]]
_NOTHING: _Found = ((), ())


@lru_cache(maxsize=4096)
def _scan(text: str) -> _Found:
    """All dates, ends of ranges among them, and all ranges of dates in a line."""
    if not _DIGIT.search(text) and "年" not in text:
        return _NOTHING
    bare = plain(text)
    marked = mark_months(bare)
    found = match_dates(text, marked)
    if not found and marked is bare:
        return _NOTHING
    longest = [one for one in found if not any(_holds(other, one) for other in found if other != one)]
    spans = [DateSpan(*one, found[one]) for one in sorted(longest)]
    ranges = tuple(_ranges(text, marked, spans))
    ends = {end for one in ranges for end in (one.first, one.last)}
    whole = (span for span in spans if (span.start, span.end) in ends or not _is_part(marked, span))
    return tuple(whole), ranges


def _is_part(marked: str, span: DateSpan) -> bool:
    """Whether a date is a part of a longer figure."""
    if span.start and _BEFORE_LONGER.match(marked, span.start - 1):
        return True
    is_inflected = _CASE.match(marked, span.end) and not marked[span.start : span.end].replace("-", "").isdigit()
    return bool(_AFTER_LONGER.match(marked, span.end)) and not is_inflected


def _holds(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _ranges(text: str, marked: str, spans: Sequence[DateSpan]) -> Iterator[DateRange]:
    """Ranges by their last end, by a first end of which the last takes year and month, and `July 1 - 31, 2014`."""
    ends = {span.end: span for span in spans}
    for last in spans:
        joint = _TO_LEFT.search(marked, max(0, last.start - 14), last.start)
        if joint is None:
            continue
        before = joint.start()
        first = ends.get(before) or ends.get(before - 1 if marked[before - 1 : before] == "." else -1)
        if first is not None:
            if readings := _both(first.readings, last.readings):
                where = (first.start, first.end), (last.start, last.end)
                yield DateRange(first.start, last.end, *where, readings)
        elif found := _from_part(text, marked, before, last):
            yield found
    for first in spans:
        joint = _TO_RIGHT.match(marked, first.end)
        if joint is not None and "ymd" in first.readings and (found := _to_part(marked, joint.end(), first)):
            yield found
    for match in _DAYS_OF_MONTH.finditer(marked):
        months = months_of(text[match.start("n") : match.end("n")])
        keys = {"mdy" if len(months) == 1 else " ".join(sorted(of)): month for month, of in months.items()}
        firsts, lasts = (
            {
                name: day
                for name, month in keys.items()
                for day in dated({"": full_year(match["y"])}, month, int(match[d])).values()
            }
            for d in ("d", "d2")
        )
        if readings := _both(firsts, lasts):
            yield DateRange(*match.span(), match.span("d"), match.span("d2"), readings)


def _from_part(text: str, marked: str, before: int, last: DateSpan) -> DateRange | None:
    """A range whose first end is printed without its year, and perhaps without its month."""
    for pattern in _FIRST:
        match = pattern.search(marked, max(0, before - 40), before)
        if match is None:
            continue
        readings: dict[str, tuple[date, date]] = {}
        for key, end in last.readings.items():
            for month, day in _days_of_part(key, match, text, end):
                first = dated({"": end.year}, month, day).get("")
                if first and first > end and month != end.month:
                    first = dated({"": end.year - 1}, month, day).get("")
                if first and first <= end:
                    readings[key] = first, end
        if readings:
            return DateRange(match.start(), last.end, match.span(), (last.start, last.end), readings)
    return None


def _days_of_part(key: str, match: re.Match[str], text: str, end: date) -> Iterator[tuple[int, int]]:
    parts = match.groupdict()
    day = int(parts["d"])
    if "n" in parts:
        months = months_of(text[match.start("n") : match.end("n")])
        yield from ((month, day) for month, of in months.items() if len(months) == 1 or key == " ".join(sorted(of)))
    elif "m" in parts:
        yield (day, int(parts["m"])) if key == "mdy" else (int(parts["m"]), day)
    else:
        yield end.month, day


def _to_part(marked: str, at: int, first: DateSpan) -> DateRange | None:
    """A range whose last end is printed without its year: `2024年3月1日〜31日`."""
    start = first.readings["ymd"]
    for pattern in _LAST:
        if match := pattern.match(marked, at):
            month = int(match["m"]) if "m" in match.groupdict() else start.month
            end = dated({"": start.year}, month, int(match["d"])).get("")
            if end and start <= end:
                return DateRange(
                    first.start, match.end(), (first.start, first.end), match.span(), {"ymd": (start, end)}
                )
    return None


def _both(first: Mapping[str, date], last: Mapping[str, date]) -> dict[str, tuple[date, date]]:
    """Both ends under each supposition that they share; else an end of one meaning has it under any of the other's."""
    keys = [key for key in first if key in last] or (first if len(first) > 1 else last)
    pairs = {
        key: (a, b)
        for key in keys
        if (a := first.get(key) or _sole(first)) is not None and (b := last.get(key) or _sole(last)) is not None
    }
    return {key: pair for key, pair in pairs.items() if pair[0] <= pair[1]}


def _sole(readings: Mapping[str, date]) -> date | None:
    return next(iter(readings.values())) if len(readings) == 1 else None
