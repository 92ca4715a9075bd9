"""A truth's fields in terms of a schema, and which of them its flags vouch for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from llava_ocr.evaluation.aliases import COLUMNS, FIELDS, FLAGS
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode, leaves

Row = Mapping[str, str | None]
Rows = tuple[Row, ...]
# What says whom a group is about; the rest of it may stand on the page or not.
_NAME = "name"


@dataclass(frozen=True)
class Facts:
    """Header leaves by path, lists by path with their rows' cells by name, and names that the schema does not have."""

    leaves: dict[str, str | None] = field(default_factory=dict)
    lists: dict[str, Rows] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def facts_of(fields: Mapping[str, Any], root: GroupNode) -> Facts:
    """Read a truth's fields by the schema's names, and by other names where it has not those."""
    nodes = _nodes(root)
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for name, fact in _by_name(fields, ""):
        path = name if name in nodes else _alias(name, FIELDS, nodes)
        if not path:
            unknown.append(name)
        elif found.get(path) is None:
            found[path] = fact
    lists = {path: _rows(fact, nodes[path]) for path, fact in found.items() if isinstance(nodes[path], RowsNode)}
    scalars = {path: _text(fact) for path, fact in found.items() if isinstance(nodes[path], LeafNode)}
    ordered = {path: scalars[path] for path in nodes if path in scalars}
    return Facts(ordered, lists, tuple(dict.fromkeys(unknown)))


def vouched_for(flags: Mapping[str, Any], root: GroupNode, *, is_complete: bool) -> frozenset[str]:
    """The paths of leaves and lists whose flag is true. A flag may be a share of a list's rows: all, or it is false.

    A flag on a group vouches for its name alone, unless the truth is complete: that a party stands on the page does
    not say that each part of its address does.
    """
    nodes = _nodes(root)
    found: set[str] = set()
    for name, flag in _by_name(flags, ""):
        path = name if name in nodes else _alias(name, FLAGS, nodes) or _alias(name, FIELDS, nodes)
        if path and flag == 1:
            found |= set(_covered(nodes[path], is_complete=is_complete))
    return frozenset(found)


def _by_name(fields: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Every entry by its dotted name, groups opened."""
    for name, fact in fields.items():
        if isinstance(fact, Mapping):
            yield from _by_name(fact, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", fact


def _nodes(root: GroupNode) -> dict[str, Node]:
    """Every node of the schema by path, but for what lies inside rows."""
    found: dict[str, Node] = {}
    for child in root.children:
        found[child.path] = child
        if isinstance(child, GroupNode):
            found |= _nodes(child)
    return found


def _alias(name: str, table: Mapping[str, tuple[str, ...]], nodes: Mapping[str, Node]) -> str:
    return next((path for path in table.get(name, ()) if path in nodes), "")


def _covered(node: Node, *, is_complete: bool) -> Iterator[str]:
    if not isinstance(node, GroupNode):
        yield node.path
        return
    named = [child for child in node.children if child.name == _NAME]
    for child in named if named and not is_complete else node.children:
        yield from _covered(child, is_complete=is_complete)


def _rows(fact: Any, node: Node) -> Rows:
    """The rows of a list that have anything in the schema's columns."""
    assert isinstance(node, RowsNode), node
    start = len(node.row.path) + 1
    columns = {leaf.path[start:] for leaf in leaves(node.row)}
    rows = []
    for entry in fact if isinstance(fact, list) else ():
        row: dict[str, str | None] = {}
        for name, cell in _by_name(entry, "") if isinstance(entry, Mapping) else ():
            column = name if name in columns else next((c for c in COLUMNS.get(name, ()) if c in columns), "")
            if column and row.get(column) is None:
                row[column] = _text(cell)
        if row:
            rows.append(row)
    return tuple(rows)


def _text(fact: Any) -> str | None:
    """A scalar as text, all digits kept; anything else is unknown."""
    if isinstance(fact, Decimal):
        return f"{fact:f}"
    if isinstance(fact, str):
        return fact.strip() or None
    return str(fact) if isinstance(fact, int) and not isinstance(fact, bool) else None
