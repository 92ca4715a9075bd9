"""Dates as printed in every language that is read, ranges of dates, and what is neither."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from babel import Locale
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.grounding.dates import RangeEnd, date_readings, end_readings, find_date_ranges, find_dates
from llava_ocr.grounding.months import LANGUAGES, MIN_LETTERS, months_of

MARCH_5 = date(2024, 3, 5)
days = st.dates(date(1970, 1, 1), date(2069, 12, 31))


def found(text: str) -> list[str]:
    return [text[start:end] for start, end in find_dates(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("05.03.2024", MARCH_5),
        ("5.3.24", MARCH_5),
        ("25/12/2024", date(2024, 12, 25)),
        ("12/25/2024", date(2024, 12, 25)),
        ("05/05/2024", date(2024, 5, 5)),
        ("2024-03-05", MARCH_5),
        ("20240305", MARCH_5),
        ("5. März 2024", MARCH_5),
        ("5. Maerz 2024", MARCH_5),
        ("5. MÄRZ 2024", MARCH_5),
        ("March 5, 2024", MARCH_5),
        ("March 5 , 2024", MARCH_5),
        ("March 5th, 2024", MARCH_5),
        ("5 août 2024", date(2024, 8, 5)),
        ("5 aout 2024", date(2024, 8, 5)),
        ("1er janvier 2024", date(2024, 1, 1)),
        ("05-JAN-2018", date(2018, 1, 5)),
        ("05-JAN-18", date(2018, 1, 5)),
        ("05JAN2018", date(2018, 1, 5)),
        ("3rd of May 2021", date(2021, 5, 3)),
        ("5 de marzo de 2024", MARCH_5),
        ("1º de abril de 2024", date(2024, 4, 1)),
        ("5 d’abril del 2024", date(2024, 4, 5)),
        ("2024. március 5.", MARCH_5),
        ("2024. március 5-én", MARCH_5),
        ("2024. 03. 05.", MARCH_5),
        ("2024. gada 5. marts", MARCH_5),
        ("2024 m. kovo 5 d.", MARCH_5),
        ("ngày 05 tháng 03 năm 2024", MARCH_5),
        ("5 марта 2024 г.", MARCH_5),
        ("05.03.2024г.", MARCH_5),
        ("5 Μαρτίου 2024", MARCH_5),
        ("5 ΜΑΡΤΙΟΥ 2024", MARCH_5),
        ("5 Mart 2024", MARCH_5),
        ("5 EYLÜL 2024", date(2024, 9, 5)),
        ("2024年3月5日", MARCH_5),
        ("２０２４年３月５日", MARCH_5),
        ("２０２４／０３／０５", MARCH_5),
        ("令和6年3月5日", MARCH_5),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成31年4月30日", date(2019, 4, 30)),
        ("平成三十一年四月三十日", date(2019, 4, 30)),
        ("R6年3月5日", MARCH_5),
        ("令和6.3.5", MARCH_5),
        ("民國113年3月5日", MARCH_5),
        ("113年3月5日", MARCH_5),
        ("二〇二四年三月五日", MARCH_5),
        ("2024년 3월 5일", MARCH_5),
        ("2024. 3. 5.", MARCH_5),
        ("٥ مارس ٢٠٢٤", MARCH_5),
        ("٥ آذار ٢٠٢٤", MARCH_5),
        ("5 มีนาคม พ.ศ. 2567", MARCH_5),
        ("2024-03-05T12:30:00Z", MARCH_5),
        ("2024-03-05T12:30:00.123+01:00", MARCH_5),
        ("2024-03-05 12:30", MARCH_5),
        ("Friday, 5 March 2024", MARCH_5),
    ],
)
def test_a_date_of_one_meaning_has_one_reading(text: str, value: date) -> None:
    assert set(date_readings(text).values()) == {value}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("03/04/2025", {"dmy": date(2025, 4, 3), "mdy": date(2025, 3, 4)}),
        ("1 listopada 2024", {"pl": date(2024, 11, 1), "hr": date(2024, 10, 1)}),
        ("1. listopad 2024", {"cs pl": date(2024, 11, 1), "hr": date(2024, 10, 1)}),
        ("24. 3. 5.", {"dmy": date(2005, 3, 24), "ymd": MARCH_5}),
        ("6年3月5日", {"ymd": date(2006, 3, 5), "reiwa": MARCH_5}),
    ],
)
def test_a_date_of_several_meanings_has_them_all(text: str, values: dict[str, date]) -> None:
    assert date_readings(text) == values


NO_DATES = (
    *("31.02.2024", "45/45/2024", "2024-13-01", "1234", "May", "12.5", "3/2024", "12/2024", "2 set 12", "AG 5, 2024"),
    *("INV/2023/03/0008", "CA6707/10", "080 100 444 66", "2024-03-05-17", "17-05.03.2024", "05/03/2024/2"),
    *("1.05.03.2024", "05.03.2024,50", "X05.03.2024", "05.03.20245"),
)


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_has_no_reading(text: str) -> None:
    assert date_readings(text) == {}
    assert found(text) == []


@pytest.mark.parametrize(
    ("line", "dates"),
    [
        ("Issued 5 March 2024, due 2024-04-04.", ["5 March 2024", "2024-04-04"]),
        ("Date:5. März 2024", ["5. März 2024"]),
        ("発行日2024年3月5日まで", ["2024年3月5日"]),
        ("at 2024-03-05T12:30:00Z", ["2024-03-05"]),
        ("25/12/2018-10:30", ["25/12/2018"]),
        ("No. 3 - 05.03.2024", ["05.03.2024"]),
        ("01/07/2014 31/07/2014", ["01/07/2014", "31/07/2014"]),
    ],
)
def test_dates_are_found_inside_a_line(line: str, dates: list[str]) -> None:
    assert found(line) == dates


@settings(deadline=None, max_examples=300)
@given(days, st.sampled_from(LANGUAGES), st.sampled_from(["short", "medium", "long", "full"]))
def test_what_babel_prints_reads_back(day: date, locale: str, width: str) -> None:
    printed = format_date(day, width, locale=locale)  # type: ignore[arg-type]
    # A year of two figures is one of the hundred years that begin with 1970.
    assert day in date_readings(printed).values()
    [candidate] = found(printed)
    assert day in date_readings(candidate).values()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_name_that_cldr_has_is_its_month(locale: str) -> None:
    contexts = Locale.parse(locale).months
    names = {
        (month, name)
        for context in contexts.values()
        for width in ("wide", "abbreviated")
        for month, name in context[width].items()
        if not any(c.isdigit() for c in name) and not (len(name.strip(".")) < MIN_LETTERS and name.isascii())
    }
    assert not [name for month, name in names if month not in months_of(name.replace("’", "'"))]


@settings(deadline=None, max_examples=200)
@given(
    day=days,
    form=st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%y", "%Y%m%d"]),
    before=st.from_regex(r"([0-9]{1,3}[./-]?)?", fullmatch=True),
    after=st.from_regex(r"([./-]?[0-9]{1,3})?", fullmatch=True),
)
def test_no_date_is_a_strict_part_of_a_longer_figure(day: date, form: str, before: str, after: str) -> None:
    figure = before + day.strftime(form) + after
    assert set(found(f"Ref {figure} end")) <= {figure}


RANGES = [
    ("July 1 - July 31, 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("July 1 - July 31 , 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("July 1-July 31, 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("July 1 - 31, 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("1 - 31 July 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("Dec 15 - Jan 14, 2024", date(2023, 12, 15), date(2024, 1, 14)),
    ("1.-31.7.2024", date(2024, 7, 1), date(2024, 7, 31)),
    ("1.7. - 31.7.2024", date(2024, 7, 1), date(2024, 7, 31)),
    ("01.07.2024-31.07.2024", date(2024, 7, 1), date(2024, 7, 31)),
    ("01.07.2024 bis zum 31.07.2024", date(2024, 7, 1), date(2024, 7, 31)),
    ("2024-07-01/2024-07-31", date(2024, 7, 1), date(2024, 7, 31)),
    ("2024-07-01 – 2024-07-31", date(2024, 7, 1), date(2024, 7, 31)),
    ("1 al 31 de julio de 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("1er au 31 juillet 2014", date(2014, 7, 1), date(2014, 7, 31)),
    ("01/03/2024 al 31/03/2024", date(2024, 3, 1), date(2024, 3, 31)),
    ("2024年3月1日〜3月31日", date(2024, 3, 1), date(2024, 3, 31)),
    ("2024年3月1日から31日", date(2024, 3, 1), date(2024, 3, 31)),
    ("2024년 3월 1일 ~ 3월 31일", date(2024, 3, 1), date(2024, 3, 31)),
    ("05.03.2024 - 05.03.2024", MARCH_5, MARCH_5),
]


@pytest.mark.parametrize(("text", "first", "last"), RANGES)
def test_a_range_has_two_ends_and_is_no_date(text: str, first: date, last: date) -> None:
    line = f"Period: {text} total"
    [one] = find_date_ranges(line)
    assert line[one.start : one.end] == text
    assert set(one.readings.values()) == {(first, last)}
    assert found(line) == [] and date_readings(text) == {}
    assert set(end_readings(text, RangeEnd.FIRST).values()) == {first}
    assert set(end_readings(text, RangeEnd.LAST).values()) == {last}


@pytest.mark.parametrize("text", ["5.3.2024 - 1.2.2024", "Page 1 - 31 July 2014", "No. 3 - 05.03.2024", "1 - 31"])
def test_what_does_not_run_forward_is_no_range(text: str) -> None:
    assert find_date_ranges(text) == ()


def test_an_open_order_holds_for_both_ends_of_a_range() -> None:
    [one] = find_date_ranges("03/04/2024 - 05/06/2024")
    assert one.readings == {
        "dmy": (date(2024, 4, 3), date(2024, 6, 5)),
        "mdy": (date(2024, 3, 4), date(2024, 5, 6)),
    }


@settings(deadline=None, max_examples=200)
@given(
    first=days,
    length=st.integers(0, 60),
    form=st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d/%m/%Y"]),
    to=st.sampled_from([" - ", "-", " – ", " to ", " bis "]),
)
def test_the_ends_of_a_printed_range_read_back(first: date, length: int, form: str, to: str) -> None:
    last = first + timedelta(days=length)
    line = f"{first.strftime(form)}{to}{last.strftime(form)}"
    assert found(line) == []
    [one] = find_date_ranges(line)
    assert (first, last) in one.readings.values()
