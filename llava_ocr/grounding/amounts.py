"""Amounts as printed, to Decimal, never through a float. Where a mark could mean two things, both are returned. Pure.

A sign belongs to an amount wherever it is printed: `-12`, `12-`, `- 12`, `-$ 12`, `(12)`, `12 CR`. Where a dash may as
well part two things (`Taxi - 2,00`), the amount is in doubt, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from llava_ocr.grounding.currencies import WORDS, is_name, symbols
from llava_ocr.grounding.number_shapes import FIGURES, GAP, HEAD, MINUS, SPACE, TAIL, WIDE, plain, readings

# Whole numbers longer than this are telephone and article numbers, unless a currency stands beside them.
MAX_WHOLE_DIGITS = 7
MAX_MONEY_DIGITS = 15

_SPACES = f" {SPACE}{WIDE}"
_DIGIT = re.compile(r"\d")
# Prices without cents: `12,-`, `12.--`, `500/-`.
_NO_CENTS = re.compile(r"[.,]-{1,2}(?![\w-])|/[-=](?!\w)")
# What an account says of an amount: credit or debit.
_SIDE = re.compile(rf"[{_SPACES}]?(?P<side>CR|DR|[CcDd]r)\.?(?!\w)")
_SHARE = re.compile(rf"[{_SPACES}]?[%‰٪]")
# Behind figures these make something else of them: a date, a time, a longer code, a fraction.
_GOES_ON = re.compile(r"[\w/'°]|[.,:]\d")
_TIMES = re.compile(r"[xX×](?![\w/%'])")
_CENTS = re.compile(r"[.,·٫]\d\d$")
_SPACED_DASH = re.compile(rf"[{_SPACES}]-(?=[{_SPACES}{GAP})]|$)")
_GLUED_DASH = re.compile(rf"-(?=[{_SPACES}{GAP}).,;:\]]|$)")
_END = re.compile(rf"[{_SPACES}]?[*.,;]?(?:{GAP}|$)")
_CLOSE = re.compile(rf"[{_SPACES}]?\)")
# Scripts that put no space between words.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Printed:
    """An amount in a line of text: from where to where it stands with its sign, and which part are its figures.

    `is_doubtful` tells that a dash or bracket beside it may be its sign or not. `currency` are the places of what says
    its currency, `side` is `cr` or `dr` where that stands behind it.
    """

    start: int
    end: int
    figures: tuple[int, int]
    is_negative: bool = False
    is_doubtful: bool = False
    currency: tuple[tuple[int, int], ...] = ()
    side: str = ""


def amount_readings(text: str) -> dict[str, Decimal]:
    """Every value the text can have, by the decimal separator it supposes (`""` where none is needed).

    `1.234,56` has one reading; `1.234` has two (1234 by `,` and 1.234 by `.`); `abc` has none.
    """
    printed = _only(text)
    if printed is None:
        return {}
    start, end = printed.figures
    sign = -1 if printed.is_negative else 1
    return {mark: sign * value for mark, value in readings(plain(text)[start:end]).items()}


def side_of(text: str) -> str:
    """`cr` or `dr` where that stands behind an amount, else nothing."""
    printed = _only(text)
    return printed.side if printed else ""


def find_amounts(line: str) -> Iterator[Printed]:
    """Yield every amount in a line of text, left to right.

    Words are joined by one space, by `WIDE` where more than a space parts them, and segments by `GAP`.
    """
    if not _DIGIT.search(line):
        return
    text = plain(line)
    for start, end in _figures(text):
        printed = _read(text, start, end)
        if printed is not None and not _is_code(text, printed):
            yield printed


@lru_cache(maxsize=65_536)
def _only(text: str) -> Printed | None:
    """The one amount of a text; None where there are several numbers, or none."""
    line = plain(text)
    found = _figures(line)
    if len(found) != 1 or _DIGIT.search(line[: found[0][0]]) or _DIGIT.search(line[found[0][1] :]):
        return None
    # What is no amount amid a line may be one where nothing else is said.
    return _read(line, *found[0]) or Printed(*found[0], found[0])


def _figures(text: str) -> list[tuple[int, int]]:
    """Where numbers stand, those that spaces part as one; and their parts, too, where the spaces are wide."""
    runs = [match.span() for match in FIGURES.finditer(text)]
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(runs):
        last = at
        while last + 1 < len(runs) and _is_group(text, runs[at : last + 2]):
            last += 1
        found.append((runs[at][0], runs[last][1]))
        if WIDE in text[runs[at][0] : runs[last][1]]:
            found += runs[at : last + 1]
        at = last + 1
    return found


def _is_group(text: str, runs: list[tuple[int, int]]) -> bool:
    """Whether the last of some figures is a later group of the number they make: `1 234 567,89`."""
    (start, end), (at, stop) = runs[-2:]
    is_first = len(runs) == 2
    return bool(
        at == end + 1
        and text[end] in _SPACES
        and (HEAD if is_first else TAIL).fullmatch(text[start:end])
        and (is_first or text[start:end].isdigit())
        and TAIL.fullmatch(text[at:stop])
        and not _SHARE.match(text, stop)
    )


def _is_code(text: str, printed: Printed) -> bool:
    """Whether figures are too long for a number that is worth something."""
    figures = text[slice(*printed.figures)]
    is_whole = figures.isdigit()
    num_digits = sum(map(str.isdigit, figures))
    return is_whole and num_digits > (MAX_MONEY_DIGITS if printed.currency else MAX_WHOLE_DIGITS)


@dataclass(frozen=True, slots=True)
class _Behind:
    """What follows the figures. `end` is where the amount ends with its sign, `is_last` tells that nothing follows."""

    end: int
    is_sign: bool = False
    is_doubtful: bool = False
    currency: tuple[tuple[int, int], ...] = ()
    side: str = ""
    closes: int | None = None
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class _Before:
    """What leads to the figures; `start` is where the amount begins with its sign."""

    start: int
    is_sign: bool = False
    is_doubtful: bool = False
    currency: tuple[tuple[int, int], ...] = ()
    opens: int | None = None


def _read(text: str, start: int, end: int) -> Printed | None:
    """The amount whose figures stand there, with all that belongs to it; None where they are no amount."""
    if text[start] in ".," and start and text[start - 1].isalpha():
        # The full stop of `Rs.50`.
        start += 1
    if not readings(text[start:end]) or (behind := _read_behind(text, start, end)) is None:
        return None
    before = _read_before(text, start, behind, has_cents=bool(_CENTS.search(text[start:end])))
    if before is None:
        return None
    currency = tuple(sorted((*before.currency, *behind.currency)))
    printed = Printed(before.start, behind.end, (start, end), currency=currency, side=behind.side)
    if before.opens is not None and behind.closes is not None:
        printed = replace(printed, start=min(before.opens, before.start), end=behind.closes)
        # What follows an amount in brackets is that amount in other words: `10.00 USD (9.20 EUR)`.
        return replace(printed, is_negative=True) if not _ends_amount(text, before.opens) else _doubted(printed)
    if _is_framed(text, printed):
        return _doubted(printed)
    if before.is_sign or behind.is_sign or behind.side == "cr":
        return replace(printed, is_negative=True)
    return _doubted(printed) if before.is_doubtful or behind.is_doubtful else printed


def _doubted(printed: Printed) -> Printed:
    start, end = printed.figures
    return replace(printed, start=start, end=end, is_doubtful=True)


def _is_framed(text: str, printed: Printed) -> bool:
    """Whether dashes stand on both sides, as beside the number of a page: `- 3 -`."""
    (start, end), inside = printed.figures, text[printed.start : printed.end]
    return MINUS in text[printed.start : start] and MINUS in text[end : printed.end] and " " in inside


def _ends_amount(text: str, at: int) -> bool:
    """Whether right before a place another amount ends."""
    left = text[:at].rstrip(_SPACES)
    if (currency := _currency_before(left, len(left))) is not None:
        left = left[: currency[0]].rstrip(_SPACES)
    return left[-1:].isdigit()


def _read_behind(text: str, start: int, end: int) -> _Behind | None:
    has_cents = bool(_CENTS.search(text[start:end]))
    at = end
    if match := _NO_CENTS.match(text, at):
        at = match.end()
    found = _Behind(at)
    if glued := _GLUED_DASH.match(text, at):
        at = glued.end()
        is_sure = has_cents or _is_last(text, at) or _currency_behind(text, at) is not None
        found = replace(found, end=at if is_sure else found.end, is_sign=is_sure, is_doubtful=not is_sure)
    elif text[at : at + 1] == MINUS:
        if text[at + 1 : at + 2].isdigit():
            return None
        currency = _currency_behind(text, at + 1)
        is_sure = currency is not None and currency[0] == at + 1
        found = replace(found, end=at + is_sure, is_sign=is_sure, is_doubtful=has_cents and not is_sure)
        at += is_sure
    currency = _currency_behind(text, at)
    side = _side(text, currency[1] if currency else at, has_cents=has_cents)
    if not found.is_sign and currency is None and side is None and text[at : at + 1] != MINUS:
        is_other = _SHARE.match(text, at) or (_GOES_ON.match(text, at) and not _TIMES.match(text, at))
        if is_other and not (found.end > end):
            return None
    found = replace(found, currency=(currency,) if currency else ())
    at = currency[1] if currency else at
    if side is not None:
        return _closed(text, replace(found, end=side[1], side=side[0]), side[1])
    return _closed(text, *_sign_behind(text, at, found))


def _sign_behind(text: str, at: int, found: _Behind) -> tuple[_Behind, int]:
    """A sign behind a currency, or as a word of its own, and where it ends."""
    if found.is_sign:
        return found, at
    if found.currency and (match := _GLUED_DASH.match(text, at)):
        is_sure = _is_last(text, match.end()) or text[match.end() : match.end() + 1] == ")"
        if is_sure:
            return replace(found, is_sign=True, end=match.end()), match.end()
        return replace(found, is_doubtful=True), at
    match = _SPACED_DASH.match(text, at)
    if match is None:
        return found, at
    stop = match.end()
    if _is_last(text, stop) or text[stop : stop + 1] == ")":
        return replace(found, is_sign=True, end=stop), stop
    currency = _currency_behind(text, stop) if not found.currency else None
    if currency is not None and _is_last(text, currency[1]):
        return replace(found, is_sign=True, end=stop, currency=(currency,)), currency[1]
    # `12,00 EUR - payable at once`: a dash behind a complete amount parts sentences.
    return (found if found.currency else replace(found, is_doubtful=True)), at


def _closed(text: str, found: _Behind, at: int) -> _Behind:
    match = _CLOSE.match(text, at)
    if match is None:
        return replace(found, is_last=_is_last(text, at))
    return replace(found, closes=match.end(), is_last=_is_last(text, match.end()))


def _is_last(text: str, at: int) -> bool:
    """Whether nothing follows in the segment."""
    return bool(_END.match(text, at))


def _side(text: str, at: int, *, has_cents: bool) -> tuple[str, int] | None:
    match = _SIDE.match(text, at)
    # `5 Dr. Brown` is no debit.
    if match is None or not (has_cents or match["side"].isupper()):
        return None
    return match["side"].casefold(), match.end()


def _read_before(text: str, start: int, behind: _Behind, *, has_cents: bool) -> _Before | None:
    at = start
    currency: tuple[int, int] | None = None
    opens = dash = None
    while at:
        edge = at - 1 if text[at - 1] in _SPACES else at
        if dash is None and text[edge - 1 : edge] == MINUS:
            dash, at = edge - 1, edge - 1
        elif opens is None and text[edge - 1 : edge] == "(":
            opens, at = edge - 1, edge - 1
        elif currency is None and (currency := _currency_before(text, edge, has_cents=has_cents)) is not None:
            at = currency[0]
        else:
            break
    if at == start and not _may_begin(text, start):
        return None
    found = _Before(start, currency=(currency,) if currency else (), opens=opens)
    if dash is None:
        return _across_gap(text, at, found)
    return _signed(text, dash, found, is_last=behind.is_last, has_cents=has_cents)


def _signed(text: str, dash: int, found: _Before, *, is_last: bool, has_cents: bool) -> _Before | None:
    """Whose a dash before an amount is: its sign, or what parts it from what stands before."""
    currency = found.currency[0] if found.currency else None
    is_spaced = text[dash + 1] in _SPACES
    is_behind_currency = currency is not None and currency[1] <= dash
    edge = currency[0] if is_behind_currency and currency else dash
    before = text[edge - 1 : edge]
    is_free = not before or before.isspace() or before in "(:=|[*•"
    if not is_free and not is_behind_currency:
        if is_spaced:
            # `Taxi- 12.00`, or a row of dashes as a leader.
            return found
        return replace(found, is_doubtful=True) if has_cents and not before.isdigit() else None
    if not is_spaced:
        return replace(found, start=min(dash, found.start), is_sign=True)
    left = text[:edge].rstrip(_SPACES)
    is_first = not left or left.endswith(GAP)
    if left.endswith((":", "=", "(")) or (is_first and is_last):
        return replace(found, start=dash, is_sign=True)
    return replace(found, is_doubtful=True)


def _across_gap(text: str, at: int, found: _Before) -> _Before:
    """A sign at the left edge of a cell and its amount at the right: `-$    12.00`, `$   (12.00)`."""
    if not at or text[at - 1] != GAP:
        return found
    start = text.rfind(GAP, 0, at - 1) + 1
    cell = text[start : at - 1]
    currency = None if found.currency else _currency_before(text, at - 1)
    sign = cell if currency is None else (text[start : currency[0]] + text[currency[1] : at - 1])
    sign = sign.strip(_SPACES)
    if sign not in ("", MINUS, "("):
        return found
    if currency is not None:
        found = replace(found, currency=(currency,))
    if sign == "(":
        return replace(found, opens=text.index("(", start))
    if sign == MINUS and currency is not None:
        return replace(found, start=text.index(MINUS, start), is_sign=True)
    # Alone, a dash is an empty cell of a table as well.
    return replace(found, is_doubtful=sign == MINUS and not _DIGIT.search(text[:start]))


def _may_begin(text: str, at: int) -> bool:
    """Whether a number may begin here: not amid a word, a date, a time or a longer number."""
    before = text[at - 1 : at]
    if not before or _UNSPACED.match(before) or text[max(0, at - 2) : at] == "..":
        return True
    is_time = before == ":" and text[at - 2 : at - 1].isdigit() and at > 1
    return not (before.isalnum() or before in "_.,'/%" or is_time)


def _is_letter(character: str) -> bool:
    return character.isalnum() and not _UNSPACED.match(character)


@lru_cache(maxsize=1)
def _symbols() -> tuple[frozenset[str], int]:
    """Every sign of a currency as it stands in a plain line, and how long they are at most."""
    known = frozenset(plain(symbol) for symbol in symbols())
    return known, max(map(len, known))


def _currency_before(text: str, at: int, *, has_cents: bool = False) -> tuple[int, int] | None:
    """The currency that ends at a place."""
    known, longest = _symbols()
    for end in (at, at - 1) if text[at - 1 : at] == "." else (at,):
        for start in range(max(0, end - longest), end):
            piece = text[start:end]
            # `R 12.00` is money of South Africa, `R 12` and `TOP 12` are much else.
            is_known = piece in known and piece not in WORDS
            if not (is_known or (has_cents and (piece in WORDS or piece == "R"))):
                continue
            before = text[start - 1 : start]
            if not (_is_letter(before) if piece[0].isalpha() else before.isdigit()):
                return start, at
    return None


def _currency_behind(text: str, at: int) -> tuple[int, int] | None:
    """The currency that begins at a place, or behind the space there."""
    start = at + 1 if text[at : at + 1] in tuple(_SPACES) else at
    known, longest = _symbols()
    for end in range(min(len(text), start + longest), start, -1):
        piece = text[start:end]
        if piece in known and not (piece[-1].isalpha() and _is_letter(text[end : end + 1]) and _is_letter(piece[-1])):
            return start, end
    word = _LETTERS.match(text, start)
    return word.span() if word and is_name(word[0]) else None
