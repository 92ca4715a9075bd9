"""Receipts and other slips: name and address at the head without labels, rows without a heading. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llava_ocr.geometry import Box
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.subtotals import names_a_sum, until_subtotal
from llava_ocr.schema import Kind, LeafNode, RowsNode
from llava_ocr.words.layout import Line, Segment

# An address at the head of a slip has at most this many lines.
MAX_ADDRESS_LINES = 5
# Lines at the head that are no address: registers, telephones, mail, sites, codes of tax.
_NO_ADDRESS = re.compile(
    r"[:@]|www\.|https?|\b(?:tel|fax|phone|hrb|reg(?:\.|istr)|gst|vat|tva|ust|siret|invoice|receipt|rechnung|facture|bon)\b"
    r"|^\W*[\w-]*\d{4,}[\w-]*\W*$",
    re.IGNORECASE,
)
# How far apart the lines of a head may stand, in word heights.
LEADING = 1.8
_PRICE = re.compile(r"\d[.,]\d\d\b")
# The price and what may stand behind it.
MAX_TAIL_WORDS = 2


def head_segments(page: RulePage) -> list[Segment]:
    """The segments at the head of the page that hold words, up to the first gap, rule or label with a value."""
    kept: list[Segment] = []
    for line in page.layout.lines:
        segment = line.segments[0]
        if kept and (line.box.y0 - kept[-1].box.y1 > LEADING * page.height or len(line.segments) > 1):
            break
        if sum(c.isalpha() for c in segment.text) >= 3:
            kept.append(segment)
        elif kept:
            break
    return kept


def head_name(page: RulePage) -> Value | None:
    """The first line of the page that holds a word."""
    first = next((s for s in page.segments if sum(c.isalpha() for c in s.text) >= 3), None)
    return page.value(first.words) if first else None


def head_address(page: RulePage) -> Value | None:
    """The lines below the name that are no telephone, register or document number, as far as they read on."""
    head = head_segments(page)[1:]
    start = next((n for n, segment in enumerate(head) if _is_address(segment)), len(head))
    lines: list[Segment] = []
    for segment in head[start : start + MAX_ADDRESS_LINES]:
        if not _is_address(segment):
            break
        lines.append(segment)
    while lines:
        value = page.value([index for segment in lines for index in segment.words])
        if value is not None:
            return value
        lines = lines[:-1]
    return None


def rows_without_heading(page: RulePage, node: RowsNode, stops: Sequence[Box]) -> list[dict[str, Value]]:
    """Lines that end in an amount, above the first total; what was bought stands before it or on the line above."""
    leaves = [child for child in node.row.children if isinstance(child, LeafNode)]
    total = next((leaf for leaf in reversed(leaves) if leaf.leaf.kind is Kind.MONEY), None)
    text = next((leaf for leaf in leaves if leaf.leaf.kind is Kind.TEXT), None)
    if total is None or text is None:
        return []
    end = min((box.y0 for box in stops), default=0.0)
    rows: list[dict[str, Value]] = []
    above: Value | None = None
    for line in page.layout.lines:
        if line.box.center_y >= end:
            break
        amount = _last_price(page, total, line)
        name = _name(page, line, amount)
        called = name or above
        if amount is not None and name is not None and names_a_sum(name.text):
            break
        if amount is not None and called is not None:
            rows.append({total.path: amount, text.path: called})
        above = None if amount else name
    return until_subtotal(page, rows, total.path)[: node.hint.max_rows or None]


def _last_price(page: RulePage, leaf: LeafNode, line: Line) -> Value | None:
    """The price at the line's end; behind it stands at most a mark of the tax."""
    prices = [v for v in page.placed(leaf) if set(v.words) <= set(line.words) and _PRICE.search(v.text)]
    tail = line.words[-MAX_TAIL_WORDS:]
    return prices[-1] if prices and set(prices[-1].words) & set(tail) else None


def _name(page: RulePage, line: Line, amount: Value | None) -> Value | None:
    segment = line.segments[0]
    words = [index for index in segment.words if amount is None or page.layout.words[index].box.x1 <= amount.box.x0]
    while words and not any(c.isalpha() for c in page.layout.words[words[-1]].text):
        words = words[:-1]
    has_name = any(sum(c.isalpha() for c in page.layout.words[index].text) > 1 for index in words)
    return page.value(words) if has_name else None


def _is_address(segment: Segment) -> bool:
    return not _NO_ADDRESS.search(segment.text) and not segment.text.startswith("(")
