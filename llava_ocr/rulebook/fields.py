"""Single fields by their label: what stands beside it, else what stands below it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from llava_ocr.geometry import Box
from llava_ocr.grounding.currencies import currency_readings
from llava_ocr.prompts import fold
from llava_ocr.rulebook.captions import ALIGNED, Caption, reads_as_caption, standing_below, strangers
from llava_ocr.rulebook.document_number import glued_value, number_value
from llava_ocr.rulebook.page import Label, RulePage, Value
from llava_ocr.rulebook.ranges import end_of_range, part_of, split_at_strokes
from llava_ocr.rulebook.roles import NUMBER_WORDS, Role, is_address, is_long_text, role_of, vocabulary
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
# A text of so many words, most of them without a capital, is prose.
PROSE_WORDS = 8
# Behind a label that nothing ends, more words than this that begin without a capital are no value.
MAX_PLAIN = 4
# An address or a wrapped value has at most this many lines.
MAX_LINES = 6
_YEAR = re.compile(r"(?:.* )?(?:19|20)\d\d")
# A value in a column of its own begins no further than this behind its caption, in page widths.
FAR = 0.22
# Choices stand at most this many word heights below their caption.
CHOICE_ROWS = 6.0
# A document's own date stands above this.
HEAD = 0.5
_CHECKED = ("x", "☒", "☑", "✓", "✔", "✗", "■", "●")
# After a label that nothing ends, these make it a longer one: `Customer code 4711`.
_GOES_ON = NUMBER_WORDS | vocabulary(
    """type name names date holder manager status group class kind address phone email fax
    art typ name datum adresse inhaber leitung gruppe klasse
    titulaire type nom date adresse directeur groupe
    tipo nombre fecha direccion titular responsable nome data indirizzo responsabile codice codigo
    soort naam adres houder"""
)
# What leaves a label's meaning as it is: `Account holder name`.
_NEUTRAL = vocabulary("name names nom nombre nome naam full complete printed")


def read_labelled(page: RulePage, leaf: LeafNode, header_words: frozenset[int]) -> Value | None:
    """Return the value nearest to a label of the leaf; labels in a table's heading (`header_words`) don't count."""
    likely = (label for label in page.likely if leaf.path in label.paths)
    labels = [label for label in (*page.labels_of(leaf), *likely) if not header_words & set(label.words)]
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
    doubt += label.doubt + 0.2 / len(label.text)
    found = _texts(page, label, leaf) if leaf.leaf.kind is Kind.TEXT else _typed(page, label, leaf)
    yield from _doubted(((doubt + cost, value) for cost, value in found), label, leaf)


def _doubted(found: Iterable[tuple[float, Value]], label: Label, leaf: LeafNode) -> Iterator[tuple[float, Value]]:
    """Of numbers, those whose label is near and plain: not a year behind the tail of a word."""
    for cost, value in found:
        is_year = not label.is_whole and bool(_YEAR.fullmatch(value.text))
        if role_of(leaf) is not Role.NUMBER or (cost <= MAX_NUMBER_COST and not is_year):
            yield cost, value


def _typed(page: RulePage, label: Label, leaf: LeafNode) -> Iterator[tuple[float, Value]]:
    beside = [value for value in page.placed(leaf) if is_beside(label.box, value.box) or shares(label, value)]
    free = _in_part(page, label, [value for value in beside if not _is_cut_off(page, label, value)])
    if end := end_of_range(page, free, label, leaf):
        yield STRANGER * min(3, _num_between(page, label, end)), end
    elif free and leaf.leaf.kind in (Kind.MONEY, Kind.NUMBER):
        # `VAT 19 % of 100.00: 19.00`; and totals stand at the foot.
        last = free[-1]
        yield 0.1 * (1 - last.box.y0), last
    else:
        for value in free:
            between = STRANGER * min(3, _num_between(page, label, value))
            yield between + max(0.0, value.box.x0 - label.box.x1), value
    extra = AMOUNT_BELOW if leaf.leaf.kind is Kind.MONEY else BELOW
    below = [
        (gap, value)
        for value in page.placed(leaf)
        if (gap := gap_below(label.box, value.box)) is not None and gap <= REACH_BELOW
    ]
    if end := end_of_range(page, [value for _, value in below], label, leaf):
        yield BELOW + 0.1 * min(gap for gap, _ in below), end
        return
    for gap, value in below:
        yield extra + 0.1 * gap, value


def _in_part(page: RulePage, label: Label, values: Sequence[Value]) -> list[Value]:
    """Of the values after a caption of several parts, those in the part that is the label's."""
    number, num_parts = part_of(page, page.caption_of(label), label)
    if num_parts < 2 or not values:
        return list(values)
    cell = page.segment_of[values[0].words[0]].words
    groups = split_at_strokes(page, [index for index in cell if index not in page.captions])
    if len(groups) != num_parts:
        return list(values)
    return [value for value in values if set(value.words) <= set(groups[number])]


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
    """Whether another label, or a caption that the schema does not know, stands between the two."""
    between = [
        other
        for other in page.labels
        if other.line == label.line and other.words != label.words and label.box.x1 <= other.box.x0 < value.box.x0
    ]
    if any(other.is_whole or other.paths != label.paths for other in between):
        return True
    own = page.caption_of(label).words
    words = page.layout.words
    return any(
        label.box.x1 <= words[index].box.x0 < value.box.x0 and index in page.captions and index not in own
        for index in page.layout.lines[label.line].words
    )


def _num_between(page: RulePage, label: Label, value: Value) -> int:
    """How many words make the label's own segment another label than it: `Date of delivery: 5.3.2024`."""
    words = page.segment_of[label.words[-1]].words
    rest = words[words.index(label.words[-1]) + 1 :]
    before = rest[: rest.index(value.words[0])] if value.words[0] in rest else rest
    return len(strangers(page.layout, before))


def _texts(page: RulePage, label: Label, leaf: LeafNode) -> Iterator[tuple[float, Value]]:
    if role_of(leaf) is Role.NUMBER and (glued := glued_value(page, label.words[-1])):
        yield 0.0, glued
        return
    caption = page.caption_of(label)
    number, num_parts = part_of(page, caption, label)
    doubt = _num_foreign(page, label, caption, leaf)
    if doubt is None or _is_prose(page, page.segment_of[label.words[0]].words, leaf):
        return
    for cost, words in _cells(page, caption, label, leaf):
        groups = split_at_strokes(page, words) if num_parts > 1 else ()
        own: Sequence[int] = groups[number] if len(groups) == num_parts > 1 else words
        if not _is_prose(page, page.segment_of[words[0]].words, leaf) and (value := _text_of(page, own, leaf)):
            between = (
                0 if caption.is_closed else len(strangers(page.layout, words[: list(words).index(value.words[0])]))
            )
            yield STRANGER * (doubt + between) + cost, value


def _num_foreign(page: RulePage, label: Label, caption: Caption, leaf: LeafNode) -> int | None:
    """How many words of its caption make the label another; None where they make it one of another field."""
    after = caption.words[caption.words.index(label.words[-1]) + 1 :]
    texts = [page.layout.words[index].text for index in after]
    stroke = next((at for at, text in enumerate(texts) if text.startswith("/")), len(texts))
    foreign = strangers(page.layout, after[:stroke])
    if role_of(leaf) is Role.NUMBER:
        return len(foreign)
    announces = any(fold(text) in NUMBER_WORDS for text in texts[:stroke])
    return None if announces or any(fold(text) not in _NEUTRAL for text in foreign) else 0


def _cells(page: RulePage, caption: Caption, label: Label, leaf: LeafNode) -> Iterator[tuple[float, Sequence[int]]]:
    """Where the text of a caption may stand, with what that costs: behind it, else right of it, and below it."""
    segment = page.segment_of[label.words[-1]]
    behind = segment.words[segment.words.index(caption.words[-1]) + 1 :]
    rest = _without_aside(page, behind[: _next_caption(page, behind)])
    if rest and page.value(rest):
        if caption.is_closed or not _goes_on(page, rest, leaf):
            yield 0.0, _read_on(page, segment, rest, leaf)
        return
    right = _right_of(page, segment)
    is_far = right is not None and _is_heading(page, segment, right)
    if right is not None and right.words[0] not in page.captions and not is_far:
        words = right.words[: _next_caption(page, right.words)]
        yield 0.05 + 0.5 * (right.box.x0 - segment.box.x1), _read_on(page, right, words, leaf)
    for other in page.segments:
        gap = gap_below(label.box, other.box)
        is_free = gap is not None and gap <= REACH_BELOW and other.words[0] not in page.captions
        if gap is not None and is_free and not _is_next_row(page, segment, other):
            words = other.words[: _next_caption(page, other.words)]
            yield BELOW + 0.1 * gap, _read_on(page, other, words, leaf)


def _right_of(page: RulePage, segment: Segment) -> Segment | None:
    line = page.layout.lines[segment.line].segments
    return next((other for other in line if other.box.x0 > segment.box.x0), None)


def _is_next_row(page: RulePage, segment: Segment, below: Segment) -> bool:
    """Whether what stands below a caption is the next caption: it has a value in the same column as the caption has."""
    right, after = _right_of(page, segment), _right_of(page, below)
    if right is None or after is None or right.words[0] in page.captions:
        return False
    is_column = abs(right.box.x0 - after.box.x0) < ALIGNED or abs(right.box.x1 - after.box.x1) < ALIGNED
    # Headings over two blocks stand far apart.
    is_far = abs(right.box.x0 - after.box.x0) < ALIGNED and right.box.x0 - segment.box.x1 > FAR
    is_heading = reads_as_caption(page.layout, right) and (is_far or not reads_as_caption(page.layout, below))
    return is_column and not is_heading


def _is_heading(page: RulePage, segment: Segment, right: Segment) -> bool:
    """Whether what stands far right of a caption is another: each has something below its left edge."""
    if right.box.x0 - segment.box.x1 <= FAR or not reads_as_caption(page.layout, right):
        return False
    return all(
        any(
            abs(low.box.x0 - one.box.x0) < ALIGNED and low.words[0] not in page.captions
            for low in standing_below(page.layout, one.box, one.line)
        )
        for one in (segment, right)
    )


def _next_caption(page: RulePage, words: Sequence[int]) -> int:
    return next((at for at, index in enumerate(words) if index in page.captions), len(words))


def _without_aside(page: RulePage, words: Sequence[int]) -> Sequence[int]:
    """What follows an aside in brackets that a form adds to its caption: `(see notes) 4711`."""
    texts = [page.layout.words[index].text for index in words]
    end = next((at for at, text in enumerate(texts) if text.endswith((")", "):"))), len(texts))
    return words[end + 1 :] if texts and texts[0].startswith("(") and end + 1 < len(words) else words


def _goes_on(page: RulePage, rest: Sequence[int], leaf: LeafNode) -> bool:
    """Whether what follows a label that nothing ends makes it a longer one, or words of a sentence."""
    if role_of(leaf) is Role.NUMBER:
        return False
    first = page.layout.words[rest[0]].text
    return fold(first) in _GOES_ON or (first[:1].islower() and len(rest) > MAX_PLAIN)


def _read_on(page: RulePage, segment: Segment, words: Sequence[int], leaf: LeafNode) -> list[int]:
    """The words of a value and of the lines that it goes on in: all of an address, else where the line was full."""
    taken = list(words)
    block = next(block for block in page.layout.blocks if segment in block)
    lines = block[block.index(segment) : block.index(segment) + MAX_LINES]
    if len(lines) < 2 or role_of(leaf) is Role.NUMBER or words[-1] != segment.words[-1]:
        return taken
    start, right = page.layout.words[words[0]].box.x0, max(line.box.x1 for line in lines)
    for above, line in pairwise(lines):
        row = page.layout.lines[line.line].words
        is_captioned = any(index in page.captions for index in row[: row.index(line.words[0]) + 1])
        if is_captioned or abs(line.box.x0 - start) > ALIGNED or _ends_sentence(line):
            break
        is_full = above.box.x1 + page.layout.words[line.words[0]].box.width > right and len(above.words) > 3
        if not (is_address(leaf) or (is_full and is_long_text(leaf))):
            break
        taken += line.words
    return taken


def _ends_sentence(segment: Segment) -> bool:
    return segment.text.endswith(":")


def _text_of(page: RulePage, words: Sequence[int], leaf: LeafNode) -> Value | None:
    """What a text field may take of words that follow its label: of a number, its own words."""
    if role_of(leaf) is Role.NUMBER:
        return number_value(page, words)
    return page.value(words) if words else None


def _is_prose(page: RulePage, words: Sequence[int], leaf: LeafNode) -> bool:
    """Whether a short text field would take words out of sentences."""
    if is_long_text(leaf):
        return False
    texts = [page.layout.words[index].text for index in words]
    return len(texts) >= PROSE_WORDS and 2 * sum(text[:1].islower() for text in texts) > len(texts)


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
    """The choice that stands at the field's label, of several the one with a mark before it; without a label, the one
    that is printed or marked anywhere."""
    printed = [(choice, place.words) for choice in leaf.choices for place in page.index.find(choice)]
    for label in page.labels_of(leaf):
        near_it = [(choice, words) for choice, words in printed if _is_at(page, label, words)]
        if chosen := _chosen(page, near_it):
            return chosen
    return _chosen(page, printed)


def _chosen(page: RulePage, printed: Sequence[tuple[str, tuple[int, ...]]]) -> str | None:
    choices = {choice for choice, _ in printed}
    if len(choices) > 1:
        choices = {choice for choice, words in printed if _is_marked(page, words)}
    return choices.pop() if len(choices) == 1 else None


def _is_at(page: RulePage, label: Label, words: Sequence[int]) -> bool:
    """Whether a choice stands behind a label on its line, or below it and above the next caption."""
    box = page.box(words)
    segment = page.segment_of[words[0]]
    if segment.line == label.line:
        before = [
            index
            for index in page.layout.lines[label.line].words
            if label.box.x1 <= page.layout.words[index].box.x0 < box.x0
        ]
        return box.x0 >= label.box.x1 - 0.1 * label.box.height and not any(
            index in page.captions and index not in page.caption_of(label).words for index in before
        )
    if not 0 <= box.y0 - label.box.y1 + 0.3 * page.height <= CHOICE_ROWS * page.height:
        return False
    heads = (index for index in page.captions if label.box.y1 <= page.layout.words[index].box.y0 < box.y0)
    return box.x1 > label.box.x0 and not any(page.layout.words[index].box.x0 < box.x1 for index in heads)


def _is_marked(page: RulePage, words: Sequence[int]) -> bool:
    segment = page.segment_of[words[0]]
    at = segment.words.index(words[0])
    before = page.layout.words[segment.words[at - 1]].text if at else ""
    return before.casefold().strip("[]()") in _CHECKED
