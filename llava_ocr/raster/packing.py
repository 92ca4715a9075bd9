"""A page as few large values for the way from child to parent: a thousand small objects pickle ten times slower."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box, Turn
from llava_ocr.raster.base import PageRead
from llava_ocr.raster.conforms import conforms
from llava_ocr.records import Word, WordReader
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.layout import Layout, Line, Segment

# No word holds white space, so a line feed parts them.
_SEPARATOR = "\n"


@dataclass(frozen=True, eq=False)
class PackedLayout:
    """A layout's words, segments and lines side by side; `runs` are the word indices of each line's segments."""

    texts: str
    scores_W: NDArray[np.float64]
    is_ocr_W: NDArray[np.bool_]
    word_boxes_W4: NDArray[np.float64]
    segment_boxes_S4: NDArray[np.float64]
    line_boxes_L4: NDArray[np.float64]
    runs: tuple[tuple[tuple[int, ...], ...], ...]
    aspect: float
    turn: Turn


@dataclass(frozen=True, eq=False)
class PackedPage:
    """A page whose layout travels beside it."""

    page: PageRead
    layout: PackedLayout | None

    def unpacked(self) -> PageRead:
        """Put the page together again. Raises ValueError, IndexError or StopIteration where the parts do not fit."""
        if not conforms(self, PackedPage):
            raise ValueError("parts of other kinds than a page's")
        page = replace(self.page, layout=_unpacked(self.layout)) if self.layout is not None else self.page
        if page.raster is not None:
            _check_raster(page.raster)
        return page


def packed(page: PageRead) -> PackedPage:
    """Take a page apart for the way."""
    if page.layout is None:
        return PackedPage(page, None)
    layout = page.layout
    segments = [segment for line in layout.lines for segment in line.segments]
    flat = PackedLayout(
        texts=_SEPARATOR.join(word.text for word in layout.words),
        scores_W=np.array([word.score for word in layout.words], dtype=np.float64),
        is_ocr_W=np.array([word.reader is WordReader.OCR for word in layout.words], dtype=np.bool_),
        word_boxes_W4=_boxes(word.box for word in layout.words),
        segment_boxes_S4=_boxes(segment.box for segment in segments),
        line_boxes_L4=_boxes(line.box for line in layout.lines),
        runs=tuple(tuple(segment.words for segment in line.segments) for line in layout.lines),
        aspect=layout.aspect,
        turn=layout.turn,
    )
    return PackedPage(replace(page, layout=None), flat)


def _check_raster(raster: TiledRaster) -> None:
    edge, sizes = raster.tile_px, [size for size in (raster.size, raster.source_size) if size is not None]
    is_square = raster.overview_HWC.shape == (edge, edge, 3) and edge > 0
    has_tiles = raster.tiles_NHWC.shape == (raster.grid.num_tiles, edge, edge, 3)
    is_sized = all(size.width > 0 and size.height > 0 for size in sizes) and math.isfinite(raster.dpi)
    bound = raster.grid.size(edge)
    is_inside = not raster.num_tiles or (raster.size.width <= bound.width and raster.size.height <= bound.height)
    if not (is_square and has_tiles and is_sized and is_inside and min(raster.grid.rows, raster.grid.cols) >= 0):
        raise ValueError("tiles that are no page's")


def _unpacked(flat: PackedLayout) -> Layout:
    texts = flat.texts.split(_SEPARATOR) if len(flat.scores_W) else []
    if not (math.isfinite(flat.aspect) and flat.aspect > 0) or any(
        not text or text.split() != [text] for text in texts
    ):
        raise ValueError("words that are no words, or a page without a shape")
    if not np.isfinite(flat.scores_W).all():
        raise ValueError("scores that are no numbers")
    if sorted(index for runs in flat.runs for run in runs for index in run) != list(range(len(texts))):
        raise ValueError("lines that leave words out")
    boxes = _read_boxes(flat.word_boxes_W4)
    readers = [WordReader.OCR if is_ocr else None for is_ocr in flat.is_ocr_W.tolist()]
    words = tuple(Word(*word) for word in zip(texts, boxes, flat.scores_W.tolist(), readers, strict=True))
    segment_boxes = iter(_read_boxes(flat.segment_boxes_S4))
    line_boxes = _read_boxes(flat.line_boxes_L4)
    lines = tuple(
        Line(tuple(_segment(run, number, next(segment_boxes), texts) for run in runs), box)
        for number, (runs, box) in enumerate(zip(flat.runs, line_boxes, strict=True))
    )
    return Layout(words, lines, flat.aspect, flat.turn)


def _segment(run: tuple[int, ...], line: int, box: Box, texts: Sequence[str]) -> Segment:
    return Segment(run, line, box, " ".join([texts[index] for index in run]))


def _boxes(boxes: Iterable[Box]) -> NDArray[np.float64]:
    edges = [(box.x0, box.y0, box.x1, box.y1) for box in boxes]
    return np.array(edges, dtype=np.float64).reshape(-1, 4)


def _read_boxes(edges_N4: NDArray[np.float64]) -> list[Box]:
    if edges_N4.ndim != 2 or edges_N4.shape[1] != 4 or not np.isfinite(edges_N4).all():
        raise ValueError("boxes without four edges")
    return [Box(*edges) for edges in edges_N4.tolist()]
