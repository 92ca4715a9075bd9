"""Bookings by columns that a document's pages share."""

from __future__ import annotations

import pytest

from llava_ocr.rulebook.bookings import account_of, read_bookings
from llava_ocr.schema import RowsNode, tree
from llava_ocr.words.layout import Layout, lay_out
from schemas.invoice import Invoice
from schemas.statement import Statement
from tests.fakes import words_of


def rows_node(schema: type) -> RowsNode:
    return next(child for child in tree(schema).children if isinstance(child, RowsNode))


ACCOUNT = account_of(rows_node(Statement))


def page(text: str) -> Layout:
    return lay_out(words_of(text), aspect=0.7)


def read(*texts: str) -> list[list[dict[str, str]]]:
    assert ACCOUNT is not None
    pages = read_bookings([page(text) for text in texts], ACCOUNT) or []
    return [[{path.rpartition(".")[2]: text for path, text in row.items()} for row in rows] for rows in pages]


FIRST = """\
Date         Details               Betrag      Saldo
             Opening balance                  100.00
01.03.2024   Rent March            -40.00      60.00
02.03.2024   Salary                900.00     960.00
             of the company
03.03.2024   Card payment          -10.00     950.00
             Carried forward                  950.00"""
SECOND = """\
             Supermarket North
04.03.2024   Interest                1.00     951.00
05.03.2024   Cheque 482910         -51.00     900.00
             Closing balance                  900.00
                       Page 2 of 2"""


def test_rows_texts_and_columns_of_a_page() -> None:
    [rows] = read(FIRST)
    assert [row["amount"] for row in rows] == ["-40.00", "900.00", "-10.00"]
    assert [row["balance"] for row in rows] == ["60.00", "960.00", "950.00"]
    assert rows[1]["description"] == "Salary of the company"


def test_a_page_without_a_heading_has_the_columns_of_the_others() -> None:
    _, rows = read(FIRST, SECOND)
    assert rows[0] == {"description": "Supermarket North"}
    assert [(row["amount"], row["balance"]) for row in rows[1:]] == [("1.00", "951.00"), ("-51.00", "900.00")]
    assert rows[2]["description"] == "Cheque 482910"


def test_nothing_goes_on_before_the_first_booking() -> None:
    [rows] = read(SECOND)
    assert [row["date"] for row in rows] == ["04.03.2024", "05.03.2024"]


@pytest.mark.parametrize(("label", "path"), [("Amount", "amount"), ("Movement", "amount"), ("Balance", "balance")])
def test_one_column_of_amounts_is_the_amount_unless_its_heading_says_otherwise(label: str, path: str) -> None:
    lines = [f"0{day}.03.2024   Purchase   {day + 10}.00" for day in range(1, 5)]
    [rows] = read("\n".join([f"Date         Details    {label:>5}", *lines]))
    assert [set(row) for row in rows] == [{"date", "description", path}] * 4


def test_the_balance_is_the_column_that_runs_wherever_it_stands() -> None:
    lines = [
        "01.03.2024   Rent   60.00   -40.00",
        "02.03.2024   Rent   55.00    -5.00",
        "03.03.2024   Rent   58.00     3.00",
    ]
    [rows] = read("\n".join(lines))
    assert [(row["amount"], row["balance"]) for row in rows] == [
        ("-40.00", "60.00"),
        ("-5.00", "55.00"),
        ("3.00", "58.00"),
    ]


def test_thousands_parted_by_a_space_are_one_number() -> None:
    lines = [f"0{day}.03.2024   Rent 12   {day} 234,50" for day in range(1, 5)]
    [rows] = read("\n".join(lines))
    assert [row["amount"] for row in rows] == [f"{day} 234,50" for day in range(1, 5)]
    assert {row["description"] for row in rows} == {"Rent 12"}


def test_goods_are_no_bookings() -> None:
    assert account_of(rows_node(Invoice)) is None


def test_a_letter_has_no_bookings() -> None:
    assert read("Dear customer,\nyour account was opened on 01.03.2024 with 5 others.\nYours") == []


@pytest.mark.parametrize(
    ("printed", "read_as"),
    [
        ("40.00 -   60.00", ["40.00 -", "10.00 -", "55.00 -"]),
        ("40.00-    60.00", ["40.00-", "10.00-", "55.00-"]),
        ("(40.00)   60.00", ["(40.00)", "(10.00)", "(55.00)"]),
        ("40.00 CR  60.00", ["40.00 CR", "10.00 CR", "55.00 CR"]),
    ],
)
def test_amounts_of_bookings_keep_their_signs(printed: str, read_as: list[str]) -> None:
    lines = [f"0{day}.03.2024   Payment {day}      " for day in (1, 2, 3)]
    amounts = [printed.replace("40.00", amount) for amount in ("40.00", "10.00", "55.00")]
    rows = read("\n".join(line + amount.replace("60.00", "") for line, amount in zip(lines, amounts, strict=True)))
    assert [row["amount"] for row in rows[0]] == read_as


def test_a_sign_behind_the_figures_may_stand_outside_of_the_column() -> None:
    amounts = ["40.00", "10.00-", "55.00", "(9.00)", "77.00"]
    printed = [f"{text:>7}" + " " * (not text.endswith(("-", ")"))) for text in amounts]
    lines = [f"0{day}.03.2024   Payment {day}   {text.rjust(9)}" for day, text in enumerate(printed, 1)]
    assert [row.get("amount") for row in read("\n".join(lines))[0]] == amounts
