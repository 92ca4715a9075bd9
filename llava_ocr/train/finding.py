"""From a document's truth and its pages' words to questions: which value is printed on which page, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.match import Occurrence, PageIndex
from llava_ocr.grounding.placing import Choice, place_fields
from llava_ocr.grounding.typed import meanings
from llava_ocr.records import FieldValue
from llava_ocr.schema import Kind, LeafNode, leaves
from llava_ocr.train.painted import choose_fields
from llava_ocr.train.questions import Question, Value, pattern_of
from llava_ocr.train.truth import TrueRow, Truth
from llava_ocr.words.layout import Layout

# A row's values stand within so many word heights of each other.
_ROW_HEIGHT = 2.5


@dataclass(frozen=True)
class _Printed:
    """A leaf's value as one page prints it, at one place."""

    text: str
    occurrence: Occurrence


def questions_about(truth: Truth, layouts: Sequence[Layout]) -> list[Question | None]:
    """Ask of every page what the document's truth knows; None for a page of which nothing can be asked.

    Values are said as printed. What is known but found on no page is asked of none: null would be wrong there.
    """
    nodes = {leaf.path: leaf for leaf in leaves(truth.root)}
    pages = [PageIndex(layout) for layout in layouts]
    said: list[dict[str, Value]] = [{} for _ in layouts]
    lost = set(truth.unasked)
    for path, value in truth.values.items():
        if value is not None and path not in lost:
            places = _where_printed(value, [_single(value, nodes[path], page) for page in pages], pages)
            for found, into in zip(places, said, strict=True):
                if found is not None:
                    into[path] = found
            if not any(places):
                lost.add(path)
    _say_rows(truth, nodes, pages, (said, lost))
    root = choose_fields(truth.root, lambda leaf: leaf.path not in lost)
    if root is None:
        return [None] * len(layouts)
    return [
        Question(layout, root, {path: v for path, v in said[number].items() if pattern_of(path) not in lost},
                 number, len(layouts))
        if layout.words else None
        for number, layout in enumerate(layouts)
    ]  # fmt: skip


def _single(value: str, leaf: LeafNode, page: PageIndex) -> Value | None:
    """How a page says a single value; the place next to the field's label, where there are several."""
    if leaf.leaf.kind is Kind.CHOICE:
        return Value(value, ()) if value in leaf.choices and page.layout.words else None
    found = _printed(value, leaf, page)
    if not found:
        return None
    choice = Choice(leaf.path, leaf, "", [each.occurrence for each in found])
    chosen = place_fields([choice], page)[leaf.path].place
    text = next(each.text for each in found if each.occurrence is chosen)
    return Value(text, tuple(each.occurrence.words for each in found if each.text == text))


def _where_printed(value: str, places: list[Value | None], pages: list[PageIndex]) -> list[Value | None]:
    """Keep a choice on the pages that print it, where any does: the others say nothing of it."""
    has_it = [bool(page.find(value)) for page in pages]
    if not any(has_it):
        return places
    return [
        found if is_there or (found and found.places) else None for found, is_there in zip(places, has_it, strict=True)
    ]


def _say_rows(
    truth: Truth, nodes: dict[str, LeafNode], pages: list[PageIndex], told: tuple[list[dict[str, Value]], set[str]]
) -> None:
    """Put every row on the page that shows most of it; a leaf that is lost in one row is asked of none."""
    said, lost = told
    last = (0, -1.0)
    for row in truth.rows:
        wanted = {p: v for p, v in row.values.items() if v is not None and pattern_of(p) not in truth.unasked}
        if not wanted:
            continue
        ranked = [(number, *_row(wanted, nodes, page, last[1] if number == last[0] else -1.0))
                  for number, page in enumerate(pages) if number >= last[0]]  # fmt: skip
        number, found, top = max(ranked, key=lambda each: (len(each[1]), -each[0]), default=(0, {}, 0.0))
        said[number] |= found
        lost.update(pattern_of(path) for path in wanted if path not in found)
        if found:
            last = (number, top)
        else:
            lost.update(_leaves_of(row, nodes))


def _leaves_of(row: TrueRow, nodes: Iterable[str]) -> set[str]:
    start = pattern_of(row.path) + "."
    return {path for path in nodes if path.startswith(start)}


def _row(
    wanted: dict[str, str], nodes: dict[str, LeafNode], page: PageIndex, below: float
) -> tuple[dict[str, Value], float]:
    """Find the band below the last row that holds most of a row's values; return them and the band's middle."""
    found = {path: _printed(value, nodes[pattern_of(path)], page) for path, value in wanted.items()}
    reach = _ROW_HEIGHT * page.word_height
    middles = sorted({each.occurrence.middle for listed in found.values() for each in listed})
    best: tuple[dict[str, Value], float] = ({}, below)
    for middle in (middle for middle in middles if middle > below):
        inside = {path: _nearest(listed, middle, reach) for path, listed in found.items()}
        values = {path: Value(one.text, (one.occurrence.words,)) for path, one in inside.items() if one is not None}
        if len(values) > len(best[0]):
            best = (values, middle)
    return best


def _nearest(listed: Sequence[_Printed], middle: float, reach: float) -> _Printed | None:
    near = [each for each in listed if -0.2 * reach <= each.occurrence.middle - middle <= reach]
    return min(near, key=lambda each: abs(each.occurrence.middle - middle), default=None)


def _printed(value: str, leaf: LeafNode, page: PageIndex) -> list[_Printed]:
    """Every place on a page that means a value; texts that can mean nothing else come first."""
    texts: Iterable[str]
    if leaf.leaf.kind in (Kind.TEXT, Kind.CHOICE):
        texts = [" ".join(value.split())]
    else:
        wanted = _meant(value, leaf)
        fitting = [text for text in spans(page.layout, leaf) if wanted & meanings(text, leaf.leaf)]
        texts = sorted(fitting, key=lambda text: len(meanings(text, leaf.leaf)))
    return [_Printed(text, occurrence) for text in texts for occurrence in page.find(text)]


def _meant(value: str, leaf: LeafNode) -> frozenset[FieldValue]:
    """The typed value of a truth: ISO dates and plain decimals are exact, all else is read as print is."""
    exact: dict[Kind, Callable[[str], FieldValue]] = {
        Kind.DATE: date.fromisoformat,
        Kind.MONEY: Decimal,
        Kind.NUMBER: Decimal,
    }
    if leaf.leaf.kind in exact:
        try:
            return frozenset({exact[leaf.leaf.kind](value)})
        except (ValueError, InvalidOperation):
            pass
    return meanings(value, leaf.leaf)
