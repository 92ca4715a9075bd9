from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.amounts import amount_readings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1’234.56", "1234.56"),
        ("1,23,456.78", "123456.78"),
        ("1234", "1234"),
        ("12,5", "12.5"),
        ("0.500", "0.500"),
        ("(12.00)", "-12.00"),
        ("12.00-", "-12.00"),
        ("-12", "-12"),
        ("−218,48", "-218.48"),
        ("-€1.50", "-1.50"),
        ("12,-", "12"),
        ("EUR 12,00", "12.00"),
    ],
)
def test_an_amount_of_one_meaning_has_one_reading(text: str, value: str) -> None:
    assert set(amount_readings(text).values()) == {Decimal(value)}


def test_a_lone_separator_before_three_digits_has_both_readings() -> None:
    assert amount_readings("1.234") == {",": Decimal(1234), ".": Decimal("1.234")}
    assert amount_readings("1,234") == {".": Decimal(1234), ",": Decimal("1.234")}


@pytest.mark.parametrize("text", ["", "abc", "12.34.56,7.8", "1,2,3", "7 and 8"])
def test_what_is_no_amount_has_no_reading(text: str) -> None:
    assert amount_readings(text) == {}


@settings(deadline=None, max_examples=150)
@given(st.integers(-(10**11), 10**11), st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", ",")]))
def test_a_formatted_amount_reads_back_to_the_cent(cents: int, marks: tuple[str, str]) -> None:
    group, decimal = marks
    whole, fraction = divmod(abs(cents), 100)
    text = ("-" if cents < 0 else "") + f"{whole:,}".replace(",", group) + f"{decimal}{fraction:02}"
    assert Decimal(cents) / 100 in amount_readings(text).values()
