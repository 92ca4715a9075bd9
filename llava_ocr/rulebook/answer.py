"""What no model would get: a page's answer by rules and regular expressions over its words. Pure.

Every figure of an evaluation stands beside this one's. The rules know a schema by its labels and kinds alone, and
answer in the same form as an engine, so that the answer is grounded and scored the same way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from llava_ocr.geometry import Box
from llava_ocr.grounding.range_ends import range_end_of
from llava_ocr.prompts import empty_answer
from llava_ocr.rulebook.bookings import account_of, read_bookings
from llava_ocr.rulebook.fields import (
    checked_choice,
    commonest_currency,
    date_after,
    dated_with_number,
    read_labelled,
)
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.parties import party_groups, read_parties
from llava_ocr.rulebook.ranges import partner
from llava_ocr.rulebook.roles import Role, is_due, role_of
from llava_ocr.rulebook.sums import read_totals, summing_leaves
from llava_ocr.rulebook.table import Heading, find_heading, read_rows
from llava_ocr.rulebook.tills import head_address, head_name, rows_without_heading
from llava_ocr.schema import GroupNode, Kind, LeafNode, Node, RowsNode, leaves
from llava_ocr.words.layout import Layout

# Codes whose own shape or checksum tells them apart from all else on the page.
_SELF_EVIDENT = ("iban", "vat")


def guesses(root: GroupNode, layout: Layout) -> dict[str, str]:
    """Return what the rules read for leaves outside lists, as printed, by path: a hint to a model that takes hints."""
    if not layout.words:
        return {}
    said = _Rules(root, layout).answer(root)
    outside = [leaf for leaf in leaves(root) if "[]" not in leaf.path]
    found = {leaf.path: _at(said, leaf.path.split(".")) for leaf in outside}
    return {path: text for path, text in found.items() if isinstance(text, str)}


def _at(said: object, names: list[str]) -> object:
    for name in names:
        said = said.get(name) if isinstance(said, dict) else None
    return said


def answer_by_rules(root: GroupNode, layout: Layout) -> str:
    """Return the page's answer as JSON: values as printed, null where the rules find nothing."""
    if not layout.words:
        return json.dumps(empty_answer(root))
    reader = _Rules(root, layout)
    return json.dumps(reader.answer(root), ensure_ascii=False)


def lists_by_rules(root: GroupNode, layouts: Sequence[Layout | None]) -> list[str]:
    """Return each page's lists as JSON, header fields null: read over all pages where their columns are the same."""
    lists = [child for child in root.children if isinstance(child, RowsNode)]
    booked = {node.path: _booked(node, layouts) for node in lists}
    others = [node for node in lists if booked[node.path] is None]
    answers: list[str] = []
    for number, layout in enumerate(layouts):
        answer = empty_answer(root)
        assert isinstance(answer, dict), root.name
        if layout is not None and layout.words and others:
            said = _Rules(root, layout).answer(root)
            assert isinstance(said, dict), root.name
            answer |= {node.name: said[node.name] for node in others}
        for node in lists:
            pages = booked[node.path]
            if pages is not None:
                answer[node.name] = pages[number]
        answers.append(json.dumps(answer, ensure_ascii=False))
    return answers


def _booked(node: RowsNode, layouts: Sequence[Layout | None]) -> list[list[dict[str, str | None]]] | None:
    """The rows of a list of bookings by page; None where it is none."""
    account = account_of(node)
    pages = read_bookings(layouts, account) if account is not None else None
    if pages is None:
        return None
    return [[{child.name: row.get(child.path) for child in node.row.children} for row in rows] for rows in pages]


class _Rules:
    """One page's rules, in the order in which they know best: tables, totals, parties, labels, kinds."""

    def __init__(self, root: GroupNode, layout: Layout) -> None:
        self._root = root
        self._page = RulePage(layout, root)
        lists = [child for child in root.children if isinstance(child, RowsNode)]
        headings = {node.path: find_heading(self._page, node) for node in lists}
        self._header_words = frozenset(index for heading in headings.values() if heading for index in heading.words)
        totals = summing_leaves(root)
        parties = party_groups(root)
        self._values: dict[str, Value] = read_totals(self._page, totals, self._header_words)
        self._values |= read_parties(self._page, parties)
        self._settled = {leaf.path for leaf in totals.values()} | {group.path for group in parties}
        self._grand = [leaf.path for role, leaf in totals.items() if role is Role.GRAND]
        stops = self._stops()
        self._rows = {node.path: self._read_rows(node, headings[node.path], stops) for node in lists}
        self._booked = {node.path: _booked(node, [layout]) for node in lists}

    def answer(self, node: Node) -> object:
        """The node's part of the answer."""
        if isinstance(node, LeafNode):
            return self._leaf(node)
        if isinstance(node, RowsNode):
            if booked := self._booked[node.path]:
                return booked[0]
            return [self._row(node, cells) for cells in self._rows.get(node.path, [])]
        return {child.name: self.answer(child) for child in node.children}

    def _row(self, node: RowsNode, cells: dict[str, Value]) -> dict[str, str | None]:
        return {child.name: cells[child.path].text if child.path in cells else None for child in node.row.children}

    def _read_rows(self, node: RowsNode, heading: Heading | None, stops: list[Box]) -> list[dict[str, Value]]:
        rows = read_rows(self._page, node, heading, stops=stops)
        return rows or rows_without_heading(self._page, node, stops)

    def _leaf(self, leaf: LeafNode) -> str | None:
        if leaf.leaf.kind is Kind.CHOICE:
            return checked_choice(self._page, leaf)
        if leaf.path not in self._values and not self._is_settled(leaf):
            value = read_labelled(self._page, leaf, self._header_words) or self._unlabelled(leaf)
            if value is not None:
                self._values[leaf.path] = value
        found = self._values.get(leaf.path)
        return found.text if found else None

    def _is_settled(self, leaf: LeafNode) -> bool:
        return leaf.path in self._settled or leaf.path.rpartition(".")[0] in self._settled

    def _unlabelled(self, leaf: LeafNode) -> Value | None:
        """What can be told without a label, by kind and place."""
        if other_end := self._other_end(leaf):
            return other_end
        if leaf.leaf.checksum == "currency":
            return commonest_currency(self._page, leaf)
        if leaf.leaf.checksum in _SELF_EVIDENT:
            return next(iter(self._page.placed(leaf)), None)
        if leaf.leaf.kind is Kind.DATE:
            return self._unlabelled_date(leaf)
        if role_of(leaf) is Role.DUE:
            return next((self._values[path] for path in self._grand if path in self._values), None)
        if leaf.leaf.kind is Kind.TEXT and not leaf.hint.labels:
            readers = {Role.NAME: head_name, Role.STREET: head_address}
            role = role_of(leaf)
            return readers[role](self._page) if role in readers else None
        return None

    def _other_end(self, leaf: LeafNode) -> Value | None:
        """What is joined to the value of a field that means the other end of the same range."""
        if range_end_of(leaf) is None:
            return None
        known = (one for one in leaves(self._root) if one.leaf == leaf.leaf and one.path in self._values)
        ends = (partner(self._page, leaf, other, self._values[other.path]) for other in known)
        return next((end for end in ends if end is not None), None)

    def _unlabelled_date(self, leaf: LeafNode) -> Value | None:
        """The document's own date is the first; the day to pay by may follow it on its line."""
        dates = [node for node in self._root.children if isinstance(node, LeafNode) and node.leaf.kind is Kind.DATE]
        if leaf in dates[1:]:
            before = self._values.get(dates[dates.index(leaf) - 1].path)
            return date_after(self._page, leaf, before) if before and is_due(leaf) else None
        number = self._number()
        if number is None:
            return next(iter(self._page.placed(leaf)), None)
        return dated_with_number(self._page, leaf, number)

    def _number(self) -> LeafNode | None:
        """The schema's first number, which is the document's own."""
        leaves = (node for node in self._root.children if isinstance(node, LeafNode))
        return next((leaf for leaf in leaves if role_of(leaf) is Role.NUMBER), None)

    def _stops(self) -> list[Box]:
        """Labels of the schema's own amounts: below the first of them there are no rows."""
        amounts = [n for n in self._root.children if isinstance(n, LeafNode) and n.leaf.kind is Kind.MONEY]
        labels = [label for leaf in amounts for label in self._page.labels_of(leaf)]
        return [label.box for label in labels if label.is_whole and not self._header_words & set(label.words)]
