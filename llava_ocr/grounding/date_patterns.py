"""Patterns of single dates, and what a match can mean. Lines come with their months marked (`months`). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from llava_ocr.grounding.months import FILLER, MONTH, MONTH_REST, MONTH_WORD, UNSETTLED, is_wide, months_of

# The year before each era's first. 民国 is Taiwan's.
_ERAS = {
    **dict(zip(("明治", "大正", "昭和", "平成", "令和"), (1867, 1911, 1925, 1988, 2018), strict=True)),
    **dict(zip("㍾㍽㍼㍻㋿", (1867, 1911, 1925, 1988, 2018), strict=True)),
    **dict.fromkeys(("民國", "民国"), 1911),
}
_ERA_LETTERS = {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018}
_REIWA, _MINGUO = 2018, 1911
# A year of one or two figures before 年 may be one of Reiwa up to here.
_LAST_BARE_REIWA = 20
# Years of the Buddhist era are so far ahead.
_BUDDHIST = 543
_KANJI = {figure: value for value, figure in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0}

_F = rf"(?:{FILLER}+ ?[.']? ?)"
NAME = rf"(?P<n>[{MONTH}-{UNSETTLED}]{MONTH_REST}*)"
YEAR = r"(?P<y>(?:19|20|2[56])\d\d)"
_YEAR2 = rf"(?:{YEAR}|(?P<yy>\d\d))"
DAY, MONTH_NUMBER, _SIGN = r"(?P<d>[0-3]?\d)", r"(?P<m>[01]?\d)", r"(?P<s>[-/.])"
NTH = r"(?:st|nd|rd|th|er|re|[oºª°])?"
# Between a day and the name of its month, and between that and the year.
LINK = rf"(?: ?\.? ?{_F}{{0,2}}|[-/])"
_LINK_YEAR = rf"(?: ?\.? ?,? ?{_F}{{0,2}}'?|[-/])"
# Letters but those of scripts that put no space between words.
_WORD = r"[^\W぀-ヿ㐀-鿿가-힯ก-๿]"
EDGE = rf"(?<!{_WORD})(?<!\.)(?<!\d[,'])"
END = rf"(?:(?=T\d\d:?\d\d|_\d\d:\d\d|[гр]\.)|(?!{_WORD}|[.,:]\d))"
# `July 1 - July 31, 2014`: the 31 is no year.
_END_NAMED = rf"{END}(?! ?,? ?(?:19|20)\d\d)"
_ERA, _ERA_LETTER = "|".join(_ERAS), "".join(_ERA_LETTERS)
_TEN = "[一二三四五六七八九十]"

# What a line must hold before any pattern is worth trying: three figures parted by a mark, a month's name, or 年.
_FIGURES = re.compile(r"\d ?([-/.]) ?\d\d? ?\1 ?\d|\d{8}")
_A_MONTH = re.compile(f"[{MONTH}-{UNSETTLED}{MONTH_WORD}]")
_CJK_YEAR = re.compile("[年년]")

_Patterns = tuple[tuple[str, re.Pattern[str]], ...]


def _compiled(patterns: Sequence[tuple[str, str]], end: str = END) -> _Patterns:
    return tuple((order, re.compile(EDGE + pattern + end, re.IGNORECASE)) for order, pattern in patterns)


# Each pattern with the order it fixes; `dmy|mdy` is open. Of two that match the same text the first counts.
_NUMERIC = _compiled(
    (
        ("ymd", rf"{YEAR}{_SIGN}{MONTH_NUMBER}(?P=s){DAY}"),
        ("ymd", rf"{YEAR}\. {MONTH_NUMBER}\. {DAY}"),
        ("dmy|yymd", rf"(?P<d>\d\d?)\. {MONTH_NUMBER}\. (?P<yy>\d\d?)"),
        ("dmy", rf"{DAY}\. ?{MONTH_NUMBER}\. ?{_YEAR2}"),
        ("dmy|mdy", rf"{DAY}(?P<s>[-/])(?P<m>[0-3]?\d)(?P=s){_YEAR2}"),
        ("dmy|mdy", rf"{DAY} ?{_SIGN} ?(?P<m>[0-3]?\d) ?(?P=s) ?{YEAR}"),
        ("ymd", r"(?P<y>20\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)"),
        ("ymd", rf"(?P<era>{_ERA}) ?(?P<y>\d{{1,3}}|元){_SIGN}{MONTH_NUMBER}(?P=s){DAY}"),
    )
)
_NAMED = _compiled(
    (
        ("dmy", rf"{DAY}{NTH}{LINK}{NAME}{_LINK_YEAR}{_YEAR2}"),
        ("dmy", rf"{DAY} ?(?P<s>[-/]) ?{NAME} ?(?P=s) ?{YEAR}"),
        ("dmy", rf"{DAY} ?{MONTH_WORD}+ ?(?P<m>[01]?\d){_LINK_YEAR}{YEAR}"),
        ("mdy", rf"{NAME}{LINK}{DAY}{NTH}(?: ?,? ?(?<!\d){_F}{{0,2}}|[-/]){YEAR}"),
        ("ymd", rf"{YEAR}{_LINK_YEAR}{NAME}{LINK}{DAY}"),
        ("ymd", rf"{YEAR}\.? ?{_F}{DAY}{LINK}{NAME}"),
    ),
    _END_NAMED,
)
_CJK = _compiled(
    (
        (
            "ymd",
            rf"(?:(?P<era>{_ERA}|[{_ERA_LETTER}]) ?)?(?P<y>\d{{1,4}}|元) ?[年년] ?"
            rf"{MONTH_NUMBER} ?[月월] ?{DAY} ?[日号號일]",
        ),
        (
            "ymd",
            rf"(?P<era>{_ERA})?(?P<y>[{''.join(_KANJI)}十]{{1,4}}|元)年(?P<m>{_TEN}{{1,2}})月(?P<d>{_TEN}{{1,3}})[日号號]",
        ),
    ),
    "",
)


def match_dates(text: str, marked: str) -> dict[tuple[int, int], dict[str, date]]:
    """Return every match of a pattern that is a date, with its readings; they may overlap.

    `marked` is `text` with plain figures and marked months.
    """
    tried: _Patterns = _NAMED if _A_MONTH.search(marked) else ()
    if _FIGURES.search(marked):
        tried = (*_NUMERIC, *tried)
    if _CJK_YEAR.search(marked):
        tried = (*_CJK, *tried)
    found: dict[tuple[int, int], dict[str, date]] = {}
    for order, pattern in tried:
        for match in pattern.finditer(marked):
            if match.span() not in found and (readings := _readings_of(order, match, text)):
                found[match.span()] = readings
    return found


def _readings_of(order: str, match: re.Match[str], text: str) -> dict[str, date]:
    parts = match.groupdict()
    if parts.get("n"):
        return _named_readings(order, match, text)
    month, day = _number(parts["m"]), _number(parts["d"])
    if "era" in parts:
        return dated(_years_of_era(parts["era"] or "", parts["y"]), month, day)
    year = full_year(parts["y"]) if parts.get("y") else _short_year(parts["yy"])
    if order == "dmy|mdy":
        # 05/05/2024 is one day, whoever wrote it.
        return (
            dated({"": year}, month, day)
            if month == day
            else dated({"dmy": year}, month, day) | dated({"mdy": year}, day, month)
        )
    if order == "dmy|yymd":
        return dated({"dmy": year}, month, day) | dated({"ymd": _short_year(parts["d"])}, month, _number(parts["yy"]))
    return dated({order: year}, month, day)


def _named_readings(order: str, match: re.Match[str], text: str) -> dict[str, date]:
    """A month by name; where the name means another month in another language, a reading for each."""
    parts = match.groupdict()
    name = text[match.start("n") : match.end("n")]
    is_spaced = parts.get("yy") is not None and not text[match.end("n") : match.start("yy")].strip(" .")
    if is_spaced and not is_wide(name):
        # `2 set 12` are two sets of twelve, and no September.
        return {}
    year = full_year(parts["y"]) if parts.get("y") else _short_year(parts["yy"])
    months = months_of(name)
    found: dict[str, date] = {}
    for month, languages in months.items():
        found |= dated({order if len(months) == 1 else " ".join(sorted(languages)): year}, month, int(parts["d"]))
    return found


def dated(years: Mapping[str, int], month: int, day: int) -> dict[str, date]:
    """Return the day in each of the years that has it."""
    found: dict[str, date] = {}
    for key, year in years.items():
        try:
            found[key] = date(year, month, day)
        except ValueError:
            continue
    return found


def full_year(text: str) -> int:
    """Return a year of four figures, those of the Buddhist era as of ours."""
    year = int(text)
    return year - _BUDDHIST if year >= 2500 else year


def _short_year(text: str) -> int:
    year = int(text)
    return year + (2000 if year < 70 else 1900)


def _years_of_era(era: str, text: str) -> dict[str, int]:
    """The years that a year before 年 can be, with its era, or without it by how many figures it has."""
    year = _number(text)
    if era:
        return {"ymd": year + (_ERAS | _ERA_LETTERS)[era.upper()]}
    if year >= 1900:
        return {"ymd": year}
    if year >= 100:
        return {"ymd": year + _MINGUO} if year < 200 else {}
    both = {"ymd": _short_year(str(year))}
    return both | ({"reiwa": year + _REIWA} if year <= _LAST_BARE_REIWA else {})


def _number(text: str) -> int:
    """A number in figures, in Chinese figures one by one, or in Chinese words below a hundred."""
    if text.isdecimal():
        return int(text)
    if text == "元":
        return 1
    tens, is_word, ones = text.rpartition("十")
    if not is_word:
        return int("".join(str(_KANJI[figure]) for figure in ones))
    return 10 * (_KANJI.get(tens, 1)) + _KANJI.get(ones, 0)
