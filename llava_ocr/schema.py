"""How a document type is stated: one Pydantic class. Everything else is derived from what this module says of it.

A schema file looks like this::

    class Receipt(DocumentSchema):
        \"\"\"A shop's receipt.\"\"\"

        merchant_name: Text | None = read("The shop's name, usually the first line", labels=())
        date: Date | None = read("Day of the purchase", labels=("Date", "Datum"))
        total: Money | None = read("Amount paid", labels=("Total", "Summe"))
        lines: list[ReceiptLine] = rows("What was bought", max_rows=60)

Every leaf may be absent, because absence is something a page can say; "required" is not a property of a field.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from llava_ocr.errors import BadSchema
from llava_ocr.records import Finding


class Kind(StrEnum):
    """What a leaf holds, which decides its grammar, its parser and its comparer."""

    TEXT = "text"
    MONEY = "amount"
    NUMBER = "number"
    DATE = "date"
    CODE = "code"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Leaf:
    """The annotation behind `Text`, `Money`, ...: a kind, and for codes a pattern and a checksum.

    `pattern` is a regular expression for the code without spaces; `checksum` names a function of
    `llava_ocr.grounding.codes` (`iban`, ...) that a printed candidate must pass.
    """

    kind: Kind
    pattern: str = ""
    checksum: str = ""


def code(pattern: str, *, checksum: str = "") -> Leaf:
    """Make a leaf for identifiers of a known shape: `Annotated[str, code("[A-Z]{2}[0-9]{9}")]`."""
    return Leaf(Kind.CODE, pattern=pattern, checksum=checksum)


Text = Annotated[str, Leaf(Kind.TEXT)]
Money = Annotated[Decimal, Leaf(Kind.MONEY)]
Number = Annotated[Decimal, Leaf(Kind.NUMBER)]
Date = Annotated[date, Leaf(Kind.DATE)]
Currency = Annotated[str, code("[A-Z]{3}", checksum="currency")]
Country = Annotated[str, code("[A-Z]{2}", checksum="country")]
Vat = Annotated[str, code("(EU|[A-Z]{2})[0-9A-Z]{5,12}|CHE[0-9]{9}(MWST|TVA|IVA)?", checksum="vat")]
Iban = Annotated[str, code("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", checksum="iban")]


def leaf_of(annotation: Any) -> Leaf:
    """The leaf behind one of the types above."""
    return next(item for item in get_args(annotation)[1:] if isinstance(item, Leaf))


@dataclass(frozen=True, slots=True)
class Hint:
    """What the prompt says of a field: a description and labels as they are printed on pages."""

    text: str
    labels: tuple[str, ...] = ()
    max_rows: int = 0


def read(hint: str, *, labels: Sequence[str] = ()) -> Any:
    """Declare a leaf that is None unless the page says otherwise."""
    return Field(default=None, description=hint, json_schema_extra={"labels": list(labels)})


def group(part: type[DocumentPart], hint: str, *, labels: Sequence[str] = ()) -> Any:
    """Declare a group of fields (a party, an address): `seller: Party = group(Party, "Who is paid")`."""
    return Field(default_factory=part, description=hint, json_schema_extra={"labels": list(labels)})


def rows(hint: str, *, labels: Sequence[str] = (), max_rows: int = 100) -> Any:
    """Declare a list of rows; `max_rows` bounds what one answer (one page) may hold."""
    extra: dict[str, Any] = {"labels": list(labels), "max_rows": max_rows}
    return Field(default_factory=list, description=hint, json_schema_extra=extra)


Check = Callable[[Any], Iterator[Finding]]


class DocumentPart(BaseModel):
    """A group of fields inside a schema: a party, a row."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DocumentSchema(DocumentPart):
    """Base of every document type. The class name in snake case is the schema's name; the docstring its description.

    Raise `schema_version` when the meaning of a field changes. `checks` are cross-field rules that yield findings.
    """

    schema_version: ClassVar[int] = 1
    checks: ClassVar[tuple[Check, ...]] = ()
    # Fields whose values together name the same business document (used to link duplicates).
    business_key: ClassVar[tuple[str, ...]] = ()
    # Fields that an e-invoice has, by their term of EN 16931: {"invoice_number": "BT-1"}; see `llava_ocr.einvoice`.
    terms: ClassVar[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LeafNode:
    """A field that holds one value. `path` has `[]` for rows: `lines[].line_total`."""

    path: str
    name: str
    leaf: Leaf
    hint: Hint
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupNode:
    """An object of fields: the schema itself, a party."""

    path: str
    name: str
    hint: Hint
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class RowsNode:
    """A list of groups; `row` is the group that one row is."""

    path: str
    name: str
    hint: Hint
    row: GroupNode


Node = LeafNode | GroupNode | RowsNode


def schema_name(schema: type[DocumentSchema]) -> str:
    """Return the name a schema goes by: `PurchaseOrder` is `purchase_order`."""
    name = schema.__name__
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


@lru_cache(maxsize=256)
def tree(schema: type[DocumentSchema]) -> GroupNode:
    """Return the schema as a tree of nodes in field order. Raises BadSchema where an annotation is not allowed."""
    return _group(schema, path="", name=schema_name(schema), hint=Hint((schema.__doc__ or "").strip().split("\n")[0]))


def leaves(node: Node) -> Iterator[LeafNode]:
    """Yield every leaf below `node` in field order; rows count once."""
    if isinstance(node, LeafNode):
        yield node
    elif isinstance(node, RowsNode):
        yield from leaves(node.row)
    else:
        for child in node.children:
            yield from leaves(child)


def without_lists(root: GroupNode) -> GroupNode:
    """Return the tree with its lists of rows left off."""
    return replace(root, children=tuple(child for child in root.children if not isinstance(child, RowsNode)))


def lists_only(root: GroupNode) -> GroupNode:
    """Return the tree with nothing but its lists of rows."""
    return replace(root, children=tuple(child for child in root.children if isinstance(child, RowsNode)))


def fingerprint(schema: type[DocumentSchema], *, prompt_version: str) -> str:
    """Hash all of a schema that can change an answer: version, JSON schema, prompt."""
    shape = json.dumps(schema.model_json_schema(), sort_keys=True, default=str)
    return hashlib.sha256(f"{schema.schema_version}\n{prompt_version}\n{shape}".encode()).hexdigest()[:16]


def _group(part: type[BaseModel], *, path: str, name: str, hint: Hint) -> GroupNode:
    children = tuple(_node(part, child, info, path=path) for child, info in part.model_fields.items())
    if not children:
        raise BadSchema(f"{part.__name__}: has no fields")
    return GroupNode(path, name, hint, children)


def _node(part: type[BaseModel], name: str, info: FieldInfo, *, path: str) -> Node:
    where = f"{path}.{name}" if path else name
    hint = _hint(info)
    annotation, leaf, is_optional = _unwrap(info)
    if get_origin(annotation) is list:
        (row,) = get_args(annotation)
        if not (isinstance(row, type) and issubclass(row, BaseModel)):
            raise BadSchema(f"{part.__name__}.{name}: a list must hold a DocumentPart, not {row!r}")
        group = _group(row, path=f"{where}[]", name=name, hint=hint)
        if any(isinstance(child, RowsNode) for child in group.children):
            raise BadSchema(f"{part.__name__}.{name}: a list inside a list can't be a table row; flatten it")
        return RowsNode(where, name, hint, group)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if is_optional:
            raise BadSchema(f"{part.__name__}.{name}: a group is always there; drop the `| None` and use `group(...)`")
        return _group(annotation, path=where, name=name, hint=hint)
    if not is_optional:
        raise BadSchema(f"{part.__name__}.{name}: add `| None = read(...)`; any field may be absent from a page")
    if leaf is not None:
        return LeafNode(where, name, leaf, hint)
    if get_origin(annotation) is Literal:
        choices = tuple(str(choice) for choice in get_args(annotation))
        return LeafNode(where, name, Leaf(Kind.CHOICE), hint, choices)
    raise BadSchema(
        f"{part.__name__}.{name}: {annotation!r} is not Text, Money, Number, Date, a code, a Literal or a part"
    )


def _hint(info: FieldInfo) -> Hint:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    labels = extra.get("labels", [])
    max_rows = extra.get("max_rows", 0)
    assert isinstance(labels, list) and isinstance(max_rows, int), extra
    return Hint(info.description or "", tuple(str(label) for label in labels), max_rows)


def _unwrap(info: FieldInfo) -> tuple[Any, Leaf | None, bool]:
    annotation = info.annotation
    leaf = next((item for item in info.metadata if isinstance(item, Leaf)), None)
    is_optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not types.NoneType]
        is_optional = len(members) < len(get_args(annotation))
        annotation = members[0] if len(members) == 1 else annotation
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
        leaf = next((item for item in metadata if isinstance(item, Leaf)), leaf)
    return annotation, leaf, is_optional
