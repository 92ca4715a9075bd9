"""A band of a page that was cut already, cut anew: only what lies between two heights, at the page's own resolution."""

from __future__ import annotations

from collections.abc import Sequence

from llava_ocr.geometry import OVERVIEW_ONLY, Grid
from llava_ocr.planner import Band
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.tiled import TiledRaster


def cut_band(page: TiledRaster, band: Band, *, grids: Sequence[Grid]) -> TiledRaster:
    """Cut a band out of a page's pixels and into the smallest of `grids` that covers it, else into the page's own.

    Nothing is drawn anew: the band has the pixels that the page had.
    """
    pixels_HWC = page.stitched()
    height, width = pixels_HWC.shape[:2]
    top = min(int(band.top * height), height - 1)
    bottom = max(top + 1, min(height, round(band.bottom * height)))
    sizes = {grid: grid.size(page.tile_px) for grid in grids if grid != OVERVIEW_ONLY and page.grid != OVERVIEW_ONLY}
    covering = [grid for grid, size in sizes.items() if size.width >= width and size.height >= bottom - top]
    grid = min(covering, key=lambda grid: (grid.num_tiles, grid), default=page.grid)
    return cut(pixels_HWC[top:bottom], grid, tile_px=page.tile_px, dpi=page.dpi)
