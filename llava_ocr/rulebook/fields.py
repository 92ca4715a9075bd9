"""Single fields by their label: what stands beside it, else what stands below it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from llava_ocr.geometry import Box
from llava_ocr.grounding.currencies import currency_readings
from llava_ocr.prompts import fold
from llava_ocr.rulebook.document_number import glued_value, number_value
from llava_ocr.rulebook.page import Label, RulePage, Value
from llava_ocr.rulebook.roles import NUMBER_WORDS, Role, role_of
from llava_ocr.schema import Kind, LeafNode
from llava_ocr.words.layout import Segment

# How far below its label a value may stand, in word heights.
REACH_BELOW = 3.0
# What a doubt about a label costs, in page widths between label and value.
PART_OF_LONGER = 0.3
TAIL = 0.1
STRANGER = 0.15
BELOW = 0.15
# Amounts below a label are a column more often than a total.
AMOUNT_BELOW = 0.4
# A number further from its label than this, doubts counted, is some other number.
MAX_NUMBER_COST = 0.5
_YEAR = re.compile(r"(?:.* )?(?:19|20)\d\d")
# A document's own date stands above this.
HEAD = 0.5
_CHECKED = ("x", "☒", "☑", "✓", "✔", "✗")


def read_labelled(page: RulePage, leaf: LeafNode, header_words: frozenset[int]) -> Value | None:
    """Return the value nearest to a label of the leaf; labels in a table's heading (`header_words`) don't count."""
    labels = [label for label in page.labels_of(leaf) if not header_words & set(label.words)]
    if leaf.leaf.kind is Kind.CHOICE:
        return None
    ranked = sorted(
        ((cost, value) for label in labels for cost, value in near(page, label, leaf)), key=lambda entry: entry[0]
    )
    return ranked[0][1] if ranked else None


def near(page: RulePage, label: Label, leaf: LeafNode) -> Iterator[tuple[float, Value]]:
    """Yield values that could belong to a label, each with its cost: distance, and doubts about the label."""
    doubt = 0.0 if label.is_whole else PART_OF_LONGER if label.is_apart else TAIL
    # `Invoice` may stand anywhere, `Invoice number` only beside it.
    doubt += 0.2 / len(label.text)
    if leaf.leaf.kind is Kind.TEXT:
        yield from _doubted(((doubt + cost, value) for cost, value in _texts(page, label, leaf)), label, leaf)
        return
    beside = [value for value in page.placed(leaf) if is_beside(label.box, value.box) or shares(label, value)]
    free = [value for value in beside if not _is_cut_off(page, label, value)]
    if free and leaf.leaf.kind in (Kind.MONEY, Kind.NUMBER):
        # `VAT 19 % of 100.00: 19.00`; and totals stand at the foot.
        last = free[-1]
        yield doubt + 0.1 * (1 - last.box.y0), last
    else:
        for value in free:
            strangers = STRANGER * min(3, _num_between(page, label, value))
            yield doubt + strangers + max(0.0, value.box.x0 - label.box.x1), value
    extra = AMOUNT_BELOW if leaf.leaf.kind is Kind.MONEY else BELOW
    for value in page.placed(leaf):
        gap = gap_below(label.box, value.box)
        if gap is not None and gap <= REACH_BELOW:
            yield doubt + extra + 0.1 * gap, value


def _doubted(found: Iterable[tuple[float, Value]], label: Label, leaf: LeafNode) -> Iterator[tuple[float, Value]]:
    """Of numbers, those whose label is near and plain: not a year behind the tail of a word."""
    for cost, value in found:
        is_year = not label.is_whole and bool(_YEAR.fullmatch(value.text))
        if role_of(leaf) is not Role.NUMBER or (cost <= MAX_NUMBER_COST and not is_year):
            yield cost, value


def is_beside(label: Box, value: Box) -> bool:
    """Whether a value stands to the right of a label, at its height."""
    height = max(label.height, value.height)
    return abs(label.center_y - value.center_y) < 0.6 * height and value.x0 >= label.x1 - 0.1 * height


def shares(label: Label, value: Value) -> bool:
    """Whether label and value are printed as one word: `Date:5.3.2024`."""
    return label.words[-1] == value.words[0]


def gap_below(label: Box, value: Box) -> float | None:
    """How far below a label a value stands, in its heights; None where it is not below."""
    height = max(label.height, value.height)
    gap = value.y0 - label.y1
    are_aligned = min(label.x1, value.x1) - max(label.x0, value.x0) > 0
    return gap / height if are_aligned and height > 0 and gap > -0.3 * height else None


def _is_cut_off(page: RulePage, label: Label, value: Value) -> bool:
    """Whether another label stands between the two."""
    between = [
        other
        for other in page.labels
        if other.line == label.line and other.words != label.words and label.box.x1 <= other.box.x0 < value.box.x0
    ]
    return any(other.is_whole or other.paths != label.paths for other in between)


def _num_between(page: RulePage, label: Label, value: Value) -> int:
    """How many words make the label's own segment another label than it: `Date of delivery: 5.3.2024`."""
    words = page.segment_of[label.words[-1]].words
    rest = words[words.index(label.words[-1]) + 1 :]
    before = rest[: rest.index(value.words[0])] if value.words[0] in rest else rest
    return _num_strangers(page, before)


def _num_strangers(page: RulePage, words: Sequence[int]) -> int:
    """Words of letters, but for those in brackets and those that announce a number."""
    texts = [page.layout.words[index].text for index in words]
    return sum(1 for text in texts if text[0] != "(" and fold(text) not in NUMBER_WORDS and any(map(str.isalpha, text)))


def _texts(page: RulePage, label: Label, leaf: LeafNode) -> Iterator[tuple[float, Value]]:
    segment = page.segment_of[label.words[-1]]
    rest = segment.words[segment.words.index(label.words[-1]) + 1 :]
    if role_of(leaf) is Role.NUMBER and (glued := glued_value(page, label.words[-1])):
        yield 0.0, glued
        return
    if value := _text_of(page, rest, leaf):
        yield STRANGER * _num_strangers(page, rest[: rest.index(value.words[0])]), value
        return
    line = page.layout.lines[label.line]
    right = [other for other in line.segments if other.box.x0 > segment.box.x0]
    if right and not _is_caption(page, right[0]) and (value := _text_of(page, right[0].words, leaf)):
        yield 0.05 + 0.5 * (right[0].box.x0 - segment.box.x1), value
    for other in page.segments:
        gap = gap_below(label.box, other.box)
        if gap is None or gap > REACH_BELOW or _is_caption(page, other):
            continue
        if value := _text_of(page, other.words, leaf):
            yield BELOW + 0.1 * gap, value


def _is_caption(page: RulePage, segment: Segment) -> bool:
    return segment.words[0] in page.captions or segment.text.endswith(":")


def _text_of(page: RulePage, words: Sequence[int], leaf: LeafNode) -> Value | None:
    """What a text field may take of words that follow its label: up to the next label; of a number, its own words."""
    cut = next((at for at, index in enumerate(words) if at and index in page.captions), len(words))
    taken = list(words[:cut])
    if role_of(leaf) is Role.NUMBER:
        return number_value(page, taken)
    return page.value(taken) if taken else None


def dated_with_number(page: RulePage, date: LeafNode, number: LeafNode) -> Value | None:
    """The date that follows the document's number, `Invoice 4711 of 5.3.2024`, else the first above the middle."""
    for label in page.labels_of(number):
        words = page.segment_of[label.words[-1]].words
        after = [value for value in page.placed(date) if value.words[0] in words and value.box.x0 > label.box.x1]
        if after:
            return after[0]
    is_first = any(label.is_whole and label.box.y0 < HEAD for label in page.labels_of(number))
    head = [value for value in page.placed(date) if value.box.y0 < HEAD] if is_first else []
    return head[0] if head else None


def date_after(page: RulePage, leaf: LeafNode, before: Value) -> Value | None:
    """The date that follows another on its line."""
    line = page.layout.lines[page.segment_of[before.words[-1]].line].words
    after = [v for v in page.placed(leaf) if v.words[0] in line and v.box.x0 > before.box.x0]
    return next((value for value in after if value.words != before.words), None)


def commonest_currency(page: RulePage, leaf: LeafNode) -> Value | None:
    """The currency that is printed most often."""
    placed = page.placed(leaf)
    votes = Counter(code for value in placed for code in currency_readings(value.text)[:1])
    if not votes:
        return None
    code = votes.most_common(1)[0][0]
    return next(value for value in placed if currency_readings(value.text)[:1] == (code,))


def checked_choice(page: RulePage, leaf: LeafNode) -> str | None:
    """The one choice that is printed, or of several the one with a mark before it."""
    printed = [choice for choice in leaf.choices if page.index.find(choice)]
    if len(printed) == 1:
        return printed[0]
    marked = [choice for choice in printed if any(_is_marked(page, place.words) for place in page.index.find(choice))]
    return marked[0] if len(marked) == 1 else None


def _is_marked(page: RulePage, words: Sequence[int]) -> bool:
    segment = page.segment_of[words[0]]
    at = segment.words.index(words[0])
    before = page.layout.words[segment.words[at - 1]].text if at else ""
    return before.casefold().strip("[]()") in _CHECKED
