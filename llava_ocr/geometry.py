"""Sizes, grids and boxes, and the conversions between them. Nothing else in the package converts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A raster's extent in pixels."""

    width: int
    height: int

    @property
    def num_px(self) -> int:
        """Pixels in all."""
        return self.width * self.height

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


@dataclass(frozen=True, slots=True, order=True)
class Grid:
    """Rows and columns of tiles; `Grid(0, 0)` is the overview alone."""

    rows: int
    cols: int

    @property
    def num_tiles(self) -> int:
        """Tiles in the grid, the overview not counted."""
        return self.rows * self.cols

    def size(self, tile_px: int) -> Size:
        """The raster extent that the grid covers when every tile is `tile_px` square."""
        return Size(self.cols * tile_px, self.rows * tile_px)


OVERVIEW_ONLY = Grid(0, 0)
# Writing further from a quarter turn is a watermark or a decoration, and says nothing of how the page lies.
MAX_ASLANT_DEGREES = 20.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle as fractions (0 to 1) of the upright page, from its top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Extent in x, a fraction of the page's width."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Extent in y, a fraction of the page's height."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Fraction of the page covered; 0 when the box is empty or turned over."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def center_x(self) -> float:
        """Middle in x."""
        return (self.x0 + self.x1) / 2

    @property
    def center_y(self) -> float:
        """Middle in y."""
        return (self.y0 + self.y1) / 2

    def intersection(self, other: Box) -> Box:
        """The part both boxes cover; its `area` is 0 when they do not meet."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other).area
        total = self.area + other.area - shared
        return shared / total if total > 0 else 0.0

    def clipped(self) -> Box:
        """The part of the box that lies on the page."""
        if 0 <= self.x0 <= self.x1 <= 1 and 0 <= self.y0 <= self.y1 <= 1:
            return self
        return Box(*(min(1.0, max(0.0, edge)) for edge in (self.x0, self.y0, self.x1, self.y1)))


class Turn(IntEnum):
    """The quarter turns, clockwise, that bring a page from how viewers show it to how it is read.

    Viewers obey a PDF's /Rotate and a photo's EXIF tag; that page is "as it is shown", and boxes in records, rows and
    answers are always on it. A page that then still lies on its side or its head is turned for reading: tiles and
    layouts are of the *turned* page. `box` goes there, `back` returns.
    """

    NONE = 0
    RIGHT = 1
    HALF = 2
    LEFT = 3

    @property
    def back(self) -> Turn:
        """The turn that undoes this one."""
        return Turn(-self % 4)

    @property
    def is_sideways(self) -> bool:
        """Whether width and height change places."""
        return self in (Turn.RIGHT, Turn.LEFT)

    def box(self, box: Box) -> Box:
        """Where a box of the page as it is shown lies on the turned page."""
        if self is Turn.NONE:
            return box
        if self is Turn.RIGHT:
            return Box(1 - box.y1, box.x0, 1 - box.y0, box.x1)
        if self is Turn.HALF:
            return Box(1 - box.x1, 1 - box.y1, 1 - box.x0, 1 - box.y0)
        return Box(box.y0, 1 - box.x1, box.y1, 1 - box.x0)

    def size(self, size: Size) -> Size:
        """The extent of a page of `size` when it is turned."""
        return Size(size.height, size.width) if self.is_sideways else size


def turn_of(dx: float, dy: float) -> Turn | None:
    """The turn that makes writing in this direction (x to the right, y down) run to the right; None for aslant."""
    degrees = math.degrees(math.atan2(dy, dx))
    quarters = round(degrees / 90)
    return Turn(-quarters % 4) if abs(degrees - 90 * quarters) <= MAX_ASLANT_DEGREES else None


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all of `boxes`; they must not be empty."""
    listed = list(boxes)
    assert listed, "union of no boxes"
    return Box(
        min([box.x0 for box in listed]),
        min([box.y0 for box in listed]),
        max([box.x1 for box in listed]),
        max([box.y1 for box in listed]),
    )


def box_of_px(x0_px: float, y0_px: float, x1_px: float, y1_px: float, *, size: Size) -> Box:
    """Turn pixel (or point) edges on a page of `size` into a box clipped to the page."""
    return Box(x0_px / size.width, y0_px / size.height, x1_px / size.width, y1_px / size.height).clipped()


def fit_within(size: Size, bound: Size) -> Size:
    """Scale `size` to touch `bound` from inside, keeping its shape, as LLaVA's processor rounds (ceil, clipped)."""
    scale_w, scale_h = bound.width / size.width, bound.height / size.height
    if scale_w < scale_h:
        return Size(bound.width, min(math.ceil(size.height * scale_w), bound.height))
    return Size(min(math.ceil(size.width * scale_h), bound.width), bound.height)
