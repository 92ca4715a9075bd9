"""One page's answer to field readings: where each value stands, what it means, how sure that is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from llava_ocr.engines.base import TokenTrace
from llava_ocr.grounding.answer import Said
from llava_ocr.grounding.confidence import field_confidence, said_probability
from llava_ocr.grounding.match import Occurrence, PageIndex, choose
from llava_ocr.grounding.typed import Conventions, Typed, parse
from llava_ocr.records import Evidence, FieldReading, FieldState, WordReader
from llava_ocr.schema import Kind
from llava_ocr.words.layout import Layout

_ROW = re.compile(r"^(.*)\[(\d+)\]\.")
# Cells of one row stand within this many word heights of each other.
ROW_BAND = 1.5


@dataclass(frozen=True)
class GroundedPage:
    """Where answers about one page are looked up."""

    page_index: int
    index: PageIndex | None
    reader: WordReader
    trace: TokenTrace
    conventions: Conventions


@dataclass(frozen=True, slots=True)
class PageReading:
    """A field as one page has it; `label_distance` tells how near its label stands, None where none does."""

    reading: FieldReading
    label_distance: float | None = None


def ground(said: Sequence[Said], page: GroundedPage) -> list[PageReading]:
    """Read every leaf of a page's answer, rows in their order down the page."""
    found: list[PageReading] = []
    row_top = 0.0
    for row, leaves in groupby(said, key=lambda leaf: _row_of(leaf.path)):
        cells = list(leaves)
        if row is None or page.index is None:
            found += [_read(leaf, page, _header_place(leaf, page)) for leaf in cells]
            continue
        places, row_top = _row_places(cells, page.index, row_top)
        found += [_read(leaf, page, place) for leaf, place in zip(cells, places, strict=True)]
    return found


def _row_of(path: str) -> str | None:
    match = _ROW.match(path)
    return match.group(0) if match else None


def _header_place(said: Said, page: GroundedPage) -> Occurrence | None:
    if said.text is None or page.index is None or said.node.leaf.kind is Kind.CHOICE:
        return None
    occurrences = page.index.find(said.text)
    return choose(occurrences, page.index, said.node) if occurrences else None


def _row_places(cells: Sequence[Said], index: PageIndex, top: float) -> tuple[list[Occurrence | None], float]:
    """Place a row's cells on one band, below the row before it; return its upper edge with them."""
    choices = [index.find(cell.text) if cell.text is not None else [] for cell in cells]
    height = index.layout.word_height
    anchor = _anchor(choices, top - 0.5 * height)
    if anchor is None:
        return [occurrences[0] if occurrences else None for occurrences in choices], top
    places = [min(found, key=lambda place: abs(place.middle - anchor.middle), default=None) for found in choices]
    return places, anchor.top + 0.5 * height


def _anchor(choices: Sequence[Sequence[Occurrence]], top: float) -> Occurrence | None:
    """The first occurrence, below the row before, of the cell that has the fewest: it can hardly be another row's."""
    below = [[place for place in found if place.top >= top] for found in choices]
    candidates: list[Sequence[Occurrence]] = [found for found in below if found]
    if not candidates:
        return None
    return min(candidates, key=len)[0]


def _read(said: Said, page: GroundedPage, place: Occurrence | None) -> PageReading:
    chance = said_probability(page.trace, said.start, said.end)
    if said.text is None:
        return PageReading(FieldReading(said.path, FieldState.ABSENT, confidence=round(chance, 4)))
    typed = parse(said.text, said.node.leaf, page.conventions)
    is_choice = said.node.leaf.kind is Kind.CHOICE
    state = _state(typed, is_grounded=place is not None or is_choice)
    grounding = place.exactness if place is not None else 0.5
    scores = [page.index.layout.words[word].score for word in place.words] if place and page.index else []
    evidence = None
    if place is not None:
        evidence = Evidence(page.page_index, place.boxes, page.reader, place.exactness)
    reading = FieldReading(
        path=said.path,
        state=state,
        text=said.text,
        value=typed.value,
        confidence=field_confidence(chance, grounding=grounding, word_scores=scores),
        evidence=evidence,
        candidates=typed.candidates,
    )
    distance = page.index.label_distance(place, said.node) if page.index is not None and place is not None else None
    return PageReading(reading, distance)


def _state(typed: Typed, *, is_grounded: bool) -> FieldState:
    if typed.value is None:
        return FieldState.AMBIGUOUS if typed.candidates else FieldState.ILLEGIBLE
    return FieldState.VALUE if is_grounded else FieldState.UNGROUNDED


def layouts_of(pages: Sequence[Layout | None]) -> Iterator[Layout]:
    """The layouts of those pages that have words."""
    return (layout for layout in pages if layout is not None and layout.words)
