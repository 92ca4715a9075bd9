"""Totals by arithmetic: of the amounts on a page, those where net and tax make the grand total. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from llava_ocr.grounding.typed import Conventions, parse
from llava_ocr.rulebook.fields import REACH_BELOW, gap_below, near
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.roles import Role, amount_role, role_of
from llava_ocr.schema import GroupNode, Kind, LeafNode
from llava_ocr.words.layout import Segment

SUMMANDS = (Role.NET, Role.TAX, Role.GRAND)
# Tax of goods and services is at most this share of the net price anywhere.
MAX_TAX_RATE = Decimal("0.30")
# What an amount costs that no label speaks of; one that a label speaks of costs less, by its distance.
UNLABELLED = 2.0
# What one costs whose caption speaks of its role in words that the schema does not have.
CAPTION = 0.5
# Nothing that a label or caption speaks of costs more.
CAPTIONED = 1.9
# Without a sum to prove it, an amount must be as near to its label as this.
SURE = 0.35


def summing_leaves(group: GroupNode) -> dict[Role, LeafNode]:
    """The group's own fields that add up, the first of each role."""
    found: dict[Role, LeafNode] = {}
    for child in group.children:
        if isinstance(child, LeafNode) and child.leaf.kind is Kind.MONEY:
            role = role_of(child)
            if role in SUMMANDS and role is not None:
                found.setdefault(role, child)
    return found


def read_totals(page: RulePage, leaves: Mapping[Role, LeafNode], header_words: frozenset[int]) -> dict[str, Value]:
    """Return values by path: the sum that labels speak for most, else what the labels say.

    A sum may choose among the amounts beside a label and fill in one without, but not replace what a label says: a
    total that does not add up is what is printed, and the schema's checks will remark on it.
    """
    costs = {role: _costs(page, leaf, header_words) for role, leaf in leaves.items()}
    if all(role in leaves for role in SUMMANDS) and (best := _best_sum(page, leaves, costs)):
        return {leaves[role].path: value for role, value in zip(SUMMANDS, best, strict=True)}
    limit = SURE if len(leaves) > 1 else UNLABELLED
    labelled = {role: _cheapest(found) for role, found in costs.items() if found}
    return {leaves[role].path: value for role, value in labelled.items() if costs[role][value] <= limit}


def _costs(page: RulePage, leaf: LeafNode, header_words: frozenset[int]) -> dict[Value, float]:
    costs: dict[Value, float] = {}
    for label in page.labels_of(leaf):
        if not header_words & set(label.words):
            for cost, value in near(page, label, leaf):
                costs[value] = min(cost, costs.get(value, cost))
    for segment in page.segments:
        if amount_role(_caption(segment.text)) is role_of(leaf) and not header_words & set(segment.words):
            for value in _beside(page, leaf, segment):
                costs.setdefault(value, CAPTION + 0.1 * (1 - value.box.y0))
    return costs


def _caption(text: str) -> str:
    """What stands before the first figure of a segment."""
    return re.split(r"\d", text, maxsplit=1)[0]


def _beside(page: RulePage, leaf: LeafNode, segment: Segment) -> list[Value]:
    """The last amount to the right of a caption, or those right below it."""
    line = page.layout.lines[segment.line]
    on_line = [v for v in page.placed(leaf) if v.words[0] in line.words and v.box.x1 > segment.box.x0]
    if on_line:
        return on_line[-1:]
    gaps = ((gap_below(segment.box, value.box), value) for value in page.placed(leaf))
    return [value for gap, value in gaps if gap is not None and gap < REACH_BELOW]


def _cheapest(costs: Mapping[Value, float]) -> Value:
    return min(costs, key=lambda value: costs[value])


def _best_sum(
    page: RulePage, leaves: Mapping[Role, LeafNode], costs: Mapping[Role, Mapping[Value, float]]
) -> tuple[Value, ...] | None:
    amounts = _by_amount(page, leaves[Role.GRAND])
    limits = _limits(page, leaves, costs)
    ranked: list[tuple[float, Decimal, tuple[Value, ...]]] = []
    for triple in _sums(sorted(amounts)):
        chosen = [_cheapest_of(amounts[amount], costs[role]) for amount, role in zip(triple, SUMMANDS, strict=True)]
        if any(cost > limits.get(role, math.inf) for (cost, _), role in zip(chosen, SUMMANDS, strict=True)):
            continue
        cost = sum(cost for cost, _ in chosen)
        # One label at least must speak for a sum: columns of prices hold many by chance.
        if cost < len(SUMMANDS) * UNLABELLED:
            ranked.append((round(cost, 3), -triple[2], tuple(value for _, value in chosen)))
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _limits(
    page: RulePage, leaves: Mapping[Role, LeafNode], costs: Mapping[Role, Mapping[Value, float]]
) -> dict[Role, float]:
    """What an amount of a sum must cost less than, by role: where labels speak, none that nothing speaks of.

    Where the labels of all roles speak of one amount each, these stand.
    """
    conventions = Conventions([page.layout])
    named = {
        role: {parse(value.text, leaves[role].leaf, conventions).value for value, cost in found.items() if cost <= SURE}
        for role, found in costs.items()
    }
    limit = SURE if all(len(named.get(role, ())) == 1 for role in SUMMANDS) else CAPTIONED
    return {role: limit for role, amounts in named.items() if amounts}


def _by_amount(page: RulePage, leaf: LeafNode) -> dict[Decimal, list[Value]]:
    conventions = Conventions([page.layout])
    amounts: dict[Decimal, list[Value]] = {}
    for value in page.placed(leaf):
        amount = parse(value.text, leaf.leaf, conventions).value
        if isinstance(amount, Decimal) and any(mark in value.text for mark in ".,"):
            amounts.setdefault(amount, []).append(value)
    return amounts


def _sums(amounts: Sequence[Decimal]) -> Iterator[tuple[Decimal, Decimal, Decimal]]:
    """Yield (net, tax, grand) with net + tax = grand and a tax that could be one."""
    known = set(amounts)
    for net in amounts:
        for tax in amounts:
            if net and abs(tax) <= MAX_TAX_RATE * abs(net) and tax * net >= 0 and net + tax in known:
                yield net, tax, net + tax


def _cheapest_of(values: Sequence[Value], costs: Mapping[Value, float]) -> tuple[float, Value]:
    # Of equal amounts the lowest on the page is the total; the others are its parts.
    best = min(reversed(values), key=lambda value: costs.get(value, UNLABELLED))
    return costs.get(best, UNLABELLED), best
