import pytest

from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.currencies import currency_readings, decimals
from llava_ocr.grounding.typed import Conventions, parse
from llava_ocr.schema import Currency, Hint, LeafNode, Money, Number, leaf_of
from llava_ocr.words.layout import Layout, lay_out
from tests.fakes import ASPECT, words_of

CURRENCY = LeafNode("currency", "currency", leaf_of(Currency), Hint(""))


def page(text: str) -> Layout:
    return lay_out(words_of(text), aspect=ASPECT)


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("Rs.1,23,456.00", "INR"),
        ("Rs 1939", "INR"),
        ("1,100円", "JPY"),
        ("￥1,210", "JPY"),
        ("₹ 12", "INR"),
        ("₺12,00", "TRY"),
        ("12 ₽", "RUB"),
        ("R$ 12,00", "BRL"),
        ("US$12.00", "USD"),
        ("CHF 12.00", "CHF"),
        ("Fr. 12.00", "CHF"),
        ("12,00 Kč", "CZK"),
        ("12,00 zł", "PLN"),
        ("1 250 Ft", "HUF"),
        ("12,00 лв.", "BGN"),
        ("12,00 euros", "EUR"),
        ("12 złotych", "PLN"),
        ("1200 yen", "JPY"),
        ("RM12.00", "MYR"),
        ("HK$ 12.00", "HKD"),
        ("12.000 د.ك", "KWD"),
        ("Amount (RM)", "MYR"),
        ("All prices in Euro, net", "EUR"),
        ("Currency: PLN", "PLN"),
    ],
)
def test_a_printed_currency_is_found_and_read(printed: str, code: str) -> None:
    found = spans(page(printed), CURRENCY)
    assert found
    assert {currency_readings(text)[0] for text in found} == {code}


@pytest.mark.parametrize(
    "printed",
    [
        "12 km to go",
        "TOP 12",
        "ALL PARTS",
        "Dr. Brown",
        "5 ft tall",
        "Re: order 12",
        "A4 paper",
        "Way (km)",
        "PARTS FOR ALL",
    ],
)
def test_other_words_are_no_currency(printed: str) -> None:
    assert spans(page(printed), CURRENCY) == ()


def test_crowns_are_open_until_the_page_names_theirs() -> None:
    assert parse("kr", CURRENCY.leaf, Conventions([page("12 kr")])).candidates == ("DKK", "ISK", "NOK", "SEK")
    assert parse("kr", CURRENCY.leaf, Conventions([page("12 kr, all prices in SEK")])).value == "SEK"


def test_decimals_are_those_of_the_currency() -> None:
    assert [decimals(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Total $1,234", Money, "1234"),
        ("合計 1,234円", Money, "1234"),
        ("Total 1.234 EUR", Money, "1234"),
        ("Total KWD 1.234", Money, None),
        ("Total 1,234", Money, None),
        ("Quantity 1,234 for $5", Number, None),
    ],
)
def test_thousands_are_grouped_in_money_without_thousandths(text: str, kind: object, value: str | None) -> None:
    figures = next(part for part in spans(page(text), LeafNode("x", "x", leaf_of(kind), Hint(""))) if "234" in part)
    found = parse(figures, leaf_of(kind), Conventions([page(text)]))
    assert (str(found.value) if found.value is not None else None) == value
    assert bool(found.candidates) == (value is None)
