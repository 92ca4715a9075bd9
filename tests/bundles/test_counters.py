"""Page counters in the wordings of three languages, and what looks like one and is none."""

from __future__ import annotations

import pytest

from llava_ocr.bundles.counters import Counter, read_counter
from llava_ocr.words.layout import lay_out
from tests.fakes import ASPECT, words_of

MIDDLE, FOOT = 20, 45


def counter_of(text: str, *, line: int) -> Counter | None:
    return read_counter(lay_out(words_of("\n" * line + text), aspect=ASPECT))


@pytest.mark.parametrize(
    ("text", "number", "total"),
    [
        ("Page 2 of 3", 2, 3), ("Page: 2 of 3", 2, 3), ("Seite 2 von 3", 2, 3), ("Seite 2/3", 2, 3),
        ("Blatt 2", 2, None),
        ("Page 2 sur 3", 2, 3), ("Feuillet 2", 2, None), ("- 2 -", 2, None), ("2 / 3", 2, 3), ("2/3", 2, 3),
        ("Invoice 4711 Page 2 of 3", 2, 3), ("PAGE 2", 2, None),
    ],
)  # fmt: skip
def test_counters_are_read_at_the_foot(text: str, number: int, total: int | None) -> None:
    assert counter_of(text, line=FOOT) == Counter(number, total)


@pytest.mark.parametrize("text", ["Page 2 of 3", "- 2 -", "2/3"])
def test_counters_among_the_rows_are_none(text: str) -> None:
    assert counter_of(text, line=MIDDLE) is None


@pytest.mark.parametrize("text", ["Carried over from page 1", "2023/4037", "Page 4 of 3", "Page 0 of 3", "1200"])
def test_other_numbers_are_no_counters(text: str) -> None:
    assert counter_of(text, line=FOOT) is None


def test_a_counter_that_says_of_how_many_goes_first() -> None:
    assert counter_of("Page 1 of 2\nPage 9", line=FOOT - 1) == Counter(1, 2)
