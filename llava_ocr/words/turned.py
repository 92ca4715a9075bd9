"""From the words of a page as it is shown to the layout of the page as it is read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from llava_ocr.geometry import Box, Turn
from llava_ocr.records import FieldReading, PageWords, Word
from llava_ocr.words.layout import Layout, Line, Segment, lay_out

# Less of a page's letters lying one way, and it is not clear which way the page is read.
CLEAR_SHARE = 0.6
# Fewer letters than a line has say nothing about a page.
_MIN_LETTERS = 12


def choose_turn(words: Sequence[Word], turns: Sequence[Turn | None]) -> tuple[Turn, bool]:
    """Choose the turn by which most letters are upright, and tell whether it is clear that the page is read so."""
    letters: Counter[Turn] = Counter()
    for word, turn in zip(words, turns, strict=True):
        if turn is not None:
            letters[turn] += sum(char.isalnum() for char in word.text)
    if letters.total() < _MIN_LETTERS:
        return Turn.NONE, True
    # Of equals the page as it is shown.
    turn = max(Turn, key=lambda one: (letters[one], -one))
    return turn, letters[turn] >= CLEAR_SHARE * letters.total()


def turned_words(words: Iterable[Word], turn: Turn) -> tuple[Word, ...]:
    """Words of the page as it is shown, on the turned page."""
    return tuple(words) if turn is Turn.NONE else tuple(replace(word, box=turn.box(word.box)) for word in words)


def lay_out_page(page: PageWords, *, aspect: float) -> Layout:
    """Lay out a page turned for reading, its words in their order. `aspect` is that of the page as it is shown.

    Words that lie otherwise than the page (a stamp, a note up the margin) are lines of their own after the others.
    """
    if not page.turns:
        return _lay_out(page.words, page.turn, aspect)
    lying = list(zip(page.words, page.turns, strict=True))
    layout = _lay_out([word for word, turn in lying if turn is page.turn], page.turn, aspect)
    for turn in sorted(set(page.turns) - {page.turn}):
        layout = _beside(layout, _lay_out([word for word, own in lying if own is turn], turn, aspect))
    return layout


def as_shown(reading: FieldReading, layouts: Mapping[int, Layout]) -> FieldReading:
    """A reading whose evidence is on the page as it is read, with evidence on the page as it is shown."""
    evidence = reading.evidence
    layout = layouts.get(evidence.page_index) if evidence else None
    if evidence is None or layout is None or layout.turn is Turn.NONE:
        return reading
    return replace(
        reading, evidence=replace(evidence, boxes=tuple(layout.turn.back.box(box) for box in evidence.boxes))
    )


def _lay_out(words: Sequence[Word], turn: Turn, aspect: float) -> Layout:
    return lay_out(turned_words(words, turn), aspect=1 / aspect if turn.is_sideways else aspect, turn=turn)


def _beside(layout: Layout, aside: Layout) -> Layout:
    num_words, num_lines = len(layout.words), len(layout.lines)

    def moved(box: Box) -> Box:
        return layout.turn.box(aside.turn.back.box(box))

    def segment(one: Segment) -> Segment:
        words = tuple(index + num_words for index in one.words)
        return Segment(words, one.line + num_lines, moved(one.box), one.text)

    words = (replace(word, box=moved(word.box)) for word in aside.words)
    lines = (Line(tuple(map(segment, line.segments)), moved(line.box)) for line in aside.lines)
    return Layout((*layout.words, *words), (*layout.lines, *lines), layout.aspect, layout.turn)
