"""When two values are the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.evaluation.likeness import edit_distance, is_right, likeness, meanings_of, plain, similarity
from llava_ocr.records import FieldReading, FieldState, FieldValue
from llava_ocr.schema import Country, Currency, Date, Iban, Leaf, Money, Text, leaf_of

TEXT, MONEY, DATE = leaf_of(Text), leaf_of(Money), leaf_of(Date)
short_texts = st.text("abcde ", max_size=12)


def reading(value: FieldValue, *, text: str | None = None) -> FieldReading:
    return FieldReading("x", FieldState.VALUE, text or str(value), value)


@pytest.mark.parametrize(
    ("expected", "value", "leaf"),
    [
        ("100.0000", Decimal("100"), MONEY),
        ("1,234.50", Decimal("1234.5"), MONEY),
        ("2024-03-05", date(2024, 3, 5), DATE),
        ("18-01-2018", date(2018, 1, 18), DATE),
        ("Straße 5,  Haus", "STRASSE 5, haus.", TEXT),
        ("#AB-1", "ab-1", TEXT),
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000", leaf_of(Iban)),
        ("de", "DE", leaf_of(Country)),
        ("EUR", "EUR", leaf_of(Currency)),
    ],
)
def test_one_meaning_in_two_spellings_is_right(expected: str, value: FieldValue, leaf: Leaf) -> None:
    assert is_right(expected, reading(value), leaf)
    assert similarity(expected, reading(value), leaf) == 1.0


@pytest.mark.parametrize(
    ("expected", "value", "leaf"),
    [
        ("0", None, MONEY),
        ("10.00", Decimal("100"), MONEY),
        ("1234", Decimal("1.234"), MONEY),
        ("2024-03-05", date(2024, 5, 3), DATE),
        ("A 1", "A1", TEXT),
        ("GBP", "EUR", leaf_of(Currency)),
    ],
)
def test_another_meaning_is_wrong(expected: str, value: FieldValue, leaf: Leaf) -> None:
    assert not is_right(expected, reading(value), leaf)


def test_day_and_month_may_be_swapped_only_where_the_truth_does_not_tell() -> None:
    assert is_right("03/04/2024", reading(date(2024, 4, 3)), DATE)
    assert is_right("03/04/2024", reading(date(2024, 3, 4)), DATE)
    assert not is_right("2024-04-03", reading(date(2024, 3, 4)), DATE)


def test_ambiguous_reading_is_right_only_for_a_truth_that_is_ambiguous_alike() -> None:
    both = FieldReading("x", FieldState.AMBIGUOUS, "03/04/2024", candidates=("2024-04-03", "2024-03-04"))
    assert is_right("03/04/2024", both, DATE)
    assert not is_right("2024-04-03", both, DATE)


def test_conflict_is_not_an_answer() -> None:
    conflict = FieldReading("x", FieldState.CONFLICT, "5.00", candidates=("5.00",))
    assert not is_right("5.00", conflict, MONEY)


def test_what_is_no_amount_is_compared_as_text() -> None:
    assert meanings_of("n/a", MONEY) == {"n/a"}


def test_half_alike_counts_and_less_does_not() -> None:
    assert likeness("abcd", "abxy") == 0.5
    assert likeness("abcd", "axyz") == 0.0


@given(short_texts, short_texts, short_texts)
@settings(deadline=None)
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, b) == edit_distance(b, a) <= max(len(a), len(b))
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@given(short_texts, short_texts)
@settings(deadline=None)
def test_likeness_is_a_share_and_symmetric(a: str, b: str) -> None:
    share = likeness(a, b)
    assert share == likeness(b, a)
    assert share == 0.0 or 0.5 <= share <= 1.0
    assert (share == 1.0) == (plain(a) == plain(b))


@given(st.text(max_size=30))
@settings(deadline=None)
def test_plain_text_is_plain_already(text: str) -> None:
    assert plain(plain(text)) == plain(text)
