"""Whether a drawn page shows nothing. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Scanner noise of 10 grey levels is 5 after averaging 2 x 2 pixels: this is nearly five times that.
INK_LEVELS = 24
# Dust: a few specks on a page. A lone page number is about five times as many pixels.
MAX_INK_SHARE = 2e-5


def is_blank(raster_HWC: NDArray[np.uint8]) -> bool:
    """Tell whether the page is one colour, scanner noise and a few specks apart."""
    # Cheap way out for what a renderer leaves: every byte alike.
    if raster_HWC.min() == raster_HWC.max():
        return True
    for channel in range(3):
        plane_HW = _halved(raster_HWC[:, :, channel])
        paper = np.int16(np.median(plane_HW[::4, ::4]))
        num_ink = np.count_nonzero(np.abs(plane_HW - paper) > INK_LEVELS)
        if num_ink > MAX_INK_SHARE * plane_HW.size:
            return False
    return True


def _halved(plane_HW: NDArray[np.uint8]) -> NDArray[np.int16]:
    height, width = plane_HW.shape[0] // 2 * 2, plane_HW.shape[1] // 2 * 2
    if not height or not width:
        return plane_HW.astype(np.int16)
    even = plane_HW[:height, :width].astype(np.int16)
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) // np.int16(4)
