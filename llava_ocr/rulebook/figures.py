"""Numbers on a page's lines, with what they can mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.typed import Conventions
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.schema import LeafNode
from llava_ocr.words.layout import Line

_RATE = re.compile(r"-?\d{1,2}(?:[.,]\d{1,2})?%")


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A number as printed, with every value it can have; `unit` is what its last digit counts, 0.01 or more for money.

    `fraction` is the same for a number printed with decimals, else 0: whole numbers are not rounded. `is_rate` tells
    that a percent sign stands behind it: no amount, whatever it makes.
    """

    value: Value
    amounts: tuple[float, ...]
    unit: float
    fraction: float
    is_rate: bool = False

    @property
    def box(self) -> Box:
        """Where it stands."""
        return self.value.box

    @property
    def num_decimals(self) -> int:
        """How many digits stand behind its decimal mark."""
        return len(f"{self.fraction:.9f}".rstrip("0").partition(".")[2]) if self.fraction else 0


def figure_of(value: Value, decimal_mark: str, *, is_rate: bool = False) -> Figure | None:
    """Read a printed number, by the page's decimal mark where it could be two."""
    readings = amount_readings(value.text)
    if decimal_mark in readings:
        readings = {decimal_mark: readings[decimal_mark]}
    if not readings:
        return None
    exponents = [exponent for amount in readings.values() if isinstance(exponent := amount.as_tuple().exponent, int)]
    finest = 10.0 ** min(exponents)
    amounts = tuple(dict.fromkeys(float(amount) for amount in readings.values()))
    return Figure(value, amounts, min(finest, 0.01), finest if finest < 1 else 0.0, is_rate)


def figures_by_line(page: RulePage, leaf: LeafNode) -> dict[int, Sequence[Figure]]:
    """Return the figures of every line that holds any, from the left."""
    mark = Conventions([page.layout]).decimal_mark
    lines: dict[int, list[Figure]] = {}
    for value in page.placed(leaf):
        for one in (value, *_parts(page, leaf, value)):
            figure = figure_of(one, mark, is_rate=_is_rate(page, one))
            if figure is not None:
                lines.setdefault(page.segment_of[value.words[0]].line, []).append(figure)
    for number, line in enumerate(page.layout.lines):
        if number in lines:
            lines[number] += _rates(page, line, mark)
    return {line: sorted(figures, key=lambda figure: figure.box.x0) for line, figures in lines.items()}


def _rates(page: RulePage, line: Line, mark: str) -> Iterator[Figure]:
    """Percentages, which are no amounts of the page but may be discounts."""
    for at, index in enumerate(line.words):
        text = page.layout.words[index].text
        behind = page.layout.words[line.words[at + 1]].text if at + 1 < len(line.words) else ""
        if _RATE.fullmatch(text + behind if behind == "%" else text):
            value = Value(text.rstrip("%"), (index,), page.layout.words[index].box)
            figure = figure_of(value, mark, is_rate=True)
            if figure is not None:
                yield figure


def _is_rate(page: RulePage, value: Value) -> bool:
    words = page.layout.words
    segment = page.segment_of[value.words[-1]].words
    at = segment.index(value.words[-1]) + 1
    behind = words[segment[at]].text if at < len(segment) else ""
    return words[value.words[-1]].text.endswith("%") or behind.startswith("%")


def _parts(page: RulePage, leaf: LeafNode, value: Value) -> Iterator[Value]:
    """Two columns that stand close may read as one number: `2 450,00`."""
    words = [page.layout.words[index].text for index in value.words]
    known = spans(page.layout, leaf)
    for cut in range(1, len(words)):
        for part in (slice(None, cut), slice(cut, None)):
            text = " ".join(words[part])
            if text in known:
                yield Value(text, value.words[part], page.box(value.words[part]))
