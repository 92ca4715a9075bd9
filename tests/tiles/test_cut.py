import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size
from llava_ocr.tiles.cut import cut, cut_stock
from llava_ocr.tiles.grid import DOCUMENT_GRIDS
from llava_ocr.tiles.plan import raster_size

TILE_PX = 28
STOCK_SHAPES = ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))
PINPOINTS = [[rows * TILE_PX, cols * TILE_PX] for rows, cols in STOCK_SHAPES]
pages = st.builds(Size, st.integers(20, 160), st.integers(20, 160))


def drawn(size: Size) -> NDArray[np.uint8]:
    return np.random.default_rng(size.num_px).integers(1, 256, (size.height, size.width, 3), np.uint8)


def stock_pixels(raster: NDArray[np.uint8]) -> NDArray[np.float32]:
    square = {"height": TILE_PX, "width": TILE_PX}
    processor = LlavaNextImageProcessorPil(size=square, crop_size=square, image_grid_pinpoints=PINPOINTS)
    pixels: NDArray[np.float32] = processor(raster, return_tensors="np", input_data_format="channels_last")[
        "pixel_values"
    ][0]
    return pixels


def normalized(tiles_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    mean = np.array(LlavaNextImageProcessorPil.image_mean, np.float32)
    std = np.array(LlavaNextImageProcessorPil.image_std, np.float32)
    return ((tiles_NHWC.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2)


@given(pages)
@settings(deadline=None, max_examples=60)
def test_stock_cut_equals_the_stock_processor(size: Size) -> None:
    raster = drawn(size)
    cutting = cut_stock(raster, PINPOINTS, tile_px=TILE_PX, dpi=100)
    ours = normalized(np.concatenate([cutting.overview_HWC[None], cutting.tiles_NHWC]))
    np.testing.assert_allclose(ours, stock_pixels(raster), atol=1e-6)


@pytest.mark.parametrize(("rows", "cols"), STOCK_SHAPES)
def test_every_stock_pinpoint_is_reached(rows: int, cols: int) -> None:
    raster = drawn(Size(cols * 40, rows * 40))
    assert cut_stock(raster, PINPOINTS, tile_px=TILE_PX, dpi=100).grid == Grid(rows, cols)


@given(pages, st.sampled_from(DOCUMENT_GRIDS))
@settings(deadline=None, max_examples=60)
def test_every_pixel_lands_in_a_tile(page: Size, grid: Grid) -> None:
    raster = drawn(raster_size(page, grid, TILE_PX))
    cutting = cut(raster, grid, tile_px=TILE_PX, dpi=100)
    assert cutting.num_tiles == grid.num_tiles
    assert cutting.dpi == 100
    np.testing.assert_array_equal(cutting.stitched(), raster)


@given(pages, st.sampled_from(DOCUMENT_GRIDS))
@settings(deadline=None, max_examples=60)
def test_a_raster_of_another_size_is_scaled_to_touch_the_grid(page: Size, grid: Grid) -> None:
    cutting = cut(drawn(page), grid, tile_px=TILE_PX, dpi=100)
    bound = grid.size(TILE_PX)
    assert cutting.size.width == bound.width or cutting.size.height == bound.height
    assert cutting.stitched().shape == (cutting.size.height, cutting.size.width, 3)


def test_padding_is_black_and_centred() -> None:
    cutting = cut(np.full((14, 28, 3), 255, np.uint8), Grid(1, 1), tile_px=TILE_PX, dpi=100)
    [tile] = cutting.tiles_NHWC
    assert not tile[:7].any()
    assert (tile[7:21] == 255).all()
    assert not tile[21:].any()


def test_overview_alone_has_no_tiles_and_the_whole_page() -> None:
    cutting = cut(np.full((80, 40, 3), 200, np.uint8), OVERVIEW_ONLY, tile_px=TILE_PX, dpi=100)
    assert cutting.tiles_NHWC.shape == (0, TILE_PX, TILE_PX, 3)
    assert cutting.overview_HWC.shape == (TILE_PX, TILE_PX, 3)
    assert (cutting.overview_HWC == 200).all()
    assert cutting.dpi == pytest.approx(100 * TILE_PX / 80)
