"""Counts of the list of records, kept for a while where they are slow to make."""

from __future__ import annotations

from llava_ocr.db.browse import EVERYTHING, Filter
from llava_ocr.db.counts import (
    SAMPLED_FACETS,
    Cell,
    FacetCounts,
    Totals,
    cells_filter,
    count_cells,
    facets_of,
    num_waiting,
    sampled_facet,
    totals_of,
)
from llava_ocr.db.session import Database
from llava_ocr.web.recent import Recent


class Counts:
    """What the list's side bar and the queue's number say. Each count opens a transaction of its own."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cells: Recent[tuple[Cell, ...]] = Recent()
        self._sampled: Recent[FacetCounts] = Recent()

    def totals(self, wanted: Filter) -> Totals:
        """Count what a filter finds and add it up."""
        return totals_of(self._cells_of(wanted), wanted)

    def facets(self, wanted: Filter) -> dict[str, FacetCounts]:
        """Count what a filter finds by facet."""
        found = facets_of(self._cells_of(wanted), wanted)
        return found | {name: self._sample(wanted, name) for name in SAMPLED_FACETS}

    def num_waiting(self) -> int:
        """Count the records that wait for a person."""
        return num_waiting(self._cells_of(EVERYTHING))

    def _cells_of(self, wanted: Filter) -> tuple[Cell, ...]:
        under = cells_filter(wanted)

        def make() -> tuple[Cell, ...]:
            with self._db.reading() as connection:
                return count_cells(connection, under)

        return self._cells.get(under, make)

    def _sample(self, wanted: Filter, name: str) -> FacetCounts:
        def make() -> FacetCounts:
            with self._db.reading() as connection:
                return sampled_facet(connection, wanted, name)

        return self._sampled.get((name, wanted), make)
