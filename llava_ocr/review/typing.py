"""From what a person types to the value that a field holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from llava_ocr.errors import InputError
from llava_ocr.grounding.codes import PROVING
from llava_ocr.grounding.typed import Conventions, parse
from llava_ocr.records import Evidence, FieldReading, FieldState
from llava_ocr.schema import DocumentSchema, Kind, LeafNode, leaves, tree

_EXAMPLES = {Kind.MONEY: "1234.50", Kind.NUMBER: "1234.5", Kind.DATE: "2026-01-31"}


class BadValue(InputError):
    """What was typed is no value of the field."""

    hint = "Amounts are written 1234.50, days 2026-01-31."


def leaf_at(schema: type[DocumentSchema], name: str) -> LeafNode:
    """Return the field of this path in the schema (`lines[].line_total`). Raises BadValue."""
    found = next((leaf for leaf in leaves(tree(schema)) if leaf.path == name), None)
    if found is None:
        raise BadValue("the schema has no such field")
    return found


def typed_reading(
    path: str, leaf: LeafNode, text: str, *, conventions: Conventions, evidence: Evidence | None
) -> FieldReading:
    """Return the reading that a person's text makes. Raises BadValue where it is no such thing, or two things."""
    printed = " ".join(text.split())
    if not printed:
        raise BadValue("type a value, or say that it is not on the page")
    if leaf.leaf.kind is Kind.CHOICE and printed not in leaf.choices:
        raise BadValue(f"choose one of {', '.join(leaf.choices)}")
    typed = parse(printed, leaf.leaf, conventions)
    if typed.value is None:
        raise BadValue(_what_is_wrong(leaf, typed.candidates))
    return FieldReading(path, FieldState.VALUE, printed, typed.value, 1.0, evidence)


def _what_is_wrong(leaf: LeafNode, candidates: Iterable[str]) -> str:
    meant = " or ".join(candidates)
    if meant:
        return f"that could mean {meant}; write it out"
    if leaf.leaf.checksum in PROVING:
        return "its check digits are wrong; if it is printed so, say that it can't be read"
    example = _EXAMPLES.get(leaf.leaf.kind)
    return f"that is no {leaf.leaf.kind.value}" + (f"; write it like {example}" if example else "")
