from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.words.layout import TEXT_COLUMNS, lay_out

A4 = 210 / 297
HEIGHT = 0.012


def word(text: str, x0: float, y0: float) -> Word:
    return Word(text, Box(x0, y0, x0 + 0.012 * len(text), y0 + HEIGHT))


@st.composite
def pages(draw: st.DrawFn) -> list[Word]:
    spots = draw(st.lists(st.tuples(st.floats(0, 0.9), st.floats(0, 0.95)), max_size=60))
    return [word(f"w{index}", x, y) for index, (x, y) in enumerate(spots)]


@settings(deadline=None)
@given(pages())
def test_every_word_stands_in_exactly_one_line_and_one_block(words: list[Word]) -> None:
    layout = lay_out(words, aspect=A4)
    in_blocks = sorted(index for block in layout.blocks for segment in block for index in segment.words)
    assert sorted(layout.order) == in_blocks == list(range(len(words)))


@settings(deadline=None)
@given(pages())
def test_words_of_a_line_go_left_to_right(words: list[Word]) -> None:
    for line in lay_out(words, aspect=A4).lines:
        starts = [words[index].box.x0 for index in line.words]
        assert starts == sorted(starts)


@settings(deadline=None)
@given(pages())
def test_layout_text_holds_every_word(words: list[Word]) -> None:
    assert sorted(lay_out(words, aspect=A4).text.split()) == sorted(w.text for w in words)


def test_the_order_of_the_given_words_does_not_matter() -> None:
    words = [word("Invoice", 0.1, 0.1), word("No.", 0.2, 0.1), word("4711", 0.7, 0.1), word("Total", 0.1, 0.5)]
    assert lay_out(words, aspect=A4).text == lay_out(words[::-1], aspect=A4).text


def test_columns_are_segments_of_one_line() -> None:
    layout = lay_out([word("Net", 0.1, 0.2), word("total", 0.15, 0.2), word("12.00", 0.8, 0.2)], aspect=A4)
    [line] = layout.lines
    assert [segment.text for segment in line.segments] == ["Net total", "12.00"]


def test_an_address_is_one_block_beside_another_column() -> None:
    left = [word("Acme", 0.1, 0.1), word("Road", 0.1, 0.115), word("York", 0.1, 0.13)]
    right = [word("Date", 0.6, 0.1), word("Number", 0.6, 0.115)]
    layout = lay_out(left + right, aspect=A4)
    assert [" ".join(segment.text for segment in block) for block in layout.blocks] == ["Acme Road York", "Date Number"]


def test_words_stand_at_their_column_in_the_text() -> None:
    text = lay_out([word("A", 0.0, 0.1), word("B", 0.5, 0.1)], aspect=A4).text
    assert text.index("B") == TEXT_COLUMNS // 2


def test_slightly_shifted_words_share_a_line() -> None:
    layout = lay_out([word("Sum", 0.1, 0.1), word("9.99", 0.3, 0.1 + HEIGHT * 0.3)], aspect=A4)
    assert len(layout.lines) == 1


def test_a_page_without_words_has_no_lines() -> None:
    layout = lay_out([], aspect=A4)
    assert (layout.lines, layout.text, layout.word_height) == ((), "", 0.0)
