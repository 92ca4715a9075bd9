"""Dates as printed, to `datetime.date`. Where day and month could be swapped, both readings are returned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

# fmt: off
_MONTH_NAMES: tuple[str, ...] = (
    "january januar jänner janvier enero gennaio januari jan janv ene gen",
    "february februar feber février febrero febbraio februari feb fév fevr févr",
    "march märz mars marzo maart mar mär mrz maa mrt",
    "april avril abril aprile apr avr abr",
    "may mai mayo maggio mei mag",
    "june juni juin junio giugno jun giu",
    "july juli juillet julio luglio jul juil lug",
    "august août agosto augustus aug aoû ago",
    "september septembre septiembre settembre sep sept set",
    "october oktober octobre octubre ottobre oct okt ott",
    "november novembre noviembre nov",
    "december dezember décembre diciembre dicembre dec dez déc dic",
)
# fmt: on
MONTHS: dict[str, int] = {name: month for month, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_YEAR2 = r"(?P<y>(?:19|20)\d\d|\d\d)"
_DAY = r"(?P<d>[0-3]?\d)"
_EDGE, _END = r"(?<![\w./-])", r"(?![\w/-]|\.\d)"

# Each pattern with the order it fixes; `dmy|mdy` is open.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (order, re.compile(_EDGE + pattern + _END, re.IGNORECASE))
    for order, pattern in (
        ("ymd", _YEAR + r"(?P<s>[-/.])(?P<m>[01]?\d)(?P=s)" + _DAY),
        ("dmy", _DAY + r"\. ?(?P<m>[01]?\d)\. ?" + _YEAR2),
        ("dmy|mdy", r"(?P<d>[0-3]?\d)(?P<s>[-/])(?P<m>[0-3]?\d)(?P=s)" + _YEAR2),
        ("dmy|mdy", r"(?P<d>[0-3]?\d) ?(?P<s>[-/.]) ?(?P<m>[0-3]?\d) ?(?P=s) ?" + _YEAR),
        ("dmy", _DAY + rf"(?:st|nd|rd|th|er|\.)?[ \-/.]*(?:of |de )?(?P<n>{_MONTH})\.?,?[ \-/.']*" + _YEAR2),
        ("mdy", rf"(?P<n>{_MONTH})\.?[ \-]*" + _DAY + r"(?:st|nd|rd|th)?,?[ \-]+" + _YEAR),
        ("ymd", _YEAR + rf"[ \-/.]*(?P<n>{_MONTH})\.?[ \-/.]*" + _DAY),
        ("ymd", r"(?P<y>20\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)"),
    )
)


def find_dates(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of every date in a line of text, left to right, the longest at each place."""
    spans: set[tuple[int, int]] = set()
    for order, pattern in _PATTERNS:
        spans |= {match.span() for match in pattern.finditer(text) if _readings(order, match)}
    longest = [span for span in spans if not any(_holds(other, span) for other in spans if other != span)]
    yield from sorted(longest)


def date_readings(text: str) -> dict[str, date]:
    """Every date the text can be, by the order it supposes: `dmy`, `mdy`, `ymd`. Empty when it is no date."""
    stripped = text.strip(" .,;:()")
    for order, pattern in _PATTERNS:
        match = pattern.fullmatch(stripped)
        if match and (found := _readings(order, match)):
            return found
    return {}


def _readings(order: str, match: re.Match[str]) -> dict[str, date]:
    parts = match.groupdict()
    year = int(parts["y"])
    year += 0 if year >= 100 else 2000 if year < 70 else 1900
    name = parts.get("n")
    month = MONTHS[name.casefold()] if name else int(parts["m"])
    day = int(parts["d"])
    if order != "dmy|mdy":
        return {order: found} if (found := _date(year, month, day)) else {}
    both = {"dmy": _date(year, month, day), "mdy": _date(year, day, month)}
    readings = {key: value for key, value in both.items() if value is not None}
    # 05/05/2024 is one day, whoever wrote it.
    return {"": readings["dmy"]} if len(set(readings.values())) == 1 and len(readings) == 2 else readings


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _holds(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
