"""What a document's other words decide about a date that can mean several days."""

from __future__ import annotations

from datetime import date

import pytest

from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.dates import RangeEnd
from llava_ocr.grounding.range_ends import range_end_of
from llava_ocr.grounding.typed import Conventions, parse
from llava_ocr.schema import Date, leaf_of, leaves, tree
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from schemas.statement import Statement
from tests.fakes import ASPECT, words_of

DAY = leaf_of(Date)
STATEMENT = {leaf.path: leaf for leaf in leaves(tree(Statement))}
INVOICE = {leaf.path: leaf for leaf in leaves(tree(Invoice))}


def read(text: str, page: str) -> object:
    typed = parse(text, DAY, Conventions([lay_out(words_of(page), aspect=ASPECT)]))
    return typed.value or set(typed.candidates)


@pytest.mark.parametrize(
    ("page", "day"),
    [
        ("Należność złotych Łódź", date(2024, 11, 1)),
        ("Suma 100,00 PLN", date(2024, 11, 1)),
        ("Číslo příjem měsíc", date(2024, 11, 1)),
        ("Račun plaćanje Hrvatska", date(2024, 10, 1)),
        ("Faktura 4711", {"2024-11-01", "2024-10-01"}),
    ],
)
def test_a_month_of_two_languages_is_settled_by_the_pages_words_or_stays_open(page: str, day: object) -> None:
    assert read("1 listopad 2024", f"{page} 1 listopad 2024") == day


def test_two_figures_begin_a_korean_date_and_end_others() -> None:
    assert read("24. 3. 5.", "발행일 24. 3. 5.") == date(2024, 3, 5)
    assert read("24. 3. 5.", "Datum 24. 3. 5.") == date(2005, 3, 24)


def test_the_ends_of_a_range_tell_the_order_of_figures() -> None:
    assert read("03/04/2024", "Period 01/03/2024 - 31/03/2024 Date 03/04/2024") == date(2024, 4, 3)


def test_ends_of_a_range_are_candidates_of_fields_that_mean_an_end_alone() -> None:
    page = lay_out(words_of("Period 01.03.2024 - 31.03.2024 Date 05.04.2024"), aspect=ASPECT)
    assert spans(page, INVOICE["issue_date"]) == ("05.04.2024",)
    assert spans(page, STATEMENT["period_start"]) == ("01.03.2024", "31.03.2024", "05.04.2024")


def test_a_range_whose_first_end_has_no_year_is_read_by_its_end() -> None:
    page = lay_out(words_of("Period July 1 - July 31, 2014"), aspect=ASPECT)
    text = "July 1 - July 31, 2014"
    assert text in spans(page, STATEMENT["period_end"])
    conventions = Conventions([page])
    assert parse(text, DAY, conventions, end=RangeEnd.FIRST).value == date(2014, 7, 1)
    assert parse(text, DAY, conventions, end=RangeEnd.LAST).value == date(2014, 7, 31)
    assert parse(text, DAY, conventions).value is None


def test_a_day_by_which_something_is_due_is_no_end_of_a_range() -> None:
    assert [range_end_of(INVOICE[path]) for path in ("issue_date", "due_date", "iban")] == [None, None, None]
    assert range_end_of(STATEMENT["period_start"]) is RangeEnd.FIRST
    assert range_end_of(STATEMENT["period_end"]) is RangeEnd.LAST
