"""How numbers are printed all over the world: one table of shapes, and what each text of such a shape can mean. Pure.

Every script's figures and every kind of space, apostrophe and dash are first made one (`plain`), so that the table is
about marks that differ in meaning alone.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple

# One character for each family, all outside of what else is printed between figures.
APOSTROPHE, SPACE, WIDE, GAP = "'", "\u00a0", "\u2003", "\t"
MINUS = "-"

_FAMILIES = {
    # Acute, grave, primes and quotation marks are typed for the Swiss apostrophe; the Arabic thousands mark is its kin.
    APOSTROPHE: "´`ʹʼ‘’‛′＇ꞌ\u066c",
    SPACE: "\u00a0\u2000\u2001\u2002\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    # The soft hyphen is what some fonts call their minus.
    MINUS: "‐‑‒–—―−⁻﹣－\u00ad",
    ",": "،﹐，",
    ".": "．",
    "٫": "٫",
}


class _Plain(dict[int, int]):
    """A translation of single characters that learns as it reads."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        figure = unicodedata.decimal(character, None)
        narrow = str(figure) if figure is not None else unicodedata.normalize("NFKC", character)
        # `²` and `①` are no figures of a number.
        is_same = len(narrow) == 1 and (figure is not None or not narrow.isdigit())
        self[code] = ord(narrow) if is_same else code
        return self[code]


_PLAIN = _Plain({ord(member): ord(family) for family, members in _FAMILIES.items() for member in members})
_PLAIN[ord(WIDE)] = ord(WIDE)


def plain(text: str) -> str:
    """The text, character by character, with one character for each family: `１´２３４` is `1'234`."""
    return text.translate(_PLAIN)


class Shape(NamedTuple):
    """A way to print numbers: the mark between groups of figures, the mark before decimals, and how groups are cut."""

    group: str
    decimal: str
    is_indian: bool = False

    @property
    def pattern(self) -> str:
        """What matches the whole of a grouped number in this shape."""
        mark = re.escape(self.group)
        head = rf"[1-9]\d?{mark}(?:\d\d{mark})*" if self.is_indian else rf"[1-9]\d{{0,2}}{mark}(?:\d{{3}}{mark})*"
        return rf"{head}\d{{3}}(?:{re.escape(self.decimal)}\d+)?"


# Without a group mark: 1234,50; and with each, the decimal marks that go with it.
UNGROUPED = tuple(Shape("", decimal) for decimal in ".,·٫")
GROUPED = (
    *(Shape(group, decimal) for group in (APOSTROPHE, SPACE, " ", WIDE) for decimal in ".,·٫"),
    *(Shape(",", decimal) for decimal in ".·"),
    Shape(".", ","),
    Shape(",", ".", is_indian=True),
)
SHAPES = (*UNGROUPED, *GROUPED)

_COMPILED = tuple((shape, re.compile(shape.pattern)) for shape in GROUPED)
_DECIMALS = re.compile(r"\d*(?P<mark>[.,·٫])\d+")
# Figures with a single mark between any two of them, as many as there are; or decimals alone.
FIGURES = re.compile(rf"\d+(?:[.,·٫{APOSTROPHE}{SPACE}]\d+)*|(?<![\d.,·٫{APOSTROPHE}])[.,٫]\d{{1,4}}(?![\d.,])")
# What spaces between words may part: the head of a number and its later groups.
HEAD = re.compile(r"[1-9]\d{0,2}")
TAIL = re.compile(r"\d{3}(?:[.,·٫]\d+)?")


def readings(figures: str) -> dict[str, Decimal]:
    """Every value that plain figures can have, by the decimal mark it supposes (`""` where that is open).

    `1.234,56` has one; `1.234` has two (1234 by `,` and 1.234 by `.`); `1.2.3` has none.
    """
    if figures.isdigit():
        return {"": Decimal(figures)}
    found = {
        _supposed(shape, figures): _value(figures, shape.decimal)
        for shape, pattern in _COMPILED
        if pattern.fullmatch(figures)
    }
    if match := _DECIMALS.fullmatch(figures):
        found[match["mark"]] = _value(figures, match["mark"])
    return found


def _supposed(shape: Shape, figures: str) -> str:
    """The decimal mark of whoever prints so; open where neither it nor its opposite is printed."""
    if shape.decimal in figures:
        return shape.decimal
    return {",": ".", ".": ","}.get(shape.group, "")


def _value(figures: str, decimal: str) -> Decimal:
    whole, _, fraction = figures.rpartition(decimal) if decimal in figures else (figures, "", "")
    digits = re.sub(r"\D", "", whole) or "0"
    return Decimal(f"{digits}.{fraction}" if fraction else digits)
