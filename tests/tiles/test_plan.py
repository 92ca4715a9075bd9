import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.llava_next.modeling_llava_next import unpad_image

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size
from llava_ocr.tiles.grid import DOCUMENT_GRIDS
from llava_ocr.tiles.plan import kept_patches, num_visual_tokens, raster_size

sizes = st.builds(Size, st.integers(20, 5000), st.integers(20, 5000))
document_grids = st.sampled_from(DOCUMENT_GRIDS)


@given(sizes, document_grids)
@settings(deadline=None, max_examples=300)
def test_kept_patches_are_those_that_transformers_keeps(size: Size, grid: Grid) -> None:
    padded = torch.empty(1, grid.rows * 24, grid.cols * 24)
    _, height, width = unpad_image(padded, (size.height, size.width)).shape
    assert kept_patches(grid, size, 24) == Size(width, height)


def test_a4_in_the_stock_square_costs_2256_tokens() -> None:
    assert num_visual_tokens(Grid(2, 2), Size(595, 842), 24) == 576 + 48 * (34 + 1)
    assert num_visual_tokens(OVERVIEW_ONLY, Size(595, 842), 24) == 577


@given(sizes, document_grids)
@settings(deadline=None, max_examples=100)
def test_drawn_page_touches_the_grid_from_inside(page: Size, grid: Grid) -> None:
    drawn, bound = raster_size(page, grid, 336), grid.size(336)
    assert drawn.width <= bound.width
    assert drawn.height <= bound.height
    assert drawn.width == bound.width or drawn.height == bound.height


def test_lone_overview_is_drawn_twice_its_edge() -> None:
    assert raster_size(Size(210, 297), OVERVIEW_ONLY, 336) == Size(476, 672)
