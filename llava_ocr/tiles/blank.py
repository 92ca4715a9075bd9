"""Which of a page's visual tokens show something. Pure.

Most patches of a page are white paper. Without them the language model reads a third of the tokens; what it loses is
what the encoder keeps in blank patches about the page as a whole, so the overview always stays whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import OVERVIEW_ONLY
from llava_ocr.tiles.plan import kept_patches
from llava_ocr.tiles.tiled import TiledRaster

# N tiles, R rows and K columns of tiles, Y X a tile's patches, H W patches of the page, C channels, L visual tokens

# As in `raster.blank`: scanner noise is five grey levels after averaging 2 x 2 pixels.
_INK_LEVELS = 24
# Lines a pixel apart are one colour once averaged; noise never reaches this far apart.
_FINE_INK_LEVELS = 96


def kept_tokens(raster: TiledRaster, patches_per_side: int) -> NDArray[np.bool_]:
    """Say of each visual token, in the order of `engines.pack`, whether it is kept: those of the overview, of patches
    with ink and of their neighbours, and the newline of each row that has one. Returns `[L]`."""
    overview = np.ones(patches_per_side**2, np.bool_)
    if raster.grid == OVERVIEW_ONLY:
        return np.append(overview, True)
    kept_HW = dilated(_inked(raster, patches_per_side))
    # A page narrower than half a patch has rows of newlines alone.
    has_newline_H = kept_HW.any(axis=1) | (kept_HW.shape[1] == 0)
    return np.concatenate([overview, np.column_stack([kept_HW, has_newline_H]).ravel()])


def dilated(inked_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The same patches and the eight around each: letters reach over a patch's edge."""
    padded = np.pad(inked_HW, 1)
    tall = padded[:-2] | padded[1:-1] | padded[2:]
    return tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]


def _inked(raster: TiledRaster, side: int) -> NDArray[np.bool_]:
    """The page's patches, padding taken off, that are more than one colour."""
    rows, cols = raster.grid.rows, raster.grid.cols
    inked_RKYX = _is_inked(raster.tiles_NHWC, side).reshape(rows, cols, side, side)
    page_HW = inked_RKYX.transpose(0, 2, 1, 3).reshape(rows * side, cols * side)
    kept = kept_patches(raster.grid, raster.unpad_size, side)
    top, left = (page_HW.shape[0] - kept.height) // 2, (page_HW.shape[1] - kept.width) // 2
    return page_HW[top : top + kept.height, left : left + kept.width]


def _is_inked(tiles_NHWC: NDArray[np.uint8], side: int) -> NDArray[np.bool_]:
    num_tiles, edge = tiles_NHWC.shape[:2]
    patch_px = edge // side
    cut = tiles_NHWC[:, : side * patch_px, : side * patch_px]
    patches = cut.reshape(num_tiles, side, patch_px, side, patch_px, 3).astype(np.int16)
    is_fine = np.ptp(patches, axis=(2, 4)) > _FINE_INK_LEVELS
    if patch_px % 2 == 0:
        patches = _halved(patches)
    return np.asarray((is_fine | (np.ptp(patches, axis=(2, 4)) > _INK_LEVELS)).any(axis=-1))


def _halved(patches: NDArray[np.int16]) -> NDArray[np.int16]:
    """Patches `[N, Y, pixels, X, pixels, C]`, 2 x 2 pixels averaged."""
    wide = patches[:, :, ::2] + patches[:, :, 1::2]
    return (wide[:, :, :, :, ::2] + wide[:, :, :, :, 1::2]) // np.int16(4)
