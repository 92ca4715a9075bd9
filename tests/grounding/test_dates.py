from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.dates import date_readings, find_dates


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("05.03.2024", date(2024, 3, 5)),
        ("5.3.24", date(2024, 3, 5)),
        ("25/12/2024", date(2024, 12, 25)),
        ("12/25/2024", date(2024, 12, 25)),
        ("2024-03-05", date(2024, 3, 5)),
        ("20240305", date(2024, 3, 5)),
        ("5. März 2024", date(2024, 3, 5)),
        ("March 5, 2024", date(2024, 3, 5)),
        ("5 août 2024", date(2024, 8, 5)),
        ("1er janvier 2024", date(2024, 1, 1)),
        ("05-JAN-2018", date(2018, 1, 5)),
        ("3rd of May 2021", date(2021, 5, 3)),
        ("05/05/2024", date(2024, 5, 5)),
    ],
)
def test_a_date_of_one_meaning_has_one_reading(text: str, value: date) -> None:
    assert set(date_readings(text).values()) == {value}


def test_day_and_month_that_could_be_swapped_have_both_readings() -> None:
    assert date_readings("03/04/2025") == {"dmy": date(2025, 4, 3), "mdy": date(2025, 3, 4)}


@pytest.mark.parametrize("text", ["31.02.2024", "45/45/2024", "2024-13-01", "1234", "May", "12.5"])
def test_what_is_no_date_has_no_reading(text: str) -> None:
    assert date_readings(text) == {}


def test_dates_are_found_inside_a_line() -> None:
    line = "Issued 5 March 2024, due 2024-04-04."
    assert [line[start:end] for start, end in find_dates(line)] == ["5 March 2024", "2024-04-04"]


@settings(deadline=None, max_examples=100)
@given(
    st.dates(date(1990, 1, 1), date(2069, 12, 31)), st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y", "%d %B %Y"])
)
def test_a_formatted_date_reads_back(day: date, form: str) -> None:
    assert day in date_readings(day.strftime(form)).values()
