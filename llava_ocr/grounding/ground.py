"""One page's answer to field readings: where each value stands, what it means, how sure that is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby

from llava_ocr.engines.base import TokenTrace
from llava_ocr.grounding.answer import Said
from llava_ocr.grounding.candidates import amounts_on, spans
from llava_ocr.grounding.confidence import DISAGREED, field_confidence, said_probability
from llava_ocr.grounding.match import Occurrence, PageIndex
from llava_ocr.grounding.placing import Choice, Placed, place_fields, place_rows
from llava_ocr.grounding.range_ends import range_end_of
from llava_ocr.grounding.signals import signals_of
from llava_ocr.grounding.typed import Conventions, Typed, either_sign, meanings, parse
from llava_ocr.records import Evidence, FieldReading, FieldState, RulesSay, WordReader
from llava_ocr.schema import Kind, LeafNode
from llava_ocr.words.layout import Layout

_ROW = re.compile(r"^(.*)\[(\d+)\]\.")
# How exactly a value matches that is printed in another form: 1234.50 for 1.234,50.
OTHER_WORDS = 0.7
NUMERIC = (Kind.MONEY, Kind.NUMBER)


@dataclass(frozen=True)
class GroundedPage:
    """Where answers about one page are looked up; `guesses` are what rules read of it, by path."""

    page_index: int
    index: PageIndex | None
    reader: WordReader
    trace: TokenTrace
    conventions: Conventions
    guesses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageReading:
    """A field as one page has it; `label_distance` tells how near its label stands, None where none does.

    `is_agreed` means that model and rules read the same text.
    """

    reading: FieldReading
    label_distance: float | None = None
    is_agreed: bool = False


def ground(said: Sequence[Said], page: GroundedPage) -> list[PageReading]:
    """Read every leaf of a page's answer: first those outside lists, then each list's rows in their order."""
    if page.index is None:
        return [PageReading(_read(leaf, page, None), is_agreed=_is_agreed(leaf, page)) for leaf in said]
    found = _read_fields([leaf for leaf in said if _list_of(leaf.path) is None], page, page.index)
    listed = [leaf for leaf in said if _list_of(leaf.path) is not None]
    for _, cells in groupby(listed, key=lambda leaf: _list_of(leaf.path)):
        rows = [list(row) for _, row in groupby(cells, key=lambda leaf: _row_of(leaf.path))]
        choices = [[_choice(cell, page.index) for cell in row] for row in rows]
        for row, among, places in zip(rows, choices, place_rows(choices, page.index), strict=True):
            found += [
                PageReading(_read(leaf, page, place, places=choice.occurrences))
                for leaf, choice, place in zip(row, among, places, strict=True)
            ]
    return found


def _read_fields(said: Sequence[Said], page: GroundedPage, index: PageIndex) -> list[PageReading]:
    choices = [_choice(leaf, index) for leaf in said]
    placed = place_fields(choices, index)
    return [
        _read_field(leaf, page, placed.get(leaf.path), choice.occurrences)
        for leaf, choice in zip(said, choices, strict=True)
    ]


def _read_field(
    said: Said, page: GroundedPage, placed: Placed | None, occurrences: Sequence[Occurrence]
) -> PageReading:
    place, distance = (placed.place, placed.label_distance) if placed is not None else (None, None)
    reading = _read(said, page, place, places=occurrences, label_distance=distance)
    return PageReading(reading, distance, _is_agreed(said, page))


def _is_agreed(said: Said, page: GroundedPage) -> bool:
    return said.text is not None and page.guesses.get(said.path) == said.text


def _choice(said: Said, index: PageIndex) -> Choice:
    return Choice(said.path, said.node, said.text or "", _occurrences(said, index))


def _list_of(path: str) -> str | None:
    match = _ROW.match(path)
    return match.group(1) if match else None


def _row_of(path: str) -> str | None:
    match = _ROW.match(path)
    return match.group(0) if match else None


def ground_guesses(nodes: Sequence[LeafNode], page: GroundedPage) -> list[PageReading]:
    """Read what rules guess, as if it had been said; nothing is known of how sure they are."""
    untraced = replace(page, trace=TokenTrace())
    said = [Said(node.path, node, page.guesses[node.path], 0, 0) for node in nodes if node.path in page.guesses]
    return ground(said, untraced)


def nearer_to_label(said: PageReading, guess: PageReading | None) -> PageReading:
    """Of a model's reading and the rules', take the rules' where it alone has a label of the field beside it: where the
    model says nothing, and of amounts, which no page prints without a label, always."""
    if guess is None or guess.label_distance is None or guess.reading.state is not FieldState.VALUE:
        return said
    is_amount = isinstance(guess.reading.value, Decimal)
    if said.reading.text is not None and (said.label_distance is not None or not is_amount):
        return said
    signals = guess.reading.signals
    doubted = None if signals is None else replace(signals, rules=RulesSay.OTHER)
    confidence = round(guess.reading.confidence * DISAGREED, 4)
    return replace(guess, reading=replace(guess.reading, confidence=confidence, signals=doubted), is_agreed=False)


def _occurrences(said: Said, index: PageIndex) -> list[Occurrence]:
    """Where a value stands: as it was said, or, from an engine without a grammar, in other words of one meaning."""
    if said.text is None or said.node.leaf.kind is Kind.CHOICE:
        return []
    if said.node.leaf.kind in NUMERIC:
        return _amounts(said.text, said.node, index)
    if found := index.find(said.text):
        return found
    meant = meanings(said.text, said.node.leaf)
    if not meant:
        return []
    alike = [text for text in spans(index.layout, said.node) if meant & meanings(text, said.node.leaf)]
    return [replace(place, exactness=OTHER_WORDS) for text in alike for place in index.find(text)]


def _amounts(text: str, node: LeafNode, index: PageIndex) -> list[Occurrence]:
    """Where an amount stands with the sign that it was said with: as printed, in other words, else amid other text."""
    printed = amounts_on(index.layout)
    if found := [index.at(amount.words, text) for amount in printed if amount.text == text]:
        return found
    meant = meanings(text, node.leaf)
    alike = [amount for amount in printed if meant & meanings(amount.text, node.leaf)]
    if alike:
        return [replace(index.at(amount.words, amount.text), exactness=OTHER_WORDS) for amount in alike]
    taken = {word for amount in printed for word in amount.words}
    return [place for place in index.find(text) if not taken.intersection(place.words)]


def _is_doubtful(place: Occurrence | None, node: LeafNode, index: PageIndex | None) -> bool:
    """Whether a dash beside an amount may be its sign or not."""
    # A dash beside an end of a range joins it to the other end.
    if place is None or index is None or node.leaf.kind not in NUMERIC or range_end_of(node) is not None:
        return False
    return any(amount.is_doubtful and amount.words == place.words for amount in amounts_on(index.layout))


def _read(
    said: Said,
    page: GroundedPage,
    place: Occurrence | None,
    *,
    places: Sequence[Occurrence] = (),
    label_distance: float | None = None,
) -> FieldReading:
    signals = signals_of(
        said,
        trace=page.trace,
        guesses=page.guesses,
        places=places,
        place=place,
        index=page.index,
        label_distance=label_distance,
    )
    chance = said_probability(page.trace, said.start, said.end)
    if page.guesses.get(said.path, said.text) != said.text:
        chance *= DISAGREED
    if said.text is None:
        return FieldReading(said.path, FieldState.ABSENT, confidence=round(chance, 4), signals=signals)
    typed = parse(said.text, said.node.leaf, page.conventions, end=range_end_of(said.node))
    if _is_doubtful(place, said.node, page.index):
        typed = either_sign(typed)
    is_choice = said.node.leaf.kind is Kind.CHOICE
    state = _state(typed, is_grounded=place is not None or is_choice)
    grounding = place.exactness if place is not None else 0.5
    scores = [page.index.layout.words[word].score for word in place.words] if place and page.index else []
    evidence = None
    if place is not None:
        evidence = Evidence(page.page_index, place.boxes, _reader(page, place.words), place.exactness)
    return FieldReading(
        path=said.path,
        state=state,
        text=said.text,
        value=typed.value,
        confidence=field_confidence(chance, grounding=grounding, word_scores=scores),
        evidence=evidence,
        candidates=typed.candidates,
        signals=signals,
    )


def _reader(page: GroundedPage, words: Sequence[int]) -> WordReader:
    """Who read these words; the OCR reader, if it read one of them from a picture on the page."""
    own = [page.index.layout.words[word].reader for word in words] if page.index else []
    return next((reader for reader in own if reader is not None), page.reader)


def _state(typed: Typed, *, is_grounded: bool) -> FieldState:
    if typed.value is None:
        return FieldState.AMBIGUOUS if typed.candidates else FieldState.ILLEGIBLE
    return FieldState.VALUE if is_grounded else FieldState.UNGROUNDED


def layouts_of(pages: Sequence[Layout | None]) -> Iterator[Layout]:
    """The layouts of those pages that have words."""
    return (layout for layout in pages if layout is not None and layout.words)
