"""Takes blank bands out of a page before it is cut: the same tiles then show its text larger. Pure.

The model sees a page whose blocks stand closer together; words, boxes and evidence are those of the page itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Size

# H W pixels, C channels (RGB), X pixels along one edge

# Bands are looked for on a page drawn this long: A4 at 85 dpi.
PROBE_PX = 1000
# What is left of a blank band between text, and of a margin, in the probe's pixels (3.6 and 7 mm on A4).
_BAND_PX, _MARGIN_PX = 12, 24
_INK_LEVELS = 24

Cuts = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Squeeze:
    """The parts of a page's height and width (fractions, from and to) that are taken out."""

    rows: Cuts = ()
    cols: Cuts = ()

    def left_of(self, page: Size) -> Size:
        """The extent of what is left of a page of this size."""
        return Size(int(_kept(self.cols, page.width).sum()), int(_kept(self.rows, page.height).sum()))

    def whole_of(self, left: Size) -> Size:
        """The extent to draw a page at so that about `left` is left of it."""
        return Size(round(left.width / (1 - _share(self.cols))), round(left.height / (1 - _share(self.rows))))

    def apply(self, raster_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Take the bands out of a drawn page."""
        height, width = raster_HWC.shape[:2]
        return raster_HWC[_kept(self.rows, height)][:, _kept(self.cols, width)]


def probe_size(page: Size) -> Size:
    """The extent to draw a page at, to look for its blank bands."""
    scale = PROBE_PX / max(page.width, page.height)
    return Size(max(1, round(page.width * scale)), max(1, round(page.height * scale)))


def plan_squeeze(probe_HWC: NDArray[np.uint8]) -> Squeeze:
    """Find the bands of a drawn page, right across it, in which there is nothing but one colour."""
    grey_HW = probe_HWC.min(axis=2).astype(np.int16)
    light_HW = probe_HWC.max(axis=2).astype(np.int16)
    paper = np.median(grey_HW[::4, ::4])
    inked_HW = (np.abs(grey_HW - paper) > _INK_LEVELS) | (np.abs(light_HW - paper) > _INK_LEVELS)
    if not inked_HW.any():
        return Squeeze()
    return Squeeze(rows=tuple(_cuts(inked_HW.any(axis=1))), cols=tuple(_cuts(inked_HW.any(axis=0))))


def _cuts(is_inked_X: NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
    """The middles of long bands between ink, and the outer parts of wide margins, as fractions."""
    length, end = len(is_inked_X), 0
    for is_ink, run in groupby(is_inked_X.tolist()):
        start, end = end, end + sum(1 for _ in run)
        if is_ink:
            continue
        before = 0 if start == 0 else _BAND_PX // 2
        after = 0 if end == length else _BAND_PX // 2
        if start == 0:
            after = _MARGIN_PX
        if end == length:
            before = _MARGIN_PX
        if end - after > start + before:
            yield (start + before) / length, (end - after) / length


def _kept(cuts: Sequence[tuple[float, float]], length: int) -> NDArray[np.bool_]:
    kept_X = np.ones(length, np.bool_)
    for start, end in cuts:
        kept_X[math.ceil(start * length) : math.floor(end * length)] = False
    return kept_X


def _share(cuts: Sequence[tuple[float, float]]) -> float:
    return sum(end - start for start, end in cuts)
