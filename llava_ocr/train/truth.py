"""Truth in this project's format: what a document says, one JSON object a line beside the files.

`{"file": "a.pdf", "type": "invoice", "fields": {...}, "visible": {...}}` as `llava-ocr synth` writes it. A field that
is null is not on the document; one that is missing is not known and is not asked for; `visible` false (for a field or
a group) says that a value does not stand on the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llava_ocr.catalog import Catalog
from llava_ocr.errors import BadTrainingData, UnknownSchema
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode, tree
from llava_ocr.train.conversations import items
from llava_ocr.train.questions import pattern_of

TRUTH_NAME = "truth.jsonl"


@dataclass(frozen=True)
class TrueRow:
    """One row of a list: its concrete path (`lines[2]`) and its leaves' values by concrete path."""

    path: str
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Truth:
    """What a document says. `values` are the single leaves, `rows` those of its lists; None is "not on the document".

    `unasked` are the schema's paths (`lines[].amount`) that nothing is known of, or that do not stand on the page.
    """

    root: GroupNode
    values: Mapping[str, str | None]
    rows: tuple[TrueRow, ...]
    unasked: frozenset[str]


@dataclass(frozen=True)
class TrueDocument:
    """A file with its truth; `where` names the line that says so."""

    file: Path
    truth: Truth
    where: str


def read_truth(path: Path, catalog: Catalog) -> list[TrueDocument]:
    """Read a truth file; documents lie relative to it. Raises BadTrainingData with the line at fault."""
    found = [_document(item, path, f"{path}, line {line}", catalog) for line, item in items(path)]
    if not found:
        raise BadTrainingData(f"{path}: holds no document")
    return found


def truth_of(root: GroupNode, fields: Mapping[str, Any], visible: Mapping[str, Any], *, where: str) -> Truth:
    """Take the fields of one document apart. Raises BadTrainingData where they are not of the schema's shape."""
    flat = dict(_flat(root, fields, "", where))
    hidden = {path for path in flat if flat[path] is not None and _is_hidden(path, visible)}
    asked = {pattern_of(path) for path in flat} - {pattern_of(path) for path in hidden}
    listed = {name for name in fields if any(child.name == name for child in root.children)}
    unasked = {leaf for leaf in _leaf_paths(root) if leaf not in asked and not _is_empty_list(leaf, fields, listed)}
    single = {path: value for path, value in flat.items() if "[" not in path}
    rows: dict[str, dict[str, str | None]] = {}
    for path, value in flat.items():
        if "[" in path:
            rows.setdefault(path[: path.rindex("]") + 1], {})[path] = value
    return Truth(root, single, tuple(TrueRow(path, values) for path, values in rows.items()), frozenset(unasked))


def _document(item: Any, path: Path, where: str, catalog: Catalog) -> TrueDocument:
    if not isinstance(item, dict) or not isinstance(item.get("fields"), dict):
        raise BadTrainingData(f'{where}: is no object with "file", "type" and "fields"')
    file, visible = item.get("file"), item.get("visible", {})
    if not isinstance(file, str) or not (path.parent / file).is_file():
        raise BadTrainingData(f'{where}: there is no such "file" beside the truth')
    if not isinstance(visible, dict):
        raise BadTrainingData(f'{where}: "visible" is no object')
    try:
        schema = catalog.get(str(item.get("type")))
    except UnknownSchema as error:
        raise BadTrainingData(f'{where}: "type": {error}') from None
    return TrueDocument(path.parent / file, truth_of(tree(schema), item["fields"], visible, where=where), where)


def _flat(node: GroupNode, fields: Any, path: str, where: str) -> Iterator[tuple[str, str | None]]:
    if not isinstance(fields, dict):
        raise BadTrainingData(f"{where}: {path or 'fields'} is no object")
    children = {child.name: child for child in node.children}
    if unknown := [name for name in fields if name not in children]:
        raise BadTrainingData(f"{where}: {path or 'fields'} has {len(unknown)} names that are not the schema's")
    for name, value in fields.items():
        yield from _flat_child(children[name], value, f"{path}.{name}" if path else name, where)


def _flat_child(node: Node, value: Any, path: str, where: str) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, LeafNode):
        if isinstance(value, (dict, list)):
            raise BadTrainingData(f"{where}: {path} holds one value, not several")
        yield path, None if value is None else str(value)
    elif isinstance(node, RowsNode):
        if not isinstance(value, list | None):
            raise BadTrainingData(f"{where}: {path} is no list")
        for number, row in enumerate(value or []):
            yield from _flat(node.row, row, f"{path}[{number}]", where)
    elif value is None:
        yield from ((f"{path}.{leaf.removeprefix(node.path + '.')}", None) for leaf in _leaf_paths(node))
    else:
        yield from _flat(node, value, path, where)


def _leaf_paths(node: Node) -> Iterator[str]:
    if isinstance(node, LeafNode):
        yield node.path
    elif isinstance(node, RowsNode):
        yield from _leaf_paths(node.row)
    else:
        for child in node.children:
            yield from _leaf_paths(child)


def _is_hidden(path: str, visible: Mapping[str, Any]) -> bool:
    """Whether a flag for the path, or for a group that it is in, is false."""
    parts = pattern_of(path).replace("[]", "").split(".")
    return any(visible.get(".".join(parts[:end])) is False for end in range(1, len(parts) + 1)) or (
        visible.get(path) is False
    )


def _is_empty_list(leaf: str, fields: Mapping[str, Any], listed: set[str]) -> bool:
    """Whether the leaf is of a list that the document says is empty: then it is known, and asked for."""
    name = leaf.split("[]")[0]
    return "[]" in leaf and name in listed and not fields[name]
