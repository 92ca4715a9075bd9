"""Pure decisions about size, format and blankness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.errors import CorruptPage
from llava_ocr.geometry import Box, Size
from llava_ocr.raster.base import Limits
from llava_ocr.raster.blank import is_blank
from llava_ocr.raster.limits import OCR_MAX_PIXELS, PaperSize, check_paper, ocr_size, shrunk_to
from llava_ocr.raster.page import em_height
from llava_ocr.raster.sniff import Format, sniff
from llava_ocr.records import Word

edges = st.integers(1, 100_000)
quick = settings(deadline=None, max_examples=60)


@quick
@given(edges, edges, st.integers(1, 10_000_000))
def test_a_shrunk_size_keeps_to_its_pixels(width: int, height: int, max_pixels: int) -> None:
    size = shrunk_to(Size(width, height), max_pixels)
    assert size.num_px <= max_pixels
    assert min(size.width, size.height) >= 1


@quick
@given(edges, edges)
def test_a_shrunk_size_keeps_its_shape(width: int, height: int) -> None:
    size = shrunk_to(Size(width, height), 1_000_000)
    if min(size.width, size.height) >= 50:
        assert size.aspect == pytest.approx(width / height, rel=0.05)


@quick
@given(st.floats(0.1, 1e6), st.floats(0.1, 1e6))
def test_no_page_is_too_large_for_the_ocr_reader(width_pt: float, height_pt: float) -> None:
    assert ocr_size(PaperSize(width_pt, height_pt), None, Limits()).num_px <= OCR_MAX_PIXELS


@pytest.mark.parametrize("edge", [0.0, -3.0, float("nan"), float("inf")])
def test_paper_without_area_is_corrupt(edge: float) -> None:
    with pytest.raises(CorruptPage):
        check_paper(PaperSize(100.0, edge))


@given(st.binary(max_size=64))
@quick
def test_any_bytes_can_be_sniffed(head: bytes) -> None:
    assert sniff(head) in {None, *Format}


def test_text_that_begins_like_a_bitmap_is_none() -> None:
    assert sniff(b"BMW invoice number 1234567890") is None


def sheet(level: int = 255) -> np.ndarray:
    return np.full((672, 476, 3), level, np.uint8)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_colour_is_blank(level: int) -> None:
    assert is_blank(sheet(level))


def test_scanner_noise_and_dust_are_blank() -> None:
    noise = np.random.default_rng(0).normal(238, 8, (672, 476, 3)).clip(0, 255).astype(np.uint8)
    noise[300:302, 200:202] = 40
    assert is_blank(noise)


@pytest.mark.parametrize("ink", [0, 150, 200])
def test_a_line_of_text_is_not_blank(ink: int) -> None:
    page = sheet()
    page[400:408, 100:220:3] = ink
    assert not is_blank(page)


def test_coloured_ink_is_not_blank() -> None:
    page = sheet()
    page[400:408, 100:220:3] = (255, 255, 120)
    assert not is_blank(page)


def test_one_pixel_can_be_blank() -> None:
    assert is_blank(np.full((1, 1, 3), 7, np.uint8))


def test_em_height_is_that_of_the_smaller_words() -> None:
    small = [Word("small", Box(0.1, y / 50, 0.3, y / 50 + 0.013)) for y in range(30)]
    title = Word("TITLE", Box(0.1, 0.9, 0.8, 0.98))
    assert em_height([*small, title], 0.7) == pytest.approx(0.01, rel=0.02)


def test_words_on_end_do_not_count_for_em_height() -> None:
    upright = Word("along", Box(0.1, 0.1, 0.3, 0.113))
    on_end = Word("edgewise", Box(0.9, 0.1, 0.913, 0.9))
    assert em_height([upright, on_end], 0.7) == pytest.approx(0.01, rel=0.02)
    assert em_height([], 0.7) is None
