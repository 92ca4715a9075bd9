"""Edges of columns: where in a page's width many things begin or end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median


class Edges(Enum):
    """How far apart the edges of one column's entries may lie, in page widths."""

    LEFT = 0.008
    RIGHT = 0.006


@dataclass(frozen=True, slots=True)
class Column:
    """An edge that `count` entries share."""

    edge: float
    count: int


def clusters(found: Sequence[float], edges: Edges) -> list[Column]:
    """Gather edges that lie close, from the left."""
    groups: list[list[float]] = []
    for x in sorted(found):
        if groups and x - groups[-1][-1] <= edges.value:
            groups[-1].append(x)
        else:
            groups.append([x])
    return [Column(median(group), len(group)) for group in groups]
