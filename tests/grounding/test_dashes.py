"""A value is found on the page whichever dash is printed and whichever is said."""

import pytest

from llava_ocr.geometry import Box
from llava_ocr.grounding.match import PageIndex
from llava_ocr.records import Word
from llava_ocr.words.layout import lay_out


@pytest.mark.parametrize(
    "printed", ["GS-2024-0117", "GS\u20102024\u20100117", "GS\u20112024\u22120117", "GS–2024–0117"]
)
@pytest.mark.parametrize("said", ["GS-2024-0117", "GS\u20102024-0117"])
def test_dashes_are_compared_as_one(printed: str, said: str) -> None:
    words = [Word("Number", Box(0.1, 0.1, 0.2, 0.12)), Word(printed, Box(0.3, 0.1, 0.5, 0.12))]
    [found] = PageIndex(lay_out(words, aspect=0.7)).find(said)
    assert (found.words, found.exactness) == ((1,), 1.0)


@pytest.mark.parametrize("printed", ["\u22121,250.00", "-1,250.00", "\uff0d1,250.00"])
def test_a_printed_minus_is_found_by_any_other(printed: str) -> None:
    layout = lay_out([Word(printed, Box(0.3, 0.1, 0.5, 0.12))], aspect=0.7)
    assert [found.words for found in PageIndex(layout).find("-1,250.00")] == [(0,)]
