from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.geometry import Box
from llava_ocr.grounding.match import PageIndex
from llava_ocr.words.layout import lay_out
from llava_ocr.words.stack import stack, unstacked
from tests.fakes import words_of

pages = st.lists(st.lists(st.text("ab 1", min_size=1, max_size=12), min_size=1, max_size=5), min_size=1, max_size=4)


@given(pages)
def test_a_stack_reads_as_its_pages_do_one_after_the_other(texts: list[list[str]]) -> None:
    layouts = [lay_out(words_of("\n".join(lines)), aspect=0.7) for lines in texts]
    whole = stack(layouts)
    assert whole.text == "\n".join(layout.text for layout in layouts if layout.words)
    assert [whole.words[index].text for index in whole.order] == [
        layout.words[index].text for layout in layouts for index in layout.order
    ]


@given(pages)
def test_every_word_goes_back_to_its_page_and_place(texts: list[list[str]]) -> None:
    layouts = [lay_out(words_of("\n".join(lines)), aspect=0.7) for lines in texts]
    expected = [(place, word.box) for place, layout in enumerate(layouts) for word in layout.words]
    for word, (place, box) in zip(stack(layouts).words, expected, strict=True):
        found, [back] = unstacked([word.box], num_pages=len(layouts))
        assert found == place
        assert max(abs(back.y0 - box.y0), abs(back.y1 - box.y1), abs(back.x0 - box.x0)) < 1e-9


def test_of_a_value_on_two_pages_the_first_counts() -> None:
    place, boxes = unstacked([Box(0.1, 0.9, 0.2, 0.92), Box(0.1, 1.05, 0.2, 1.07)], num_pages=2)
    assert (place, len(boxes)) == (0, 1)


def test_the_same_text_is_found_on_each_page_of_a_stack() -> None:
    layouts = [lay_out(words_of(f"Total 12.50\npage {number}"), aspect=0.7) for number in (1, 2)]
    tops = [place.top for place in PageIndex(stack(layouts)).find("12.50")]
    assert [int(top) for top in tops] == [0, 1]
