from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.grounding.amounts import amount_readings
from llava_ocr.grounding.codes import compact, country_code, currency_readings, is_iban, is_vat
from llava_ocr.grounding.dates import date_readings, find_dates


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1’234’567.80", "1234567.80"),
        ("1,23,456.78", "123456.78"),
        ("1234", "1234"),
        ("0.500", "0.500"),
        ("12,5", "12.5"),
        ("12,-", "12"),
        ("12.--", "12"),
        ("(12.00)", "-12.00"),
        ("12.00-", "-12.00"),
        ("-12", "-12"),
        ("−12", "-12"),
        ("-€5.00", "-5.00"),
        ("€ 1.025,00", "1025.00"),
        ("12.00 EUR", "12.00"),
        ("1.234.567", "1234567"),
        ("12345678901234.5678", "12345678901234.5678"),
    ],
)
def test_amounts_with_one_reading(text: str, value: str) -> None:
    assert set(amount_readings(text).values()) == {Decimal(value)}


@pytest.mark.parametrize("text", ["1.234", "1,234", "12.345"])
def test_a_lone_separator_before_three_digits_has_two_readings(text: str) -> None:
    assert len(amount_readings(text)) == 2


@pytest.mark.parametrize("text", ["", "abc", "12.03.2024", "1.2.3", "1,2.3,4", "12 and 13"])
def test_what_is_no_amount_has_no_reading(text: str) -> None:
    assert amount_readings(text) == {}


@given(st.decimals("-9999999.99", "9999999.99", places=2), st.sampled_from([".,", ",.", " ,", "'."]))
def test_an_amount_written_in_any_style_reads_as_itself(value: Decimal, marks: str) -> None:
    group, mark = marks
    text = f"{value:,.2f}".replace(",", "G").replace(".", mark).replace("G", group)
    assert amount_readings(text) == {mark: value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25.12.2018", "2018-12-25"),
        ("25/12/2018", "2018-12-25"),
        ("12/25/2018", "2018-12-25"),
        ("2018-12-25", "2018-12-25"),
        ("25. 12. 2018", "2018-12-25"),
        ("5. März 2024", "2024-03-05"),
        ("March 5, 2024", "2024-03-05"),
        ("5th of March 2024", "2024-03-05"),
        ("1er février 2024", "2024-02-01"),
        ("05-JAN-2018", "2018-01-05"),
        ("1.2.24", "2024-02-01"),
        ("31.12.99", "1999-12-31"),
        ("05/05/2024", "2024-05-05"),
        ("20180325", "2018-03-25"),
    ],
)
def test_dates_with_one_reading(text: str, value: str) -> None:
    assert set(date_readings(text).values()) == {date.fromisoformat(value)}


def test_a_date_that_could_be_swapped_has_both_readings() -> None:
    assert date_readings("03/04/2025") == {"dmy": date(2025, 4, 3), "mdy": date(2025, 3, 4)}


@pytest.mark.parametrize("text", ["31.02.2024", "2024", "12.34", "99/99/2024", "March", "1.234,56"])
def test_what_is_no_date_has_no_reading(text: str) -> None:
    assert date_readings(text) == {}


@given(
    st.dates(date(1970, 1, 1), date(2069, 12, 31)), st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y"])
)
def test_a_date_written_in_any_style_is_found_in_a_line(day: date, style: str) -> None:
    text = day.strftime(style)
    line = f"Date: {text} Page 1"
    assert [line[start:end] for start, end in find_dates(line)] == [text]
    assert day in date_readings(text).values()


def test_iban_checksums() -> None:
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE89 3704 0044 0532 0130 01")
    assert not is_iban("DE89 3704")


@given(st.integers(0, 10**18 - 1), st.integers(1, 9))
def test_one_wrong_digit_breaks_an_iban(account: int, change: int) -> None:
    body = f"{account:018}"
    check = 98 - int(f"{body}131400") % 97
    iban = f"DE{check:02}{body}"
    wrong = iban[:-1] + str((int(iban[-1]) + change) % 10)
    assert is_iban(iban)
    assert not is_iban(wrong)


def test_codes_are_compared_without_what_stands_between() -> None:
    assert compact("de 123.456-789") == "DE123456789"
    assert is_vat("ATU 12345678")
    assert is_vat("CHE-123.456.789 MWST")
    assert not is_vat("Invoice12345")


def test_currencies_by_code_and_sign() -> None:
    assert currency_readings("EUR") == currency_readings("€") == ("EUR",)
    assert currency_readings("$")[0] == "USD"
    assert currency_readings("RM") == ("MYR",)
    assert currency_readings("XQQ") == ()


def test_countries_by_code_and_name() -> None:
    assert {country_code(name) for name in ("DE", "Germany", "Deutschland", "ALLEMAGNE")} == {"DE"}
    assert country_code("Atlantis") is None
