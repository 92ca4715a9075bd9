"""Words as a person sees them, and text layers that say something else than the page."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.words.sanity import fault_of
from llava_ocr.words.text_layer import clean_text, clean_words

PROSE = str.split(
    "Sehr geehrte Damen und Herren wir berechnen Ihnen für die Lieferung vom 3. März 2024 wie folgt den Betrag von "
    "1.234,50 EUR zahlbar innerhalb von vierzehn Tagen ohne Abzug auf das unten genannte Konto"
)


def words(texts: list[str], *, rows: int = 40) -> list[Word]:
    """Words down the page, four to a row."""
    return [
        Word(
            text, Box(0.1 + 0.2 * (n % 4), 0.02 * (n // 4 % rows), 0.25 + 0.2 * (n % 4), 0.02 * (n // 4 % rows) + 0.015)
        )
        for n, text in enumerate(texts)
    ]


def fault(texts: list[str], *, cover: float = 0.0, rows: int = 40) -> str:
    stored = words(texts, rows=rows)
    return fault_of(stored, clean_words(stored), lambda: cover)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("A\0B", "AB"),
        ("o\ufb03ce", "office"),
        ("Rech\u00adnung", "Rechnung"),
        ("Rech\u00ad", "Rech"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u202e12", "12"),
        ("e\u0301", "é"),
        ("m²", "m²"),
        ("½", "½"),
    ],
)
def test_text_reads_as_it_looks(stored: str, shown: str) -> None:
    assert clean_text(stored) == shown


@settings(deadline=None, max_examples=80)
@given(st.lists(st.builds(Word, st.text(max_size=6), st.builds(Box, *[st.floats(-1, 2)] * 4)), max_size=8))
def test_cleaned_words_are_words_on_the_page(stored: list[Word]) -> None:
    for word in clean_words(stored):
        assert word.text
        assert not any(char.isspace() or char == "\0" for char in word.text)
        assert 0 <= word.box.x0 <= word.box.x1 <= 1
        assert 0 <= word.box.y0 <= word.box.y1 <= 1


def test_a_no_break_space_parts_two_words() -> None:
    [left, right] = clean_words([Word("12\u00a0EUR", Box(0.0, 0.1, 0.6, 0.2))])
    assert (left.text, right.text) == ("12", "EUR")
    assert left.box.x1 == pytest.approx(0.2)
    assert (right.box.x0, right.box.x1) == (pytest.approx(0.3), pytest.approx(0.6))


def test_fake_bold_is_one_word_and_a_repeat_is_two() -> None:
    bold = [Word("Total", Box(0.1, 0.1, 0.2, 0.12)), Word("Total", Box(0.101, 0.1, 0.201, 0.12))]
    assert len(clean_words(bold)) == 1
    assert len(clean_words([*bold, Word("Total", Box(0.1, 0.2, 0.2, 0.22))])) == 2


def test_sound_text_is_kept() -> None:
    assert fault(PROSE) == ""
    assert fault(["12", "EUR"]) == ""
    assert fault([]) == ""


def test_numbers_and_rules_alone_are_sound() -> None:
    assert fault([f"{n}.000,{n:02}" for n in range(80)] + ["-" * 60, "." * 90]) == ""


@pytest.mark.parametrize("broken", ["\ufffd", "\ue005", "\x03"])
def test_unreadable_characters_are_refused(broken: str) -> None:
    assert "unreadable" in fault([text[:-1] + broken for text in PROSE])


def test_shifted_codes_are_refused() -> None:
    shifted = [
        "".join(chr(max(33, ord(char) - 29)) if char in string.ascii_letters else char for char in text)
        for text in PROSE
    ]
    assert fault(shifted)


def test_random_consonants_are_refused() -> None:
    letters = random.Random(0)
    assert "vowels" in fault(["".join(letters.choices("bcdfghjklmnpqrstvwxz", k=7)) for _ in range(40)])


def test_signs_for_letters_are_refused() -> None:
    assert "signs" in fault(["%&'()*+"] * 20)


def test_words_off_the_page_are_refused() -> None:
    stored = [Word(text, Box(1.5, 0.1, 1.7, 0.2)) for text in PROSE]
    assert "not on the page" in fault_of(stored, clean_words(stored), lambda: 0.0)


def test_a_stamp_over_a_scan_is_refused_and_a_searchable_scan_is_not() -> None:
    assert "scan" in fault(PROSE[:6], cover=0.97)
    assert "scan" in fault(PROSE, cover=0.97, rows=2)
    assert fault(PROSE * 4, cover=0.97) == ""
    assert fault(PROSE[:6], cover=0.3) == ""
