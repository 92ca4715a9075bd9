"""Two values under one caption: the ends of a range, or as many parts as the caption itself has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llava_ocr.grounding.dates import RangeEnd
from llava_ocr.grounding.range_ends import range_end_of
from llava_ocr.prompts import fold
from llava_ocr.rulebook.captions import ALIGNED, Caption
from llava_ocr.rulebook.page import Label, RulePage, Value
from llava_ocr.rulebook.roles import vocabulary
from llava_ocr.schema import LeafNode, leaves
from llava_ocr.words.layout import Segment

# What may stand between the ends of a range, folded; marks fold to nothing.
_JOINTS = vocabulary("to bis au al a hasta tot until till thru through und and et e y en t m tm fino ad zum inclusive")
MAX_JOINTS = 3
# A currency may stand before one, and joins nothing by itself.
_DASHES = ("-", "–", "—", "−", "..", "...", "…", "~", "/")


def end_of_range(page: RulePage, values: Sequence[Value], label: Label, leaf: LeafNode) -> Value | None:
    """Return the end that a field means, of the first of `values` that a dash or a `to` joins to another; None where
    none is joined."""
    for first in values:
        for last in page.placed(leaf):
            if are_joined(page, first, last):
                return last if _means_last(page, label, leaf) else first
    return None


def are_joined(page: RulePage, first: Value, last: Value) -> bool:
    """Whether two values are the ends of one range."""
    if first.words == last.words:
        return first.text != last.text
    one, other = page.segment_of[first.words[-1]], page.segment_of[last.words[0]]
    behind = one.words[one.words.index(first.words[-1]) + 1 :]
    before = other.words[: other.words.index(last.words[0])]
    if one is other:
        between = tuple(index for index in behind if index in before)
    elif other.line in (one.line, one.line + 1) and _are_near(one, other, is_open=bool(behind)):
        between = (*behind, *before)
    else:
        return False
    texts = [page.layout.words[index].text for index in between]
    # Values that nothing stands between are neighbours in a table.
    told = [text for text in texts if fold(text)]
    has_joint = bool(told) or any(text in _DASHES for text in texts)
    return has_joint and len(texts) <= MAX_JOINTS and all(fold(text) in _JOINTS for text in told)


def _are_near(one: Segment, other: Segment, *, is_open: bool) -> bool:
    """Whether a segment is the next of its line, or goes on in the next line below one that ends in a dash."""
    if one.line == other.line:
        return one.box.x1 <= other.box.x0
    return abs(one.box.x0 - other.box.x0) < ALIGNED or (is_open and one.box.x0 <= other.box.x0 < one.box.x1)


def _means_last(page: RulePage, label: Label, leaf: LeafNode) -> bool:
    """Whether a field means a range's last value: by its words, else as the second field with the label."""
    side = range_end_of(leaf)
    if side is not None:
        return side is RangeEnd.LAST
    alike = [one.path for one in leaves(page.root) if one.path in label.paths and one.leaf.kind is leaf.leaf.kind]
    return alike.index(leaf.path) == 1 if len(alike) == 2 else False


def partner(page: RulePage, leaf: LeafNode, other: LeafNode, value: Value) -> Value | None:
    """Return the other end of the range that `value`, which was read for the field `other`, is one end of."""
    if {range_end_of(leaf), range_end_of(other)} != set(RangeEnd):
        return None
    placed = page.placed(leaf)
    for first, last in pairwise(placed):
        if are_joined(page, first, last) and value.words in (first.words, last.words):
            return last if range_end_of(leaf) is RangeEnd.LAST else first
    return None


def part_of(page: RulePage, caption: Caption, label: Label) -> tuple[int, int]:
    """Return which part of a caption a label is, and how many there are: `Policy / Version` has two."""
    parts = [fold(part).replace(" ", "") for part in page.text(caption.words).split("/")]
    return next((at for at, part in enumerate(parts) if label.text in part), 0), len(parts)


def split_at_strokes(page: RulePage, words: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Part words at strokes that stand alone."""
    parts: list[list[int]] = [[]]
    for index in words:
        if page.layout.words[index].text == "/":
            parts.append([])
        else:
            parts[-1].append(index)
    return tuple(tuple(part) for part in parts if part)
