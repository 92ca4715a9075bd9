from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.image_processing_utils import select_best_resolution

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size
from llava_ocr.tiles.grid import (
    DOCUMENT_GRIDS,
    GridBudget,
    choose_grid,
    choose_stock_grid,
    num_padding_px,
    stock_grids,
)
from llava_ocr.tiles.plan import num_visual_tokens

STOCK_PINPOINTS = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
A4 = Size(2100, 2970)
sizes = st.builds(Size, st.integers(20, 5000), st.integers(20, 5000))


def budget(max_tiles: int = 36, max_visual_tokens: int = 16_000) -> GridBudget:
    return GridBudget(tile_px=336, patches_per_side=24, max_tiles=max_tiles, max_visual_tokens=max_visual_tokens)


@given(sizes, st.integers(0, 36), st.integers(600, 20_000))
@settings(deadline=None, max_examples=100)
def test_grid_stays_in_budget(page: Size, max_tiles: int, max_tokens: int) -> None:
    grid = choose_grid(page, None, grids=DOCUMENT_GRIDS, budget=budget(max_tiles, max_tokens))
    assert grid.num_tiles <= max_tiles
    assert num_visual_tokens(grid, page, 24) <= max_tokens


def test_a4_with_usual_text_gets_three_columns_of_four() -> None:
    assert choose_grid(A4, None, grids=DOCUMENT_GRIDS, budget=budget()) == Grid(4, 3)


def test_large_text_takes_fewer_tiles_and_small_text_more() -> None:
    by_em = [
        choose_grid(A4, em_pt / 842, grids=DOCUMENT_GRIDS, budget=budget()).num_tiles for em_pt in (6, 8, 10, 14, 24)
    ]
    assert by_em == sorted(by_em, reverse=True)
    assert len(set(by_em)) >= 4


def test_unreadably_small_text_gets_the_most_pixels_that_the_budget_allows() -> None:
    grid = choose_grid(A4, 2 / 842, grids=DOCUMENT_GRIDS, budget=budget(max_tiles=12))
    assert grid == Grid(4, 3)


def test_landscape_page_gets_the_transposed_grid() -> None:
    landscape = Size(A4.height, A4.width)
    assert choose_grid(landscape, 10 / 595, grids=DOCUMENT_GRIDS, budget=budget()) == Grid(3, 4)


def test_equal_pixels_go_to_the_grid_that_pads_least() -> None:
    offered = [Grid(6, 2), Grid(3, 2), Grid(4, 2)]
    grid = choose_grid(A4, 1 / 842, grids=offered, budget=budget())
    assert grid == min(offered, key=lambda other: num_padding_px(A4, other, 336)) == Grid(3, 2)


def test_without_tiles_the_overview_is_left() -> None:
    assert choose_grid(A4, None, grids=DOCUMENT_GRIDS, budget=budget(max_tiles=0)) == OVERVIEW_ONLY
    assert choose_grid(A4, None, grids=(OVERVIEW_ONLY,), budget=budget()) == OVERVIEW_ONLY


def test_document_grids_hold_every_transpose_and_at_most_36_tiles() -> None:
    assert {Grid(grid.cols, grid.rows) for grid in DOCUMENT_GRIDS} == set(DOCUMENT_GRIDS)
    assert max(grid.num_tiles for grid in DOCUMENT_GRIDS) == 36


@given(sizes)
@settings(deadline=None, max_examples=300)
def test_stock_grid_is_the_one_that_transformers_picks(size: Size) -> None:
    height, width = select_best_resolution((size.height, size.width), STOCK_PINPOINTS)
    assert choose_stock_grid(size, STOCK_PINPOINTS, tile_px=336).size(336) == Size(width, height)


def test_stock_grids_read_pinpoints_height_first() -> None:
    assert stock_grids([[336, 672], [1008, 336]], tile_px=336) == (Grid(1, 2), Grid(3, 1))
