"""Soft hyphens of a text layer: those that show on the page are hyphens, the others are nothing. Pure.

U+00AD stands for a place where a word may be broken, and then shows only where it is. But some fonts (Liberation) have
one glyph for it and for the hyphen, and programs that write PDFs then call every hyphen by the other's code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box

SOFT_HYPHEN = "\u00ad"
# Of 255, as in `visible`.
_INK_LEVELS = 20
# The middle of a glyph's box: its neighbours' ink may reach over the edges.
_MIDDLE = (0.2, 0.8)


def has_ink(box: Box, pixels_HWC: NDArray[np.uint8]) -> bool:
    """Whether a glyph's box holds any ink in its middle; a glyph without an extent holds none."""
    height, width = pixels_HWC.shape[:2]
    low, high = _MIDDLE
    x0, x1 = (box.x0 + box.width * share for share in _MIDDLE)
    y0, y1 = box.y0 + box.height * low, box.y0 + box.height * high
    columns = slice(max(0, int(x0 * width)), max(int(x0 * width) + 1, round(x1 * width)))
    rows = slice(max(0, int(y0 * height)), max(int(y0 * height) + 1, round(y1 * height)))
    cut_HWC = pixels_HWC[rows, columns].astype(np.int16)
    if box.width <= 0 or box.height <= 0 or not cut_HWC.size:
        return False
    ground_C = np.median(cut_HWC.reshape(-1, 3), axis=0)
    return bool(np.abs(cut_HWC - ground_C).max() > _INK_LEVELS)
