"""A record as one flat row, for CSV and Parquet: columns as in the schema's view, and one for each list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llava_ocr.db.stored import StoredRecord, nested_values
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode

HEAD = ("document_id", "uri", "record_index", "run_id", "engine", "needs_review")
# Of the first that is the same, and what is the same about it; empty for the first itself.
SAME_AS = ("duplicate_of", "duplicate_kind")
# Every address where the same bytes lie.
ADDRESSES = "addresses"


def leaf_columns(group: GroupNode, prefix: str = "") -> Iterator[tuple[str, LeafNode]]:
    """Yield a group's leaves by column name, `seller.name` as `seller_name`; what is in lists is left out."""
    for child in group.children:
        if isinstance(child, LeafNode):
            yield f"{prefix}{child.name}", child
        elif isinstance(child, GroupNode):
            yield from leaf_columns(child, f"{prefix}{child.name}_")


def list_columns(node: Node, prefix: str = "") -> Iterator[tuple[str, RowsNode]]:
    """Yield the lists below a node by column name."""
    if isinstance(node, RowsNode):
        yield f"{prefix}{node.name}", node
    elif isinstance(node, GroupNode):
        inner = f"{prefix}{node.name}_" if node.path else ""
        for child in node.children:
            yield from list_columns(child, inner)


def flat_row(record: StoredRecord, root: GroupNode) -> dict[str, Any]:
    """Return typed values by column: the head, each leaf with its state and confidence, each list."""
    row: dict[str, Any] = {name: getattr(record, name) for name in HEAD}
    row |= dict.fromkeys(SAME_AS)
    if record.links:
        row |= {"duplicate_of": record.links[0].document_id, "duplicate_kind": record.links[0].kind.value}
    row[ADDRESSES] = list(record.addresses)
    fields = {field.path: field for field in record.fields}
    for name, leaf in leaf_columns(root):
        field = fields.get(leaf.path)
        row[name] = field.value if field else None
        row[f"{name}_state"] = field.state.value if field else None
        row[f"{name}_confidence"] = field.confidence if field else None
    values = nested_values(root, record.fields)
    return row | {name: _at(values, node.path) for name, node in list_columns(root)}


def _at(values: dict[str, Any], path: str) -> Any:
    found: Any = values
    for name in path.split("."):
        found = found[name]
    return found
