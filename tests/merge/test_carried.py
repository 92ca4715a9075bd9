"""Opening and closing balances that are carried from page to page are those of the first page and the last."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.grounding.ground import PageReading
from llava_ocr.merge.pages import merge_pages
from llava_ocr.records import FieldReading, FieldState
from llava_ocr.schema import tree
from schemas.statement import Statement

ROOT = tree(Statement)


def page(opening: int | None, closing: int | None) -> list[PageReading]:
    return [
        PageReading(FieldReading(name, FieldState.ABSENT))
        if value is None
        else PageReading(FieldReading(name, FieldState.VALUE, str(value), Decimal(value), 0.9))
        for name, value in (("opening_balance", opening), ("closing_balance", closing))
    ]


def merged(pages: list[list[PageReading]]) -> dict[str, FieldReading]:
    return {field.path: field for field in merge_pages(pages, ROOT)}


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=9, unique=True))
def test_carried_balances_leave_the_first_and_the_last(balances: list[int]) -> None:
    fields = merged([page(*pair) for pair in pairwise(balances)])
    assert fields["opening_balance"].value == balances[0]
    assert fields["closing_balance"].value == balances[-1]
    assert fields["opening_balance"].state is fields["closing_balance"].state is FieldState.VALUE


def test_balances_that_are_not_carried_are_in_conflict() -> None:
    fields = merged([page(1, 2), page(3, 4)])
    assert fields["opening_balance"].state is FieldState.CONFLICT
    assert fields["opening_balance"].candidates == ("1", "3")


def test_pages_between_that_say_nothing_do_not_break_the_chain() -> None:
    fields = merged([page(1, 2), page(None, None), page(2, 3)])
    assert (fields["opening_balance"].value, fields["closing_balance"].value) == (1, 3)
