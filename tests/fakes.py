"""Fakes that obey the protocols: a reader of documents that are written as JSON, and what goes with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from llava_ocr.errors import CorruptDocument, CorruptPage
from llava_ocr.geometry import OVERVIEW_ONLY, Box, Size
from llava_ocr.raster.base import PageRead
from llava_ocr.records import PageOutcome, PageState, Word, WordReader
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.layout import lay_out

ASPECT = 0.7


def paper(*pages: str) -> bytes:
    """A document for `JsonReader`: each page is its text, or `!blank`, or `!broken`."""
    return json.dumps({"pages": pages}).encode()


def raster(tile_px: int = 8) -> TiledRaster:
    """A white page of one overview."""
    white = np.full((tile_px, tile_px, 3), 255, dtype=np.uint8)
    return TiledRaster(white, np.empty((0, tile_px, tile_px, 3), dtype=np.uint8), OVERVIEW_ONLY, Size(8, 8), 72.0)


def words_of(text: str) -> list[Word]:
    """Words of lines of text, 10 pt on A4, at their column."""
    found = []
    for row, line in enumerate(text.split("\n")):
        column = 0
        for part in line.split(" "):
            if part:
                x0, y0 = 0.05 + column * 0.009, 0.05 + row * 0.02
                found.append(Word(part, Box(x0, y0, x0 + len(part) * 0.009, y0 + 0.012)))
            column += len(part) + 1
    return found


class JsonReader:
    """A `PageReader` for `paper(...)` documents; anything else is corrupt."""

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        return len(self._pages(path))

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        for index, text in enumerate(self._pages(path)):
            yield self._page(index, text)

    def close(self) -> None:
        pass

    def _pages(self, path: Path) -> list[str]:
        try:
            return list(json.loads(path.read_bytes())["pages"])
        except (ValueError, KeyError, TypeError):
            raise CorruptDocument("not a JSON paper") from None

    def _page(self, index: int, text: str) -> PageRead:
        if text == "!blank":
            return PageRead(PageOutcome(index, PageState.SKIPPED, "blank"))
        if text == "!broken":
            return PageRead(PageOutcome(index, PageState.FAILED, CorruptPage.__name__, f"page {index + 1}: broken"))
        layout = lay_out(words_of(text), aspect=ASPECT)
        return PageRead(
            PageOutcome(index, PageState.OK), raster(), layout, WordReader.TEXT_LAYER, image_hash=str(index)
        )
