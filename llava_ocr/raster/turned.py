"""A sheet that is turned for reading: the same page, drawn and measured as it is read. Boxes of words stay with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Size, Turn
from llava_ocr.raster.drawer import Draws
from llava_ocr.raster.limits import PaperSize


class TurnedSheet:
    """Draws a sheet turned."""

    def __init__(self, sheet: Draws, turn: Turn) -> None:
        self._sheet, self._turn = sheet, turn
        paper = sheet.paper
        self.paper = PaperSize(paper.height_pt, paper.width_pt) if turn.is_sideways else paper

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """Draw the turned page at `size`."""
        return turned(self._sheet.draw(self._turn.back.size(size)), self._turn)


def turned(raster_HWC: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """Turn pixels; those that need no turning are the same, not a copy."""
    return raster_HWC if turn is Turn.NONE else np.ascontiguousarray(np.rot90(raster_HWC, -int(turn)))
