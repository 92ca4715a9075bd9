"""A page as the vision tower wants it: one overview and a grid of tiles, all squares of uint8 RGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Grid, Size

# N tiles (row by row), H W tile pixels, C channels (RGB)


@dataclass(frozen=True, eq=False)
class TiledRaster:
    """A page's pixels cut for the encoder.

    `size` is the page's own extent inside the grid, before padding. `source_size` is set where the page was scaled to
    it as stock LLaVA does, which unpads features by the shape from before. The overview is the page squashed to the
    square, as stock LLaVA does it.
    """

    overview_HWC: NDArray[np.uint8]
    tiles_NHWC: NDArray[np.uint8]
    grid: Grid
    size: Size
    dpi: float
    source_size: Size | None = None

    @property
    def unpad_size(self) -> Size:
        """The extent whose shape decides which rows or columns of patches are padding."""
        return self.source_size or self.size

    @property
    def tile_px(self) -> int:
        """Edge of the overview and of every tile, in pixels."""
        return int(self.overview_HWC.shape[0])

    @property
    def num_tiles(self) -> int:
        """Tiles, the overview not counted."""
        return int(self.tiles_NHWC.shape[0])

    def stitched(self) -> NDArray[np.uint8]:
        """Put the tiles back together and take the padding off: the page as `[height, width, 3]`."""
        if not self.num_tiles:
            return self.overview_HWC
        rows, cols, edge = self.grid.rows, self.grid.cols, self.tile_px
        grid_RCHW3 = self.tiles_NHWC.reshape(rows, cols, edge, edge, 3)
        canvas = grid_RCHW3.transpose(0, 2, 1, 3, 4).reshape(rows * edge, cols * edge, 3)
        left = (canvas.shape[1] - self.size.width) // 2
        top = (canvas.shape[0] - self.size.height) // 2
        return canvas[top : top + self.size.height, left : left + self.size.width]
