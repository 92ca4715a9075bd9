"""Amounts as printed, to Decimal, never through a float. Where a separator could mean two things, both are returned."""

from __future__ import annotations

import re
from decimal import Decimal

CURRENCY_MARK = r"(?:[€$£¥₹]|RM|Rs\.?|kr\.?|zł|Fr\.|[A-Z]{3})"
_CORE = re.compile(r"\d(?:[\d.,'’\u00a0\u202f ]*\d)?")
_MINUS = "-−–"
# Digits between group separators: thousands, or the Indian 1,23,456.
_GROUPED = re.compile(r"\d{1,3}(?:\d{3})*|\d{1,3}")
_SPACES = re.compile(r"[\u00a0\u202f ]")


def amount_readings(text: str) -> dict[str, Decimal]:
    """Every value the text can have, by the decimal separator it supposes (`""` where none is needed).

    `1.234,56` has one reading; `1.234` has two (1234 by `,` and 1.234 by `.`); `abc` has none.
    """
    core = _CORE.search(text)
    if core is None or any(c.isdigit() for c in text[: core.start()] + text[core.end() :]):
        return {}
    digits = _SPACES.sub(" ", core.group()).replace("’", "'")
    sign = -1 if is_negative(text) else 1
    return {mark: sign * value for mark, value in _magnitudes(digits).items()}


def is_negative(text: str) -> bool:
    """Whether a printed amount is below zero: `-1`, `1-`, `(1)`, `-€1`."""
    stripped = re.sub(CURRENCY_MARK, "", text).strip()
    # `12,-` and `12.-` are prices without cents, not minus signs.
    if re.search(r"[.,][-−–]{1,2}$", stripped):
        stripped = stripped.rstrip(_MINUS)
    return stripped[:1] in _MINUS or stripped[-1:] in _MINUS or (stripped[:1] == "(" and stripped[-1:] == ")")


def _magnitudes(digits: str) -> dict[str, Decimal]:
    marks = [c for c in digits if not c.isdigit()]
    if not marks:
        return {"": Decimal(digits)}
    last = marks[-1]
    if len(set(marks)) > 2 or (len(set(marks)) == 2 and marks.count(last) > 1):
        return {}
    if len(set(marks)) == 2:
        whole, fraction = digits.rsplit(last, 1)
        is_sound = last in ".," and _is_grouped(whole, marks[0])
        return {last: _decimal(whole, fraction)} if is_sound else {}
    return _one_mark(digits, last, marks)


def _one_mark(digits: str, mark: str, marks: list[str]) -> dict[str, Decimal]:
    """Readings of a number with one kind of separator."""
    grouped = {_other(mark): _decimal(digits, "")} if _is_grouped(digits, mark) else {}
    if len(marks) > 1 or mark not in ".,":
        return grouped
    whole, fraction = digits.split(mark)
    # Nobody groups after a leading zero, and 0.500 is half of something.
    if grouped and whole != "0" and not whole.startswith("0"):
        return grouped | {mark: _decimal(whole, fraction)}
    return {mark: _decimal(whole, fraction)}


def _is_grouped(digits: str, mark: str) -> bool:
    first, *groups = digits.split(mark)
    if not groups:
        return len(first) >= 1
    is_western = all(len(group) == 3 for group in groups)
    is_indian = mark == "," and len(groups[-1]) == 3 and all(len(group) == 2 for group in groups[:-1])
    return 1 <= len(first) <= 3 and (is_western or is_indian)


def _other(mark: str) -> str:
    """The decimal separator of those who group with `mark`; unknown for spaces and apostrophes."""
    return {".": ",", ",": "."}.get(mark, "")


def _decimal(whole: str, fraction: str) -> Decimal:
    plain = re.sub(r"\D", "", whole)
    return Decimal(f"{plain}.{fraction}" if fraction else plain)
