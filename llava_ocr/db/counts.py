"""How many records a filter finds and what they add up to, by facet.

One pass over `listings` counts every combination of the facets that have few values; whatever a person then ticks is
added up from those few thousand counts. Names and runs have too many values for that: they are counted among the
newest records of the selection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, select

from llava_ocr.db.browse import MAX_FOUND, Filter, band_column, conditions_of
from llava_ocr.db.review_rows import LISTINGS
from llava_ocr.review.status import WAITING
from llava_ocr.review.terms import phrases_of

MAX_FACET_VALUES = 12
MAX_MONTHS = 36
# The facets that cells are counted by, and those counted among the newest records.
CELL_FACETS = ("schema", "status", "month", "band")
SAMPLED_FACETS = {"party": LISTINGS.c.party, "run": LISTINGS.c.run_id}
SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Cell:
    """Records that have all these in common: how many, and what their amounts make (times 10,000)."""

    schema: str
    status: str
    month: str
    band: str
    currency: str
    count: int
    amount_x10000: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How many records a filter finds, and what their amounts make by currency."""

    count: int
    amounts: tuple[tuple[str, Decimal], ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """Values of one facet with their counts. `is_sampled` when only the newest records of a selection were counted."""

    values: tuple[tuple[str, int], ...]
    is_sampled: bool = False


def count_cells(connection: Connection, wanted: Filter) -> tuple[Cell, ...]:
    """Count every combination among the records that the search, the name and the run of a filter leave."""
    few: Sequence[ColumnElement[Any]] = (
        LISTINGS.c.schema_name,
        LISTINGS.c.status,
        LISTINGS.c.month,
        band_column().label("band"),
        LISTINGS.c.currency,
    )
    counted = select(*few, func.count(), func.sum(LISTINGS.c.amount_x10000))
    counted = counted.where(*conditions_of(connection, cells_filter(wanted))).group_by(*few)
    return tuple(
        Cell(schema, status, month, band, currency, count, int(amount))
        for schema, status, month, band, currency, count, amount in connection.execute(counted)
    )


def cells_filter(wanted: Filter) -> Filter:
    """The part of a filter that cells are counted under; all filters that share it share the cells."""
    return Filter(q=wanted.q, party=wanted.party, run=wanted.run)


def totals_of(cells: Iterable[Cell], wanted: Filter) -> Totals:
    """Add up the records of a filter, each currency by itself, the commonest first."""
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for cell in _within(cells, wanted):
        counts[cell.currency] += cell.count
        amounts[cell.currency] += cell.amount_x10000
    listed = [(name, Decimal(amounts[name]) / 10_000) for name, _ in counts.most_common() if amounts[name]]
    return Totals(counts.total(), tuple(listed), is_cut=bool(phrases_of(wanted.q)) and counts.total() >= MAX_FOUND)


def facets_of(cells: Sequence[Cell], wanted: Filter) -> dict[str, FacetCounts]:
    """Count by the facets of few values, each facet's own filter aside so that one can change one's mind."""
    found = {}
    for name in CELL_FACETS:
        counts: Counter[str] = Counter()
        for cell in _within(cells, replace(wanted, **{name: ""})):
            counts[getattr(cell, name)] += cell.count
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if name == "month":
            ranked = sorted(ranked, reverse=True)[:MAX_MONTHS]
        found[name] = FacetCounts(tuple((value, count) for value, count in ranked if value)[:MAX_MONTHS])
    return found


def sampled_facet(connection: Connection, wanted: Filter, name: str) -> FacetCounts:
    """Count by a facet of many values, its own filter aside, the commonest values of the newest records."""
    column: Column[Any] = SAMPLED_FACETS[name]
    newest = select(column.label("value")).where(*conditions_of(connection, replace(wanted, **{name: ""})))
    sample = newest.order_by(LISTINGS.c.record_id.desc()).limit(SAMPLE).subquery()
    counted = select(sample.c.value, func.count()).group_by(sample.c.value)
    counts = {row[0]: int(row[1]) for row in connection.execute(counted)}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    values = tuple((value, count) for value, count in ranked if value)[:MAX_FACET_VALUES]
    return FacetCounts(values, is_sampled=sum(counts.values()) >= SAMPLE)


def num_waiting(cells: Iterable[Cell]) -> int:
    """How many records wait for a person."""
    return sum(cell.count for cell in cells if cell.status in WAITING)


def _within(cells: Iterable[Cell], wanted: Filter) -> Iterable[Cell]:
    asked = [(name, getattr(wanted, name)) for name in CELL_FACETS if getattr(wanted, name)]
    return (cell for cell in cells if all(getattr(cell, name) == value for name, value in asked))
