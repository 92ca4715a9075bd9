"""The shape of each painted document type's truth, and filling it from paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llava_ocr.schema import LeafNode, Node, RowsNode

PARTY = ("name", "vat_id", "street", "postcode", "city", "country")
# Leaves in schema order; a nested tuple is a group, `[]` at a name's end a list of rows.
Shape = tuple[str | tuple[str, tuple[str, ...]], ...]
SHAPES: dict[str, Shape] = {
    "invoice": (
        "invoice_number",
        "issue_date",
        "due_date",
        "currency",
        ("seller", PARTY),
        ("buyer", PARTY),
        "net_total",
        "tax_total",
        "grand_total",
        "due_amount",
        "iban",
        ("lines[]", ("description", "quantity", "unit_price", "line_total")),
    ),
    "purchase_order": (
        "order_number",
        "order_date",
        "delivery_date",
        "currency",
        ("buyer", PARTY),
        ("supplier", PARTY),
        "net_total",
        "tax_total",
        "grand_total",
        ("lines[]", ("description", "quantity", "unit_price", "line_total", "article_number")),
    ),
    "statement": (
        "account_holder",
        "bank_name",
        "iban",
        "currency",
        "period_start",
        "period_end",
        "opening_balance",
        "closing_balance",
        ("entries[]", ("date", "description", "amount", "balance")),
    ),
    "receipt": (
        "merchant_name",
        "merchant_address",
        "date",
        "total",
        ("lines[]", ("description", "quantity", "unit_price", "line_total")),
    ),
}
_ROW = re.compile(r"(\w+)\[(\d+)\]\.")


def fill_shape(schema: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Nest `values` by path into the schema's shape; what is not there is None, rows are as many as are named."""
    truth: dict[str, Any] = {}
    for entry in SHAPES[schema]:
        if isinstance(entry, str):
            truth[entry] = values.get(entry)
            continue
        name, leaves = entry
        if name.endswith("[]"):
            name = name.removesuffix("[]")
            truth[name] = [
                {leaf: values.get(f"{name}[{i}].{leaf}") for leaf in leaves} for i in range(_num_rows(name, values))
            ]
        else:
            truth[name] = {leaf: values.get(f"{name}.{leaf}") for leaf in leaves}
    return truth


def _num_rows(name: str, values: Mapping[str, str]) -> int:
    found = (_ROW.match(path) for path in values)
    return max((int(match[2]) + 1 for match in found if match and match[1] == name), default=0)


def fill_tree(node: Node, values: Mapping[str, str], *, path: str = "") -> Any:
    """Nest `values` by concrete path into a schema's tree; rows are as many as are named."""
    if isinstance(node, LeafNode):
        return values.get(path)
    if isinstance(node, RowsNode):
        return [fill_tree(node.row, values, path=f"{path}[{i}]") for i in range(_num_rows(path, values))]
    prefix = f"{path}." if path else ""
    return {child.name: fill_tree(child, values, path=f"{prefix}{child.name}") for child in node.children}
