"""A painted page's pixels, drawn straight at the size that its tiles need, as a PDF of it would be."""

from __future__ import annotations

import numpy as np
import pymupdf
from numpy.typing import NDArray

from llava_ocr.geometry import Size
from llava_ocr.synth.base import PaintedPage
from llava_ocr.synth.pdf import draw_page


def draw_pixels(page: PaintedPage, size: Size) -> NDArray[np.uint8]:
    """Draw a page at `size`: `[height, width, 3]`, RGB, white where rounding leaves a pixel over."""
    canvas_HWC = np.full((size.height, size.width, 3), 255, np.uint8)
    with pymupdf.open() as pdf:
        draw_page(pdf, page)
        zoom = pymupdf.Matrix(size.width / page.width_pt, size.height / page.height_pt)
        pixmap = pdf[0].get_pixmap(matrix=zoom, alpha=False, colorspace=pymupdf.csRGB)
        drawn = np.frombuffer(pixmap.samples_mv, np.uint8).reshape(pixmap.height, pixmap.stride)
        drawn_HWC = drawn[:, : pixmap.width * 3].reshape(pixmap.height, pixmap.width, 3)
        height, width = min(size.height, pixmap.height), min(size.width, pixmap.width)
        canvas_HWC[:height, :width] = drawn_HWC[:height, :width]
    return canvas_HWC
