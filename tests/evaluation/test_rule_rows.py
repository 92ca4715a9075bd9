import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.constrain.check import violations
from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.rulebook.answer import answer_by_rules
from llava_ocr.schema import tree
from llava_ocr.words.layout import Layout, lay_out
from schemas.invoice import Invoice
from tests.fakes import ASPECT, words_of

Goods = list[tuple[int, int]]
ROLES = ("quantity", "unit_price", "line_total")


def rows_of(text: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = json.loads(answer_by_rules(tree(Invoice), lay_out(words_of(text), aspect=ASPECT)))[
        "lines"
    ]
    return lines


def printed(cents: int, mark: str) -> str:
    return f"{cents // 100}{mark}{cents % 100:02d}"


def painted(columns: list[list[str]]) -> Layout:
    """A page without a heading: texts from the left, figures by their right edges."""
    words = []
    for column, texts in enumerate(columns):
        for row, text in enumerate(texts):
            width, right, top = 0.01 * len(text), 0.2 + 0.15 * column, 0.3 + 0.03 * row
            words.append(Word(text, Box(right - width, top, right, top + 0.012)))
    return lay_out(words, aspect=ASPECT)


goods = st.lists(st.tuples(st.integers(2, 60), st.integers(205, 9_999)), min_size=3, max_size=8, unique=True)


@given(goods, st.permutations(ROLES), st.sampled_from(".,"), st.booleans())
@settings(max_examples=40, deadline=None)
def test_columns_are_told_by_what_they_make_in_any_order(
    bought: Goods, order: list[str], mark: str, has_rate: bool
) -> None:
    cells = {
        "quantity": [str(quantity) for quantity, _ in bought],
        "unit_price": [printed(price, mark) for _, price in bought],
        "line_total": [printed(quantity * price, mark) for quantity, price in bought],
    }
    rate = [["19" for _ in bought]] if has_rate else []
    layout = painted([["Thing" for _ in bought], *rate, *(cells[name] for name in order)])
    rows = json.loads(answer_by_rules(tree(Invoice), layout))["lines"]
    assert [row["line_total"] for row in rows] == cells["line_total"]
    factors = [sorted((row["quantity"], row["unit_price"])) for row in rows]
    assert factors == [sorted(pair) for pair in zip(cells["quantity"], cells["unit_price"], strict=True)]
    assert violations(answer_by_rules(tree(Invoice), layout), tree(Invoice), layout) == ()


def test_a_price_may_be_for_a_hundred() -> None:
    rows = rows_of("Screws   250   4.80   100   12.00\nNails    300   2.10   100   6.30\n\nSum 18.30")
    assert [(row["quantity"], row["unit_price"], row["line_total"]) for row in rows] == [
        ("250", "4.80", "12.00"),
        ("300", "2.10", "6.30"),
    ]


def test_a_discount_in_percent_stands_between_price_and_total() -> None:
    [row] = rows_of("Blue chair   4   10.00   5 %   38.00")
    assert (row["description"], row["line_total"]) == ("Blue chair", "38.00")


def test_a_rate_of_tax_is_no_total() -> None:
    rows = rows_of("Blue chair   3   10.00   30.00   19\nLamp         2   5.50    11.00   19")
    assert [row["line_total"] for row in rows] == ["30.00", "11.00"]


def test_subtotals_and_taxes_are_no_rows() -> None:
    rows = rows_of(
        "Description          Qty       Price       Amount\n"
        "Blue chair           2         10.00       20.00\n"
        "Lamp                 1         5.50        5.50\n"
        "Carried over                               25.50\n"
        "Sum of items                               25.50\n"
        "Tax at twenty        1         5.10        4.10"
    )
    assert [row["line_total"] for row in rows] == ["20.00", "5.50"]


def test_row_numbers_are_no_quantities() -> None:
    rows = rows_of("1   Chair   3   10.00   30.00\n2   Lamp    5   6.00    30.00\n3   Desk    2   7.50    15.00")
    assert [row["quantity"] for row in rows] == ["3", "5", "2"]
    assert [row["description"] for row in rows] == ["Chair", "Lamp", "Desk"]


def test_names_may_stand_above_their_figures() -> None:
    rows = rows_of("Red apples\n2 x   1.25      2.50\nBread\n3 x   2.00      6.00\n\nTotal           8.50")
    assert [row["description"] for row in rows] == ["Red apples", "Bread"]


@pytest.mark.parametrize("detail", ["Weight: 3 kg", "4012345001235 GTIN"])
def test_details_below_a_name_are_not_part_of_it(detail: str) -> None:
    rows = rows_of(f"Blue chair   2   10.00   20.00\n{detail}\nLamp         3   5.50    16.50")
    assert [row["description"] for row in rows] == ["Blue chair", "Lamp"]
