"""What goes from child to parent arrives as it was."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import Box, Turn
from llava_ocr.raster.base import PageRead
from llava_ocr.raster.packing import packed
from llava_ocr.records import PageOutcome, PageState, Word, WordReader
from llava_ocr.words.layout import lay_out

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
places = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda edges: Box(
        min(edges[0], edges[2]), min(edges[1], edges[3]), max(edges[0], edges[2]), max(edges[1], edges[3])
    )
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.builds(Word, texts, places, st.floats(0, 1), st.sampled_from((None, WordReader.OCR))), max_size=12),
    st.sampled_from(Turn),
)
def test_a_layout_survives_the_way(words: list[Word], turn: Turn) -> None:
    layout = lay_out(words, aspect=0.7, turn=turn)
    arrived = packed(PageRead(PageOutcome(0, PageState.OK), layout=layout)).unpacked().layout
    assert arrived is not None
    assert all(getattr(arrived, field.name) == getattr(layout, field.name) for field in fields(layout))
    assert arrived.text == layout.text


def test_a_failed_page_has_no_layout_to_lose() -> None:
    page = PageRead(PageOutcome(3, PageState.FAILED, "CorruptPage", "page 4: broken"))
    assert packed(page).unpacked() is page
