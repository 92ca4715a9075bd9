"""Rows of an account: a day, a text and amounts on one line, in columns that all pages of a document share. Pure.

No heading is needed: columns are where days begin and amounts end in most rows, and running balances tell which of two
columns of amounts is the balance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.candidates import PlacedAmount, amounts_by_end
from llava_ocr.grounding.dates import date_readings, find_dates
from llava_ocr.rulebook.edges import Edges, clusters
from llava_ocr.rulebook.overhead import stands_under
from llava_ocr.schema import Kind, LeafNode, RowsNode
from llava_ocr.words.layout import Layout, Line

# Fewer lines with a day and an amount are no list of bookings.
MIN_ROWS = 2
# Of those lines, this share must have an amount in a column, and this share of neighbours a balance that follows.
COLUMN_SHARE = 0.6
# Lines of one text stand at most this many word heights apart; a row and the text above it, this many.
READS_ON = 0.75
ROW_GAP = 1.8
# How far from its column's left edge a text may begin, in page widths.
TEXT_EDGE = 0.008

_CENTS = re.compile(r"[.,]\d\d\D*$")
_GROUPED = re.compile(r"\d[.'’]\d{3},\d|\d[,'’]\d{3}\.\d|\d{4}[.,]\d\d\D*$")

Cells = dict[str, str]


@dataclass(frozen=True)
class Account:
    """The leaves of a row that is a booking: its day, its text, and one or two amounts."""

    day: LeafNode
    text: LeafNode
    amounts: tuple[LeafNode, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    words: tuple[int, ...]
    text: str
    x0: float


@dataclass(frozen=True, slots=True)
class _Sight:
    """A line that may be a booking: its days and whatever could be an amount (by its last word)."""

    page: int
    line: int
    days: tuple[_Day, ...]
    amounts: tuple[int, ...]


@dataclass(frozen=True)
class _Columns:
    """Where a document's bookings stand: the left edges of days, the right edges of amounts by path."""

    day: float
    days: tuple[float, ...]
    amounts: dict[str, float]
    is_spaced: bool
    text: float = field(default=0.0)


def account_of(node: RowsNode) -> Account | None:
    """The leaves by which rows are bookings; None where they are something else, such as goods."""
    leaves = [child for child in node.row.children if isinstance(child, LeafNode)]
    kinds = {kind: [leaf for leaf in leaves if leaf.leaf.kind is kind] for kind in Kind}
    days, texts, amounts = kinds[Kind.DATE], kinds[Kind.TEXT], kinds[Kind.MONEY]
    if kinds[Kind.NUMBER] or not days or not texts or not 1 <= len(amounts) <= 2:
        return None
    return Account(days[0], texts[0], tuple(amounts))


def read_bookings(layouts: Sequence[Layout | None], account: Account) -> list[list[Cells]] | None:
    """Return each page's rows as texts by leaf path, None where there are no bookings.

    A page may begin with a row of text alone: what the last row of the page before goes on with.
    """
    sights = [
        sight
        for page, layout in enumerate(layouts)
        if layout is not None and layout.words
        for sight in _sights(page, layout)
    ]
    columns = _columns(layouts, sights, account)
    if columns is None:
        return None
    by_page: list[dict[int, _Sight]] = [{} for _ in layouts]
    for sight in sights:
        if _is_booked(_layout(layouts, sight), sight, columns):
            by_page[sight.page][sight.line] = sight
    pages: list[list[Cells]] = []
    for layout, booked in zip(layouts, by_page, strict=True):
        rows = _Page(layout, booked, columns, account).rows() if layout is not None and booked else []
        if rows and not any(pages):
            # Nothing goes on before the first booking.
            rows = [row for row in rows if account.day.path in row]
        pages.append(rows)
    return pages


def _layout(layouts: Sequence[Layout | None], sight: _Sight) -> Layout:
    layout = layouts[sight.page]
    assert layout is not None, sight.page
    return layout


def _sights(page: int, layout: Layout) -> Iterator[_Sight]:
    for number, line in enumerate(layout.lines):
        days = tuple(_days(layout, line))
        if not days:
            continue
        taken = {word for day in days for word in day.words}
        ends = amounts_by_end(layout)
        amounts = tuple(index for index in line.words if index not in taken and index in ends)
        if amounts:
            yield _Sight(page, number, days, amounts)


def _days(layout: Layout, line: Line) -> Iterator[_Day]:
    for segment in line.segments:
        starts, at = [], 0
        for index in segment.words:
            starts.append(at)
            at += len(layout.words[index].text) + 1
        for start, end in find_dates(segment.text):
            text = segment.text[start:end]
            words = tuple(w for w, first in zip(segment.words, starts, strict=True) if start <= first < end)
            if words and date_readings(text):
                yield _Day(words, text, layout.words[words[0]].box.x0)


def _columns(layouts: Sequence[Layout | None], sights: Sequence[_Sight], account: Account) -> _Columns | None:
    """Find the columns that most lines with a day and an amount share."""
    starts = clusters([day.x0 for sight in sights for day in sight.days], Edges.LEFT)
    if not starts:
        return None
    most = max(column.count for column in starts)
    # The first of several columns of days is the booking's; the others are its value date.
    days = tuple(sorted(column.edge for column in starts if column.count >= COLUMN_SHARE * most))
    booked = [sight for sight in sights if any(_is_at(day.x0, days[0]) for day in sight.days)]
    if len(booked) < MIN_ROWS:
        return None
    is_spaced = _is_spaced(layouts, booked)
    # The head of `1 234,50` ends no column.
    words = [
        _layout(layouts, sight).words[index]
        for sight in booked
        for index in sight.amounts
        if not (is_spaced and _is_head(_layout(layouts, sight), sight, index))
    ]
    # Where amounts have cents, whole numbers are something else: cheques, policies.
    with_cents = [word for word in words if _CENTS.search(word.text)]
    ends = [word.box.x1 for word in (with_cents if len(with_cents) >= COLUMN_SHARE * len(booked) else words)]
    found = [
        column.edge
        for column in clusters(ends, Edges.RIGHT)
        if column.count >= COLUMN_SHARE * len(booked) and column.edge > days[-1]
    ]
    if not found:
        return None
    edges = _assigned(layouts, booked, sorted(found), account)
    return _Columns(days[0], days, edges, is_spaced)


def _is_at(x: float, edge: float) -> bool:
    return abs(x - edge) <= Edges.LEFT.value


def _is_end(layout: Layout, index: int, edge: float) -> bool:
    """Whether a word, or the figures in it, ends at a column's edge: signs behind figures may stand outside."""
    word = layout.words[index]
    num_behind = next((at for at, character in enumerate(reversed(word.text)) if character.isdigit()), 0)
    figures = word.box.x1 - word.box.width * num_behind / len(word.text)
    return min(abs(word.box.x1 - edge), abs(figures - edge)) <= Edges.RIGHT.value


def _assigned(
    layouts: Sequence[Layout | None], booked: Sequence[_Sight], ends: Sequence[float], account: Account
) -> dict[str, float]:
    """Say which column is which amount: by running balances, by headings, else in the schema's order."""
    paths = [leaf.path for leaf in account.amounts]
    if len(ends) == 1 or len(paths) == 1:
        others = account.amounts[1:]
        under = [leaf for leaf in others if stands_under(layouts, booked[0].page, ends[-1], leaf, account.amounts[0])]
        return {(under[0].path if under and len(ends) == 1 else paths[0]): ends[-1 if len(ends) == 1 else 0]}
    pairs = [(a, b) for a in ends for b in ends if a != b]
    told = [pair for pair in pairs if _runs(layouts, booked, *pair)]
    return dict(zip(paths, told[0] if told else ends[-2:], strict=True))


def _runs(layouts: Sequence[Layout | None], booked: Sequence[_Sight], amount: float, balance: float) -> bool:
    """Whether one column is the running sum of the other, in either order of time."""
    told = [(_figure(layouts, one, amount), _figure(layouts, one, balance)) for one in booked]
    known = [(by, after) for by, after in told if by is not None and after is not None]
    steps = list(pairwise(known))
    down = sum(after[1] - before[1] == after[0] for before, after in steps)
    up = sum(before[1] - after[1] == before[0] for before, after in steps)
    return bool(steps) and max(down, up) >= COLUMN_SHARE * len(steps)


def _figure(layouts: Sequence[Layout | None], sight: _Sight, edge: float) -> Decimal | None:
    layout = _layout(layouts, sight)
    index = next((index for index in sight.amounts if _is_end(layout, index, edge)), None)
    if index is None:
        return None
    readings = amount_readings(_whole(layout, index, is_spaced=True).text).values()
    cents = [value for value in readings if value.as_tuple().exponent == -2]
    return next(iter([*cents, *readings]), None)


def _is_spaced(layouts: Sequence[Layout | None], booked: Sequence[_Sight]) -> bool:
    """Whether thousands may be parted by a space: not where another mark or none does it."""
    words = (_layout(layouts, sight).words[index] for sight in booked for index in sight.amounts)
    return not any(_GROUPED.search(word.text) for word in words)


def _is_head(layout: Layout, sight: _Sight, index: int) -> bool:
    """Whether the next word of the line goes on with the number."""
    line = layout.lines[sight.line].words
    at = line.index(index) + 1
    return at < len(line) and any(index in amount.words for amount in amounts_by_end(layout).get(line[at], ()))


def _whole(layout: Layout, index: int, *, is_spaced: bool) -> PlacedAmount:
    """The amount whose figures end with a word."""
    return (max if is_spaced else min)(amounts_by_end(layout)[index], key=lambda amount: len(amount.words))


def _is_booked(layout: Layout, sight: _Sight, columns: _Columns) -> bool:
    has_day = any(_is_at(day.x0, columns.day) for day in sight.days)
    return has_day and any(_is_end(layout, index, edge) for index in sight.amounts for edge in columns.amounts.values())


class _Page:
    """One page's bookings, read off in their columns."""

    def __init__(self, layout: Layout, booked: dict[int, _Sight], columns: _Columns, account: Account) -> None:
        self._layout, self._booked, self._columns, self._account = layout, booked, columns, account
        self._cells: dict[int, dict[str, tuple[int, ...]]] = {
            line: self._typed(sight) for line, sight in booked.items()
        }
        texts = [words for line in booked if (words := self._text_on(line))]
        printed = layout.words
        self._left = min((printed[text[0]].box.x0 for text in texts), default=0.0)
        amounts = [word for cells in self._cells.values() for path in columns.amounts for word in cells.get(path, ())]
        self._right = min((printed[index].box.x0 for index in amounts), default=1.0)

    def rows(self) -> list[Cells]:
        """The page's rows, one that goes on from the page before first."""
        rows: list[Cells] = []
        order = sorted(self._booked)
        if above := self._above(order[0]):
            rows.append({self._account.text.path: self._said(above)})
        for at, line in enumerate(order):
            end = order[at + 1] if at + 1 < len(order) else len(self._layout.lines)
            cells = {path: self._said(words) for path, words in self._cells[line].items()}
            text = [*self._text_on(line), *self._below(line, end)]
            rows.append(cells | ({self._account.text.path: self._said(text)} if text else {}))
        return rows

    def _typed(self, sight: _Sight) -> dict[str, tuple[int, ...]]:
        day = next(day for day in sight.days if _is_at(day.x0, self._columns.day))
        cells = {self._account.day.path: day.words}
        for path, edge in self._columns.amounts.items():
            ends = [index for index in sight.amounts if _is_end(self._layout, index, edge)]
            if ends:
                cells[path] = _whole(self._layout, ends[-1], is_spaced=self._columns.is_spaced).words
        return cells

    def _text_on(self, line: int) -> list[int]:
        """The words between the days and the amounts."""
        sight, cells = self._booked[line], self._cells[line]
        days = {word for day in sight.days if any(_is_at(day.x0, x) for x in self._columns.days) for word in day.words}
        words = self._layout.words
        amounts = [words[index].box.x0 for path in self._columns.amounts for index in cells.get(path, ())]
        return [
            index
            for index in self._layout.lines[line].words
            if index not in days
            and words[index].box.x0 > self._columns.day
            and words[index].box.x1 <= min(amounts, default=1.0) + Edges.RIGHT.value
        ]

    def _below(self, line: int, end: int) -> list[int]:
        """The words of the lines that the row's text goes on with."""
        found: list[int] = []
        bottom = self._layout.lines[line].box.y1
        for number in range(line + 1, end):
            here = self._layout.lines[number]
            if here.box.y0 - bottom > READS_ON * self._layout.word_height or not self._is_text(here):
                break
            found += here.words
            bottom = here.box.y1
        return found

    def _above(self, line: int) -> list[int]:
        """The words of the lines right above the first row that are text and nothing else."""
        found: list[int] = []
        top, reach = self._layout.lines[line].box.y0, ROW_GAP
        for number in range(line - 1, -1, -1):
            here = self._layout.lines[number]
            if top - here.box.y1 > reach * self._layout.word_height or not self._is_text(here):
                break
            found = [*here.words, *found]
            top, reach = here.box.y0, READS_ON
        return found

    def _is_text(self, line: Line) -> bool:
        words = self._layout.words
        return abs(words[line.words[0]].box.x0 - self._left) <= TEXT_EDGE and line.box.x1 <= self._right

    def _said(self, words: Sequence[int]) -> str:
        for amount in amounts_by_end(self._layout).get(words[-1], ()):
            if amount.words == words:
                return amount.text
        return " ".join(self._layout.words[index].text for index in words)
