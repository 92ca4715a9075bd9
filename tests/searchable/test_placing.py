"""Words are placed so that what is written there fills the boxes that were read."""

from __future__ import annotations

import math

import pymupdf
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.searchable import glyphless
from llava_ocr.searchable.checking import match_words
from llava_ocr.searchable.placing import DESCENT, PlacedWord, place_words
from llava_ocr.words.layout import lay_out

WIDTH, HEIGHT = 600.0, 800.0


def around(word: PlacedWord) -> Box:
    """The box around a placed word, as shares of the page."""
    cos, sin = math.cos(word.angle), math.sin(word.angle)
    low, high = -DESCENT * word.height_pt, (1 - DESCENT) * word.height_pt
    corners = [
        (word.x_pt + along * cos + up * sin, word.y_pt + along * sin - up * cos)
        for along in (0, word.length_pt)
        for up in (low, high)
    ]
    xs, ys = [x / WIDTH for x, _ in corners], [y / HEIGHT for _, y in corners]
    return Box(min(xs), min(ys), max(xs), max(ys))


def test_a_straight_word_fills_its_box() -> None:
    box = Box(0.1, 0.2, 0.3, 0.22)
    [placed] = place_words(lay_out([Word("straight", box)], aspect=WIDTH / HEIGHT), width_pt=WIDTH, height_pt=HEIGHT)
    assert placed.angle == 0
    assert around(placed).iou(box) > 0.999


@given(st.floats(-0.1, 0.1), st.floats(7, 14), st.lists(st.integers(2, 12), min_size=3, max_size=8))
def test_a_skewed_line_is_written_as_skewed(angle: float, height_pt: float, lengths: list[int]) -> None:
    x, words = 40.0, []
    for length in lengths:
        size = length * height_pt / 2
        end = Box(
            x / WIDTH,
            (300 + math.sin(angle) * (x - 300) + min(0, size * math.sin(angle))) / HEIGHT,
            (x + size * math.cos(angle) + height_pt * abs(math.sin(angle))) / WIDTH,
            (300 + math.sin(angle) * (x - 300) + max(0, size * math.sin(angle)) + height_pt * math.cos(angle)) / HEIGHT,
        )
        words.append(Word("x" * length, end))
        x += size + 0.3 * height_pt
    layout = lay_out(words, aspect=WIDTH / HEIGHT)
    for placed in place_words(layout, width_pt=WIDTH, height_pt=HEIGHT):
        assert max(around(placed).iou(word.box) for word in words if len(word.text) == len(placed.text)) > 0.6


@given(
    st.lists(
        st.builds(Word, st.text("abc", min_size=1, max_size=5), st.builds(Box, *[st.floats(0, 1)] * 4)), max_size=9
    )
)
def test_no_word_is_placed_without_an_extent(words: list[Word]) -> None:
    for placed in place_words(lay_out(words, aspect=1.0), width_pt=WIDTH, height_pt=HEIGHT):
        assert placed.length_pt > 0
        assert placed.height_pt > 0


def test_words_are_matched_once_each() -> None:
    word = Word("a", Box(0, 0, 0.1, 0.1))
    assert match_words([word], [word]).f1 == 1
    assert match_words([word, word], [word]).f1 == 2 / 3
    assert match_words([word], [Word("a", Box(0.5, 0.5, 0.6, 0.6))]).f1 == 0
    assert match_words([], []).f1 is None


def test_the_font_opens_and_is_small() -> None:
    content = glyphless.font_bytes()
    assert len(content) < 600
    assert pymupdf.Font(fontbuffer=content).glyph_count == 2
