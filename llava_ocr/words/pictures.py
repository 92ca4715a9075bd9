"""Which pictures on a page that has text may hold words of their own, told without reading them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box, Size, union
from llava_ocr.records import Word, WordReader

# Of the page: logos, signatures and stamps are smaller. Of areas on a page the largest are looked at.
MIN_AREA = 0.05
MAX_PICTURES = 4
# More words of the layer on a picture are its text layer, or what it is a background of.
MAX_WORDS_ON_IT = 5
# Pictures this close together (of the page) are strips of one.
_TOUCH = 0.004
# More are a pattern or a page drawn in pieces, whose joining would take long.
_MAX_JOINED = 400
# Of 255: ink against paper; half of a picture with words is paper.
_INK_LEVELS = 50
_MIN_PAPER = 0.5
# Pixels are looked at in cells of about a letter's height at 100 dpi. Small print changes between ink and paper four
# times and more on its way through a cell; letters of a logo, drawings and signatures do not.
_CELL_PX = 16
_MIN_CHANGES = 4
_MIN_CELLS = 40
_MIN_SHARE = 0.25


def with_text(pictures: Sequence[Box], words: Sequence[Word], page_HWC: NDArray[np.uint8]) -> list[Box]:
    """Return the areas of pictures that look like text and of which the words tell nothing, the largest first.

    `page_HWC` is the drawn page, at about 100 dpi.
    """
    areas = sorted((area for area in _joined(pictures) if area.area >= MIN_AREA), key=lambda area: -area.area)
    bare = [area for area in areas if sum(_is_on(word.box, area) for word in words) <= MAX_WORDS_ON_IT]
    return [area for area in bare[:MAX_PICTURES] if looks_like_text(cut_out(page_HWC, area))]


def looks_like_text(pixels_HWC: NDArray[np.uint8]) -> bool:
    """Whether pixels (at about 100 dpi) are paper with lines of small print on it, whichever way they run."""
    grey_HW = pixels_HWC.mean(axis=2)
    paper = float(np.median(grey_HW))
    is_ink_HW = np.abs(grey_HW - paper) > _INK_LEVELS
    if is_ink_HW.size == 0 or is_ink_HW.mean() > 1 - _MIN_PAPER:
        return False
    cells_RHCW = _cells(is_ink_HW)
    inked_RC = cells_RHCW.any(axis=(1, 3))
    across_RC = np.abs(np.diff(cells_RHCW.astype(np.int8), axis=3)).sum(axis=3).max(axis=1, initial=0)
    down_RC = np.abs(np.diff(cells_RHCW.astype(np.int8), axis=1)).sum(axis=1).max(axis=2, initial=0)
    num_text = int((np.maximum(across_RC, down_RC) >= _MIN_CHANGES).sum())
    return num_text >= max(_MIN_CELLS, _MIN_SHARE * int(inked_RC.sum()))


def cut_out(page_HWC: NDArray[np.uint8], area: Box) -> NDArray[np.uint8]:
    """The pixels of an area."""
    left, top, right, bottom = _edges_px(page_HWC, area)
    return page_HWC[top:bottom, left:right]


def on_page(words: Sequence[Word], page_HWC: NDArray[np.uint8], area: Box) -> list[Word]:
    """Words that the OCR reader found in the cut-out of an area, at their places on the page."""
    left, top, right, bottom = _edges_px(page_HWC, area)
    height, width = page_HWC.shape[:2]
    within, page = Size(right - left, bottom - top), Size(width, height)
    return [Word(word.text, _moved(word.box, left, top, within, page), word.score, WordReader.OCR) for word in words]


def _moved(box: Box, left: int, top: int, within: Size, page: Size) -> Box:
    return Box(
        (left + box.x0 * within.width) / page.width,
        (top + box.y0 * within.height) / page.height,
        (left + box.x1 * within.width) / page.width,
        (top + box.y1 * within.height) / page.height,
    )


def is_known(word: Word, known: Sequence[Word]) -> bool:
    """Whether a word of a picture is one of the layer's: the same text at the same place."""
    return any(other.text == word.text and _is_on(word.box, other.box) for other in known)


def _edges_px(page_HWC: NDArray[np.uint8], area: Box) -> tuple[int, int, int, int]:
    height, width = page_HWC.shape[:2]
    box = area.clipped()
    return round(box.x0 * width), round(box.y0 * height), round(box.x1 * width), round(box.y1 * height)


def _cells(is_ink_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows, cols = is_ink_HW.shape[0] // _CELL_PX, is_ink_HW.shape[1] // _CELL_PX
    return is_ink_HW[: rows * _CELL_PX, : cols * _CELL_PX].reshape(rows, _CELL_PX, cols, _CELL_PX)


def _joined(pictures: Sequence[Box]) -> list[Box]:
    """Put pictures together that touch: scanners and printers store one in strips."""
    areas: list[Box] = []
    for picture in pictures[:_MAX_JOINED]:
        area = picture.clipped()
        while (near := next((other for other in areas if _touch(area, other)), None)) is not None:
            areas.remove(near)
            area = union([area, near])
        areas.append(area)
    return areas


def _touch(one: Box, other: Box) -> bool:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    return min(across, down) > -_TOUCH


def _is_on(box: Box, area: Box) -> bool:
    return area.x0 <= box.center_x <= area.x1 and area.y0 <= box.center_y <= area.y1
