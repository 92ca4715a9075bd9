"""Gain, headlines, search terms, selections, typed values."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.db.page_words import packed, unpacked
from llava_ocr.geometry import Box, Turn
from llava_ocr.grounding.typed import Conventions
from llava_ocr.records import FieldReading, FieldState, PageWords, Word, WordReader
from llava_ocr.review.gain import expected_gain
from llava_ocr.review.headline import Headline, headline_of
from llava_ocr.review.people import Role
from llava_ocr.review.selection import text_in
from llava_ocr.review.terms import phrases_of, searchable
from llava_ocr.review.typing import BadValue, leaf_at, typed_reading
from llava_ocr.words.turned import turned_words
from schemas.invoice import Invoice
from schemas.receipt import Receipt

confidences = st.floats(0, 1)
readings = st.builds(FieldReading, st.just("a"), st.sampled_from(FieldState), confidence=confidences)
amounts = st.none() | st.decimals(-(10**9), 10**9, places=2)


@settings(deadline=None, max_examples=100)
@given(st.lists(readings, max_size=6), st.integers(0, 5), amounts)
def test_more_remarks_or_money_never_lower_the_gain(fields: list[FieldReading], count: int, amount: Decimal) -> None:
    gain = expected_gain(fields, num_findings=count, amount=amount)
    assert 0 <= gain <= expected_gain(fields, num_findings=count + 1, amount=amount)
    assert gain <= expected_gain(fields, num_findings=count, amount=abs(amount or Decimal(0)) * 10 + 1)


def test_an_unsure_field_is_worth_more_than_a_sure_one() -> None:
    sure = FieldReading("a", FieldState.VALUE, "x", "x", 0.99)
    unsure = replace(sure, confidence=0.2)
    assert expected_gain([unsure], num_findings=0, amount=None) > expected_gain([sure], num_findings=0, amount=None)


def test_headlines_come_from_the_schema() -> None:
    key = "seller.name invoice_number issue_date grand_total"
    wanted = Headline("seller.name", "invoice_number", "issue_date", "grand_total", "currency", key)
    assert headline_of(Invoice) == wanted
    assert headline_of(Receipt).party and headline_of(Receipt).amount


def test_search_sees_neither_case_nor_accents_nor_marks() -> None:
    assert searchable("Müller & Söhne, 1.234,50 €") == "muller sohne 1 234 50"
    assert phrases_of('"Rue de la Paix" R-12') == [["rue", "de", "la", "paix"], ["r", "12"]]
    assert phrases_of('  "" -- ') == []


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_what_is_typed_becomes_plain_words(query: str) -> None:
    for phrase in phrases_of(query):
        assert phrase and all(word.isalnum() for word in phrase)


def test_a_box_reads_its_words_in_order() -> None:
    def word(text: str, x: float, y: float) -> Word:
        return Word(text, Box(x, y, x + 0.1, y + 0.02))

    words = (word("lower", 0.1, 0.13), word("right", 0.3, 0.1), word("left", 0.1, 0.101), word("far", 0.8, 0.8))
    found = text_in(PageWords(words, WordReader.OCR), Box(0.05, 0.08, 0.5, 0.2))
    assert found.text == "left right lower" and len(found.boxes) == 3


@pytest.mark.parametrize("turn", Turn)
def test_kept_words_keep_the_turn_of_their_page(turn: Turn) -> None:
    page = PageWords((Word("x", Box(0, 0.25, 0.5, 0.75), 0.5),), WordReader.NONE, turn=turn)
    assert unpacked(packed(page)) == page


@pytest.mark.parametrize("turn", Turn)
def test_a_box_on_a_turned_page_reads_its_words_in_the_order_of_their_lines(turn: Turn) -> None:
    upright = [Word(text, Box(x, y, x + 0.1, y + 0.02)) for text, x, y in (("two", 0.3, 0.1), ("one", 0.1, 0.1))]
    page = PageWords(turned_words(upright, turn.back), WordReader.OCR, turn=turn)
    found = text_in(page, Box(0, 0, 1, 1))
    assert found.text == "one two"
    assert set(found.boxes) == {word.box for word in page.words}


def test_half_a_word_outside_the_box_is_not_in_it() -> None:
    page = PageWords((Word("x", Box(0, 0, 0.2, 0.1)),), WordReader.OCR)
    assert text_in(page, Box(0.15, 0, 1, 1)).text == ""


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [("grand_total", "1.234,50", "1234.50"), ("issue_date", "2026-01-31", "2026-01-31"), ("currency", "€", "EUR")],
)
def test_typed_values_are_read_like_printed_ones(path: str, text: str, value: str) -> None:
    reading = typed_reading(path, leaf_at(Invoice, path), text, conventions=Conventions([]), evidence=None)
    assert str(reading.value) == value


def test_what_is_no_value_says_how_to_write_one() -> None:
    with pytest.raises(BadValue, match="write it like 2026-01-31"):
        typed_reading("d", leaf_at(Invoice, "issue_date"), "soon", conventions=Conventions([]), evidence=None)


def test_roles_include_those_below() -> None:
    assert Role.ADMIN.may(Role.REVIEWER) and Role.REVIEWER.may(Role.REVIEWER) and not Role.VIEWER.may(Role.REVIEWER)
