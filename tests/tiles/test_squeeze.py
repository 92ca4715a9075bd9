"""Blank bands are taken out, ink never."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import Size
from llava_ocr.tiles.squeeze import Squeeze, plan_squeeze, probe_size

boxes = st.lists(
    st.tuples(st.integers(0, 660), st.integers(0, 950), st.integers(3, 40), st.integers(3, 40)), max_size=9
)


def page_of(marks: list[tuple[int, int, int, int]], scale: int = 1) -> np.ndarray:
    page = np.full((1000 * scale, 707 * scale, 3), 250, np.uint8)
    for x, y, width, height in marks:
        page[y * scale : (y + height) * scale, x * scale : (x + width) * scale] = 20
    return page


@given(boxes, st.sampled_from([1, 2, 3]))
@settings(deadline=None, max_examples=40)
def test_no_ink_is_lost_at_any_size(marks: list[tuple[int, int, int, int]], scale: int) -> None:
    squeeze, page = plan_squeeze(page_of(marks)), page_of(marks, scale)
    left = squeeze.apply(page)
    assert (left < 100).sum() == (page < 100).sum()
    size = squeeze.left_of(Size(page.shape[1], page.shape[0]))
    assert left.shape[:2] == (size.height, size.width)


@given(boxes.filter(bool))
@settings(deadline=None, max_examples=40)
def test_no_band_longer_than_a_line_is_left(marks: list[tuple[int, int, int, int]]) -> None:
    left = plan_squeeze(page_of(marks)).apply(page_of(marks))
    inked = (left < 100).any(axis=(1, 2)).nonzero()[0]
    assert np.diff(inked).max(initial=1) <= 14
    assert inked[0] <= 25 and len(left) - inked[-1] <= 26


def test_a_blank_page_and_a_page_full_of_ink_stay_as_they_are() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 707, 3), np.uint8)
    assert plan_squeeze(page_of([])) == plan_squeeze(noise) == Squeeze()


@given(boxes, st.integers(50, 3000), st.integers(50, 3000))
@settings(deadline=None, max_examples=40)
def test_a_page_is_drawn_so_large_that_what_is_left_fits(
    marks: list[tuple[int, int, int, int]], width: int, height: int
) -> None:
    squeeze, wanted = plan_squeeze(page_of(marks)), Size(width, height)
    left = squeeze.left_of(squeeze.whole_of(wanted))
    slack = 2 + len(squeeze.rows) + len(squeeze.cols)
    assert abs(left.width - width) <= slack and abs(left.height - height) <= slack


def test_the_probe_is_as_long_as_is_said() -> None:
    assert probe_size(Size(59528, 84189)) == Size(707, 1000)
