from typing import Annotated, Literal

import pytest

from llava_ocr.errors import BadSchema
from llava_ocr.schema import (
    Date,
    DocumentPart,
    DocumentSchema,
    GroupNode,
    Kind,
    Money,
    RowsNode,
    Text,
    code,
    fingerprint,
    leaves,
    read,
    rows,
    schema_name,
    tree,
)


class Row(DocumentPart):
    description: Text | None = read("What")
    amount: Money | None = read("How much", labels=("Amount",))


class PurchaseOrder(DocumentSchema):
    """An order."""

    number: Annotated[str, code("[0-9]+")] | None = read("Its number", labels=("Order No.",))
    day: Date | None = read("Its day")
    kind: Literal["new", "change"] | None = read("New or changed")
    lines: list[Row] = rows("What is ordered", max_rows=7)


def test_a_schema_goes_by_its_class_name_in_snake_case() -> None:
    assert schema_name(PurchaseOrder) == "purchase_order"


def test_leaves_come_in_field_order_with_paths() -> None:
    paths = [leaf.path for leaf in leaves(tree(PurchaseOrder))]
    assert paths == ["number", "day", "kind", "lines[].description", "lines[].amount"]


def test_leaves_carry_kind_labels_pattern_and_choices() -> None:
    number, day, kind, *_ = leaves(tree(PurchaseOrder))
    assert (number.leaf.kind, number.leaf.pattern, number.hint.labels) == (Kind.CODE, "[0-9]+", ("Order No.",))
    assert day.leaf.kind is Kind.DATE
    assert kind.choices == ("new", "change")


def test_rows_know_how_many_fit_one_answer() -> None:
    *_, lines = tree(PurchaseOrder).children
    assert isinstance(lines, RowsNode)
    assert lines.hint.max_rows == 7
    assert isinstance(lines.row, GroupNode)


def test_an_empty_schema_validates_because_absence_is_a_state() -> None:
    assert PurchaseOrder().lines == []


def test_fingerprint_changes_with_a_hint_and_with_the_prompt() -> None:
    class Other(PurchaseOrder):
        number: Annotated[str, code("[0-9]+")] | None = read("Another hint", labels=("Order No.",))

    first = fingerprint(PurchaseOrder, prompt_version="1")
    assert first != fingerprint(PurchaseOrder, prompt_version="2")
    assert first != fingerprint(Other, prompt_version="1")


def test_a_field_that_may_not_be_absent_is_refused() -> None:
    class Strict(DocumentSchema):
        total: Money = read("Total")

    with pytest.raises(BadSchema, match=r"Strict\.total: add `\| None"):
        tree(Strict)


def test_a_list_in_a_row_is_refused() -> None:
    class Deep(DocumentPart):
        inner: list[Row] = rows("Inner")

    class Nested(DocumentSchema):
        lines: list[Deep] = rows("Outer")

    with pytest.raises(BadSchema, match="flatten"):
        tree(Nested)


def test_a_plain_type_is_refused_by_name() -> None:
    class Plain(DocumentSchema):
        count: int | None = read("Count")

    with pytest.raises(BadSchema, match=r"Plain\.count"):
        tree(Plain)
