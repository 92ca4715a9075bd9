"""How large pages may be and how large they are drawn: pure arithmetic, done before any pixel is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llava_ocr.errors import CorruptPage, PageTooLarge, TooManyPages
from llava_ocr.geometry import Size
from llava_ocr.raster.base import Limits

POINTS_PER_INCH = 72.0
# At 170 dpi 8 pt text is 19 px high, which the OCR reader reads well; more only takes longer.
OCR_DPI = 170.0
OCR_MAX_PIXELS = 3_000_000
# Where a glyph's own ink is looked for: a hyphen in 6 pt is 6 px wide and one high.
GLYPH_DPI = 200.0
GLYPH_MAX_PIXELS = 4_000_000
# `Size` counts whole units, and a page 595.276 pt wide needs finer ones to keep its shape.
_UNITS_PER_POINT = 100


@dataclass(frozen=True, slots=True)
class PaperSize:
    """The upright page's extent in points (1/72 inch)."""

    width_pt: float
    height_pt: float

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width_pt / self.height_pt

    @property
    def shape(self) -> Size:
        """The page's extent in hundredths of a point: for its shape, not for drawing."""
        return Size(max(1, round(self.width_pt * _UNITS_PER_POINT)), max(1, round(self.height_pt * _UNITS_PER_POINT)))

    def at_dpi(self, dpi: float) -> Size:
        """The page's extent in pixels at `dpi`."""
        scale = dpi / POINTS_PER_INCH
        return Size(max(1, round(self.width_pt * scale)), max(1, round(self.height_pt * scale)))


def check_paper(paper: PaperSize) -> PaperSize:
    """Return the page's size. Raises CorruptPage where it has no area or is not finite."""
    edges = (paper.width_pt, paper.height_pt)
    if not all(math.isfinite(edge) and edge > 0 for edge in edges):
        raise CorruptPage(f"a page of {paper.width_pt:g} x {paper.height_pt:g} pt can't be drawn")
    return paper


def check_pixels(size: Size, limits: Limits) -> Size:
    """Return `size`. Raises PageTooLarge for more pixels than the limit, CorruptPage for none."""
    if size.width < 1 or size.height < 1:
        raise CorruptPage(f"an image of {size.width} x {size.height} pixels can't be read")
    if size.num_px > limits.max_pixels:
        raise PageTooLarge(
            f"{size.width:,} x {size.height:,} = {size.num_px:,} pixels, the limit is {limits.max_pixels:,}"
        )
    return size


def check_num_pages(num_pages: int, limits: Limits) -> int:
    """Return `num_pages`. Raises TooManyPages above the limit."""
    if num_pages > limits.max_pages:
        raise TooManyPages(f"{num_pages:,} pages, the limit is {limits.max_pages:,}")
    return num_pages


def shrunk_to(size: Size, max_pixels: int) -> Size:
    """Scale `size` down to at most `max_pixels`, keeping its shape; at least one pixel each way."""
    if size.num_px <= max_pixels:
        return size
    scale = math.sqrt(max_pixels / size.num_px)
    width, height = max(1, int(size.width * scale)), max(1, int(size.height * scale))
    return Size(min(width, max_pixels), min(height, max(1, max_pixels // width)))


def ocr_size(paper: PaperSize, native: Size | None, limits: Limits) -> Size:
    """Return the extent at which the OCR reader sees a page: a photo's own pixels, else `OCR_DPI`, both capped."""
    wanted = native or paper.at_dpi(OCR_DPI)
    return shrunk_to(wanted, min(OCR_MAX_PIXELS, limits.max_pixels))


def dpi_of(size: Size, paper: PaperSize) -> float:
    """Return the resolution of a page drawn at `size`."""
    return size.height / paper.height_pt * POINTS_PER_INCH
