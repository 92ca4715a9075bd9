"""A record as one flat row, for CSV and Parquet: columns as in the schema's view, and one for each list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llava_ocr.db.stored import StoredRecord, nested_values
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode

HEAD = ("document_id", "uri", "record_index", "run_id", "engine", "needs_review")
ENDINGS = ("", "_state", "_confidence")


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


def flat_names(root: GroupNode) -> list[str]:
    """List the columns that `flat_row` gives, in its order."""
    of_leaves = [f"{name}{ending}" for name, _ in leaf_columns(root) for ending in ENDINGS]
    return [*HEAD, *of_leaves, *(name for name, _ in list_columns(root))]


def flat_row(record: StoredRecord, root: GroupNode) -> dict[str, Any]:
    """Return typed values by column: the head, each leaf with its state and confidence, each list."""
    row: dict[str, Any] = {name: getattr(record, name) for name in HEAD}
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
