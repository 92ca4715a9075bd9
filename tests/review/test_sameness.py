"""When two documents or records are the same again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.records import FieldReading, FieldState, FieldValue, PageOutcome, PageState
from llava_ocr.review.sameness import key_digest, pixels_digest

PATHS = ("seller.name", "number", "issue_date", "total")


def page(index: int, image_hash: str, state: PageState = PageState.OK) -> PageOutcome:
    return PageOutcome(index, state, "" if state is PageState.OK else "blank", image_hash=image_hash)


def key(*values: FieldValue, state: FieldState = FieldState.VALUE, schema: str = "bill") -> str:
    fields = {path: FieldReading(path, state, str(value), value) for path, value in zip(PATHS, values, strict=True)}
    return key_digest(schema, PATHS, fields)


ACME = ("Acme GmbH", "RE-4711/2", date(2026, 1, 31), Decimal("12.50"))


def test_pages_count_in_order() -> None:
    assert pixels_digest([page(0, "a"), page(1, "b")]) == pixels_digest([page(1, "b"), page(0, "a")])
    assert pixels_digest([page(0, "a"), page(1, "b")]) != pixels_digest([page(0, "b"), page(1, "a")])


def test_a_blank_page_more_is_another_document() -> None:
    assert pixels_digest([page(0, "a")]) != pixels_digest([page(0, "a"), page(1, "", PageState.SKIPPED)])


def test_nothing_is_said_of_failed_or_blank_documents() -> None:
    assert pixels_digest([page(0, "a"), page(1, "", PageState.FAILED)]) == ""
    assert pixels_digest([page(0, "", PageState.SKIPPED)]) == pixels_digest([]) == ""


def test_a_key_is_the_same_however_it_is_printed() -> None:
    assert key(*ACME) == key("ACME  gmbh.", "re 4711-2", date(2026, 1, 31), Decimal("12.5"))


def test_another_value_is_another_key() -> None:
    others = (("Bolt AG", *ACME[1:]), (ACME[0], "RE-4711/3", *ACME[2:]), (*ACME[:3], Decimal("12.51")))
    assert len({key(*ACME), *(key(*other) for other in others)}) == 4
    assert key(*ACME) != key(*ACME, schema="receipt")


def test_an_uncertain_or_missing_part_makes_no_key() -> None:
    assert key(*ACME, state=FieldState.AMBIGUOUS) == key("Acme", None, ACME[2], ACME[3]) == ""
    assert key("...", *ACME[1:]) == ""
    assert key_digest("bill", (), {}) == ""


@given(st.lists(st.text(min_size=1), min_size=4, max_size=4), st.lists(st.text(min_size=1), min_size=4, max_size=4))
def test_texts_never_run_into_each_other(one: list[str], other: list[str]) -> None:
    from llava_ocr.prompts import fold

    is_same = [fold(text) for text in one] == [fold(text) for text in other]
    if key(*one) and key(*other):
        assert (key(*one) == key(*other)) == is_same


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(0, 3))
def test_zeros_at_the_end_do_not_matter(amount: Decimal, num_zeros: int) -> None:
    longer = Decimal(f"{amount:f}" + "0" * num_zeros)
    assert key(*ACME[:3], amount) == key(*ACME[:3], longer)
