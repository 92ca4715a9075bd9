"""A sign belongs to its amount wherever it is printed, and where that is open, the amount says so."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.candidates import amounts_on, spans
from llava_ocr.grounding.typed import Conventions, parse
from llava_ocr.schema import Hint, LeafNode, Money, leaf_of
from llava_ocr.words.layout import Layout, lay_out
from tests.fakes import ASPECT, words_of

MONEY = LeafNode("total", "total", leaf_of(Money), Hint(""))


def page(text: str) -> Layout:
    return lay_out(words_of(text), aspect=ASPECT)


NEGATIVE = (
    "- {}",
    "-{}",
    "{}-",
    "{} -",
    "{} EUR-",
    "{} EUR -",
    "{} - EUR",
    "- EUR {}",
    "-EUR {}",
    "EUR -{}",
    "EUR - {}",
    "-$ {}",
    "-${}",
    "$-{}",
    "- ${}",
    "({})",
    "$({})",
    "($ {})",
    "({} €)",
    "( {} )",
    "{}cr",
    "{} CR",
    "{} Cr.",
    "{} EUR CR",
    "−{}",
    "– {}",
    "{}－",
    "（{}）",
    "\u00ad{}",
    "Rs.-{}",
    "-Rs.{}",
    "-kr {}",
    "¥-{}",
)


@pytest.mark.parametrize("shape", NEGATIVE)
@pytest.mark.parametrize("figures", ["1.250,00", "1,250.00"])
@pytest.mark.parametrize("label", ["", "Total    ", "Total: "])
def test_a_sign_is_never_dropped(shape: str, figures: str, label: str) -> None:
    layout = page(label + shape.format(figures))
    assert [set(amount_readings(amount.text).values()) for amount in amounts_on(layout)] == [{Decimal("-1250.00")}]
    assert not any(amount.is_doubtful for amount in amounts_on(layout))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(NEGATIVE), st.decimals(min_value="0.01", max_value=10**7, places=2), st.booleans())
def test_a_negative_amount_reads_back(shape: str, value: Decimal, is_grouped: bool) -> None:
    text = shape.format(f"{value:,.2f}" if is_grouped else f"{value:.2f}")
    assert set(amount_readings(text).values()) == {-value}


@pytest.mark.parametrize(
    "text", ["12,-", "12.-", "12,-- EUR", "12.— CHF", "500/-", "Taxi- 2,00", "2,00 EUR - paid", "12,00+"]
)
def test_a_dash_that_is_no_sign_makes_nothing_negative(text: str) -> None:
    assert all(value > 0 for one in spans(page(text), MONEY) for value in amount_readings(one).values())
    assert not any(amount.is_doubtful for amount in amounts_on(page(text)))


@pytest.mark.parametrize(
    "text",
    [
        "Taxi - 2,00 Euro",
        "2,00 - Taxi",
        "Total-12,00",
        "- 2,00 Euro off",
        "10.00 USD (9.20 EUR)",
        "Discount   -    2,00",
        "- 3,00 -",
        "12,00 S\n13,00 H",
    ],
)
def test_a_sign_that_may_be_none_is_in_doubt(text: str) -> None:
    assert any(amount.is_doubtful for amount in amounts_on(page(text)))


def test_an_empty_cell_among_figures_is_no_sign() -> None:
    assert not any(amount.is_doubtful for amount in amounts_on(page("Widget   2   -   12,00")))


@pytest.mark.parametrize("text", ["12,00-15,00", "2024-03-05", "A-4711", "10:30", "12/24", "12E4", "Hauptstr.12"])
def test_ranges_dates_and_codes_hold_no_amount(text: str) -> None:
    assert spans(page(text), MONEY) == ()


def test_a_credit_is_negative_but_where_debits_are_marked_too() -> None:
    credit, account = page("Total 12.00 CR"), page("12.00 CR\n13.00 DR")
    assert parse("12.00 CR", MONEY.leaf, Conventions([credit])).value == Decimal("-12.00")
    for text in ("12.00 CR", "13.00 DR"):
        typed = parse(text, MONEY.leaf, Conventions([account]))
        assert typed.value is None
        assert len(typed.candidates) == 2
