"""Cuts a drawn page into the overview and the tiles that the vision tower takes. Pixels stay uint8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from llava_ocr.geometry import OVERVIEW_ONLY, Grid, Size, fit_within
from llava_ocr.tiles.grid import choose_stock_grid
from llava_ocr.tiles.tiled import TiledRaster

# N tiles (row by row), R rows and K columns of tiles, H W pixels, C channels (RGB)

# Box-shrink to this many times the target before the bicubic step: not visible, and 5 times faster from large pages.
_REDUCING_GAP = 2.0
_BAND_ROWS = 64


def cut(raster_HWC: NDArray[np.uint8], grid: Grid, *, tile_px: int, dpi: float) -> TiledRaster:
    """Cut a page into `grid`, centred on black, with the whole page squashed to a square as the overview.

    A raster drawn at `plan.raster_size` is not resampled; any other is scaled to touch the grid from inside.
    """
    source = _extent(raster_HWC)
    overview_HWC = _shrink(raster_HWC, Size(tile_px, tile_px))
    if grid == OVERVIEW_ONLY:
        empty = np.empty((0, tile_px, tile_px, 3), np.uint8)
        return TiledRaster(overview_HWC, empty, grid, source, dpi * tile_px / max(source.width, source.height))
    size = _fitted(source, grid.size(tile_px))
    fitted_HWC = raster_HWC if size == source else _shrink(raster_HWC, size)
    return TiledRaster(overview_HWC, _tiles(fitted_HWC, grid, tile_px), grid, size, dpi * size.height / source.height)


def cut_stock(
    raster_HWC: NDArray[np.uint8], pinpoints: Sequence[Sequence[int]], *, tile_px: int, dpi: float
) -> TiledRaster:
    """Cut a page as transformers' `LlavaNextImageProcessorPil` does: its grid, its bicubic, its padding."""
    source = _extent(raster_HWC)
    page = Image.fromarray(raster_HWC)
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
    # Straight into the tiles, and padding never touched: fresh memory costs more than the copying.
    tiles_RKHWC = np.zeros((grid.rows, grid.cols, tile_px, tile_px, 3), np.uint8)
    for row, y0, y1 in _spans(top, height, tile_px):
        for col, x0, x1 in _spans(left, width, tile_px):
            tile_HWC = tiles_RKHWC[row, col, y0 - row * tile_px : y1 - row * tile_px]
            tile_HWC[:, x0 - col * tile_px : x1 - col * tile_px] = fitted_HWC[
                y0 - top : y1 - top, x0 - left : x1 - left
            ]
    return tiles_RKHWC.reshape(grid.num_tiles, tile_px, tile_px, 3)


def _spans(start: int, length: int, tile_px: int) -> Iterator[tuple[int, int, int]]:
    """Cut `length` pixels from `start` on at the tiles' edges: each part's tile, first pixel and end."""
    end = start + length
    for tile in range(start // tile_px, -(-end // tile_px)):
        yield tile, max(start, tile * tile_px), min(end, (tile + 1) * tile_px)


def _fitted(size: Size, bound: Size) -> Size:
    """Return `size` where it touches `bound` from inside already, else the size to scale it to."""
    is_inside = size.width <= bound.width and size.height <= bound.height
    is_touching = size.width == bound.width or size.height == bound.height
    return size if is_inside and is_touching else fit_within(size, bound)


def _shrink(raster_HWC: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Scale as Pillow's `resize(..., reducing_gap=2)` does, band by band, so that no second full page is held."""
    height, width = raster_HWC.shape[:2]
    if (width, height) == (size.width, size.height):
        return raster_HWC
    factor_x = max(1, int(width / size.width / _REDUCING_GAP))
    factor_y = max(1, int(height / size.height / _REDUCING_GAP))
    reduced = Image.new("RGB", (-(-width // factor_x), -(-height // factor_y)))
    band_px = _BAND_ROWS * factor_y
    for top in range(0, height, band_px):
        band = Image.fromarray(raster_HWC[top : top + band_px])
        reduced.paste(band.reduce((factor_x, factor_y)), (0, top // factor_y))
    box = (0, 0, width / factor_x, height / factor_y)
    return np.asarray(reduced.resize((size.width, size.height), Image.Resampling.BICUBIC, box=box))


def _bicubic(page: Image.Image, size: Size) -> Image.Image:
    return page.resize((size.width, size.height), Image.Resampling.BICUBIC)


def _extent(raster_HWC: NDArray[np.uint8]) -> Size:
    assert raster_HWC.dtype == np.uint8, raster_HWC.dtype
    assert raster_HWC.ndim == 3, raster_HWC.shape
    height, width, num_channels = raster_HWC.shape
    assert num_channels == 3, raster_HWC.shape
    return Size(width, height)
