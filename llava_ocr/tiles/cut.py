"""Cuts a drawn page into the overview and the tiles that the vision tower takes. Pixels stay uint8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size, fit_within
from llava_ocr.tiles.grid import choose_stock_grid
from llava_ocr.tiles.tiled import TiledRaster

# N tiles (row by row), R rows and K columns of tiles, H W pixels, C channels (RGB)

# Box-shrink to this many times the target before the bicubic step: not visible, and 5 times faster from large pages.
_REDUCING_GAP = 2.0


def cut(raster_HWC: NDArray[np.uint8], grid: Grid, *, tile_px: int, dpi: float) -> TiledRaster:
    """Cut a page into `grid`, centred on black, with the whole page squashed to a square as the overview.

    A raster drawn at `plan.raster_size` is not resampled; any other is scaled to touch the grid from inside.
    """
    _check(raster_HWC)
    page = Image.fromarray(raster_HWC)
    overview_HWC = np.asarray(_shrink(page, Size(tile_px, tile_px)))
    if grid == OVERVIEW_ONLY:
        empty = np.empty((0, tile_px, tile_px, 3), np.uint8)
        edge_dpi = dpi * tile_px / max(page.size)
        return TiledRaster(overview_HWC, empty, grid, Size(*page.size), edge_dpi)
    size = _fitted(Size(*page.size), grid.size(tile_px))
    fitted_HWC = raster_HWC if size == Size(*page.size) else np.asarray(_shrink(page, size))
    return TiledRaster(overview_HWC, _tiles(fitted_HWC, grid, tile_px), grid, size, dpi * size.height / page.height)


def cut_stock(
    raster_HWC: NDArray[np.uint8], pinpoints: Sequence[Sequence[int]], *, tile_px: int, dpi: float
) -> TiledRaster:
    """Cut a page as transformers' `LlavaNextImageProcessorPil` does: its grid, its bicubic, its padding."""
    _check(raster_HWC)
    page = Image.fromarray(raster_HWC)
    source = Size(*page.size)
    grid = choose_stock_grid(source, pinpoints, tile_px=tile_px)
    size = fit_within(source, grid.size(tile_px))
    fitted_HWC = np.asarray(_bicubic(page, size))
    return TiledRaster(
        overview_HWC=np.asarray(_bicubic(page, Size(tile_px, tile_px))),
        tiles_NHWC=_tiles(fitted_HWC, grid, tile_px),
        grid=grid,
        size=size,
        dpi=dpi * size.height / source.height,
        source_size=source,
    )


def _tiles(fitted_HWC: NDArray[np.uint8], grid: Grid, tile_px: int) -> NDArray[np.uint8]:
    bound = grid.size(tile_px)
    height, width = fitted_HWC.shape[:2]
    top, left = (bound.height - height) // 2, (bound.width - width) // 2
    canvas_HWC = np.zeros((bound.height, bound.width, 3), np.uint8)
    canvas_HWC[top : top + height, left : left + width] = fitted_HWC
    tiles_RKHWC = canvas_HWC.reshape(grid.rows, tile_px, grid.cols, tile_px, 3).transpose(0, 2, 1, 3, 4)
    return tiles_RKHWC.reshape(grid.num_tiles, tile_px, tile_px, 3)


def _fitted(size: Size, bound: Size) -> Size:
    """Return `size` where it touches `bound` from inside already, else the size to scale it to."""
    is_inside = size.width <= bound.width and size.height <= bound.height
    is_touching = size.width == bound.width or size.height == bound.height
    return size if is_inside and is_touching else fit_within(size, bound)


def _shrink(page: Image.Image, size: Size) -> Image.Image:
    return page.resize((size.width, size.height), Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP)


def _bicubic(page: Image.Image, size: Size) -> Image.Image:
    return page.resize((size.width, size.height), Image.Resampling.BICUBIC)


def _check(raster_HWC: NDArray[np.uint8]) -> None:
    assert raster_HWC.dtype == np.uint8, raster_HWC.dtype
    assert raster_HWC.ndim == 3, raster_HWC.shape
    assert raster_HWC.shape[2] == 3, raster_HWC.shape
