"""Painted orders and dense lists: rows that add up, schemas that fit them."""

from decimal import Decimal
from functools import cache
from typing import Any

from llava_ocr.catalog import Catalog
from llava_ocr.schema import RowsNode
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.dense import paint_list
from llava_ocr.synth.order import paint_order

SEEDS = range(30)


@cache
def lists() -> tuple[PaintedDocument, ...]:
    return tuple(paint_list(seed) for seed in SEEDS)


def rows_of(document: PaintedDocument) -> list[dict[str, Any]]:
    assert document.root is not None
    [rows] = [child for child in document.root.children if isinstance(child, RowsNode)]
    listed: list[dict[str, Any]] = document.truth[rows.name]
    return listed


def test_lists_are_dense() -> None:
    assert max(len(rows_of(document)) for document in lists()) > 30
    assert max(len(rows_of(document)[0]) for document in lists()) >= 8
    assert sum(page.width_pt > page.height_pt for document in lists() for page in document.pages) > 5


def test_stock_is_worth_what_its_units_cost() -> None:
    checked = 0
    for document in lists():
        for row in rows_of(document):
            if all(row.get(name) for name in ("on_hand", "unit_cost", "stock_value")):
                product = Decimal(row["on_hand"]) * Decimal(row["unit_cost"])
                assert abs(product - Decimal(row["stock_value"])) <= Decimal("0.005")
                checked += 1
    assert checked


def test_totals_are_the_sums_of_their_columns() -> None:
    checked = 0
    for document in lists():
        for path, total in document.truth.items():
            column = path.removeprefix("total_")
            if path.startswith("total_") and total and column in rows_of(document)[0]:
                assert sum(Decimal(row[column] or 0) for row in rows_of(document)) == Decimal(total)
                checked += 1
    assert checked


def test_some_cells_are_empty() -> None:
    assert any(cell is None for document in lists() for row in rows_of(document) for cell in row.values())


def test_an_orders_truth_passes_every_check_of_its_schema() -> None:
    schema = Catalog().get("purchase_order")
    for seed in SEEDS:
        order = schema.model_validate(paint_order(seed).truth)
        found = {finding.check for check in schema.checks for finding in check(order)}
        # Discounts and charges on the whole stand between the lines and the total.
        assert found <= {"lines_sum", "line_product"}


def test_orders_are_issued_by_the_buyer() -> None:
    for seed in SEEDS:
        document = paint_order(seed)
        assert document.truth["buyer"]["name"] == document.origin.issuer
