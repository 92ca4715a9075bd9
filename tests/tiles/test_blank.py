"""Which visual tokens of a page stay when blank paper is left out."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size, fit_within
from llava_ocr.tiles.blank import dilated, kept_tokens
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.plan import kept_patches, num_visual_tokens

TILE_PX, SIDE = 56, 4
PATCH_PX = TILE_PX // SIDE

grids = st.builds(Grid, st.integers(1, 3), st.integers(1, 3))
extents = st.tuples(st.integers(30, 200), st.integers(30, 200))


@given(grids, extents, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_there_is_a_word_for_every_visual_token(grid: Grid, extent: tuple[int, int], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*extent, 3), np.uint8)
    raster = cut(pixels, grid, tile_px=TILE_PX, dpi=100)
    kept_L = kept_tokens(raster, SIDE)
    assert len(kept_L) == num_visual_tokens(grid, raster.unpad_size, SIDE)
    assert kept_L[: SIDE**2].all()


@given(st.integers(0, 11), st.integers(0, 7))
@settings(deadline=None, max_examples=30)
def test_a_mark_keeps_its_patch_those_around_it_and_their_newlines(row: int, col: int) -> None:
    page = np.full((3 * TILE_PX, 2 * TILE_PX, 3), 255, np.uint8)
    page[row * PATCH_PX + 3 : row * PATCH_PX + 7, col * PATCH_PX + 3 : col * PATCH_PX + 7] = 0
    kept_HW1 = kept_tokens(cut(page, Grid(3, 2), tile_px=TILE_PX, dpi=100), SIDE)[SIDE**2 :].reshape(12, 9)
    rows, cols = kept_HW1[:, :8].nonzero()
    assert {*zip(rows.tolist(), cols.tolist(), strict=True)} == {
        (y, x) for y in range(12) for x in range(8) if abs(y - row) <= 1 and abs(x - col) <= 1
    }
    assert kept_HW1[:, 8].nonzero()[0].tolist() == [y for y in range(12) if abs(y - row) <= 1]


@given(grids, extents)
# Narrower than half a patch: no patches, and newlines all the same.
@example(Grid(1, 1), (130, 30))
@settings(deadline=None, max_examples=20)
def test_where_everything_is_ink_everything_stays(grid: Grid, extent: tuple[int, int]) -> None:
    size = fit_within(Size(extent[1], extent[0]), grid.size(TILE_PX))
    page = np.zeros((size.height, size.width, 3), np.uint8)
    page[::2] = 255
    assert kept_tokens(cut(page, grid, tile_px=TILE_PX, dpi=100), SIDE).all()


def test_scanner_noise_is_blank_and_the_overview_stays_whole() -> None:
    noise = np.random.default_rng(0).normal(240, 5, (224, 168, 3)).clip(0, 255).astype(np.uint8)
    raster = cut(noise, Grid(4, 3), tile_px=TILE_PX, dpi=100)
    assert kept_patches(raster.grid, raster.unpad_size, SIDE).num_px == 16 * 12
    assert kept_tokens(raster, SIDE).sum() == SIDE**2
    assert kept_tokens(cut(noise, OVERVIEW_ONLY, tile_px=TILE_PX, dpi=100), SIDE).all()


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_dilation_reaches_eight_neighbours_and_no_further(height: int, width: int, seed: int) -> None:
    inked = np.random.default_rng(seed).random((height, width)) < 0.2
    wide = dilated(inked)
    for y, x in np.ndindex(height, width):
        assert wide[y, x] == inked[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].any()
