"""Pictures of pages and of places on them, drawn in child processes and kept in memory, never on the disk."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from llava_ocr.db.page_words import load_page_words, save_page_words
from llava_ocr.db.session import Database
from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import ObjectNotFound
from llava_ocr.geometry import Box, Grid
from llava_ocr.originals import original
from llava_ocr.raster.base import Limits, OcrMode, PageRead, ReadOptions
from llava_ocr.raster.sandbox import Sandbox
from llava_ocr.records import NO_WORDS, PageWords
from llava_ocr.services import read_passwords
from llava_ocr.settings import Settings

# The longer side of a drawn page; A4 then has 171 dpi, which reads well when zoomed in on.
PAGE_PX = 2000
# Pages drawn at once and then kept: people turn over.
PAGES_AHEAD = 4
MAX_KEPT_BYTES = 96 * 2**20
_JPEG_QUALITY = 82
# What a cut shows around its place, as a share of the page's width and height.
_MARGIN_X, _MARGIN_Y = 0.015, 0.008


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as a JPEG."""

    jpeg: bytes
    width_px: int
    height_px: int


class PageNotDrawn(ObjectNotFound):
    """The page is not there or can't be drawn."""

    hint = "Open the document in a viewer; the run's failures say what was wrong with the page."


class Pictures:
    """Draws pages on demand. Safe to use from several threads; close it at the end."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._passwords = read_passwords(settings.password_file)
        self._kept: OrderedDict[tuple[str, int], Picture] = OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()
        # One document at a time: people look at one page, and the machine has other work.
        self._drawing = threading.Lock()
        self._drawer = Sandbox(_options(settings, OcrMode.NEVER), num_children=1)
        self._word_reader = Sandbox(_options(settings, settings.ocr), num_children=1)

    def page(self, document_id: str, page_index: int) -> Picture:
        """Return a page's picture. Raises PageNotDrawn, StoreError or InputError."""
        kept = self._find(document_id, page_index)
        if kept is not None:
            return kept
        with self._drawing:
            # Whoever waited here may find that the one before drew this page, too.
            if (kept := self._find(document_id, page_index)) is not None:
                return kept
            with self._pages(self._drawer, document_id, page_index) as pages:
                for page in islice(pages, PAGES_AHEAD):
                    if page.raster is not None:
                        self._keep(document_id, page.outcome.page_index, _jpeg_of(page.pixels()))
        if (kept := self._find(document_id, page_index)) is None:
            raise PageNotDrawn(f"page {page_index + 1} can't be drawn")
        return kept

    def crop(self, document_id: str, page_index: int, box: Box) -> bytes:
        """Cut a place out of a page, with a little around it, as a PNG."""
        return crop_png(self.page(document_id, page_index), box)

    def words(self, document_id: str, page_index: int) -> PageWords:
        """Return a page's words: those that were kept, or else read now and then kept."""
        with self._db.reading() as connection:
            kept = load_page_words(connection, document_id, page_index)
        if kept is not None:
            return kept
        with self._pages(self._word_reader, document_id, page_index) as pages:
            page = next(pages, None)
        if page is None or page.layout is None:
            return NO_WORDS
        words = PageWords(page.words, page.reader, turn=page.outcome.turn)
        with self._db.writing() as connection:
            save_page_words(connection, [(document_id, page_index, words)])
        return words

    def forget(self, document_id: str) -> None:
        """Drop a document's pictures."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == document_id]:
                self._num_bytes -= len(self._kept.pop(key).jpeg)

    def close(self) -> None:
        """End the child processes."""
        self._drawer.close()
        self._word_reader.close()

    @contextmanager
    def _pages(self, reader: Sandbox, document_id: str, page_index: int) -> Iterator[Iterator[PageRead]]:
        with (
            original(self._db, document_id, self._settings) as path,
            closing(reader.read_from(path, page_index, self._passwords)) as pages,
        ):
            yield pages

    def _find(self, document_id: str, page_index: int) -> Picture | None:
        with self._lock:
            kept = self._kept.get((document_id, page_index))
            if kept is not None:
                self._kept.move_to_end((document_id, page_index))
            return kept

    def _keep(self, document_id: str, page_index: int, picture: Picture) -> None:
        with self._lock:
            previous = self._kept.pop((document_id, page_index), None)
            self._num_bytes += len(picture.jpeg) - (len(previous.jpeg) if previous else 0)
            self._kept[document_id, page_index] = picture
            while self._num_bytes > MAX_KEPT_BYTES and len(self._kept) > 1:
                self._num_bytes -= len(self._kept.popitem(last=False)[1].jpeg)


def crop_png(picture: Picture, box: Box) -> bytes:
    """Cut a place out of a drawn page, with a little around it, as a PNG."""
    wide = Box(box.x0 - _MARGIN_X, box.y0 - _MARGIN_Y, box.x1 + _MARGIN_X, box.y1 + _MARGIN_Y).clipped()
    width, height = picture.width_px, picture.height_px
    edges = (round(wide.x0 * width), round(wide.y0 * height), round(wide.x1 * width), round(wide.y1 * height))
    left, top, right, bottom = edges
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture.jpeg), formats=["JPEG"]) as page:
        page.crop((left, top, max(right, left + 1), max(bottom, top + 1))).save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg_of(pixels_HWC: NDArray[np.uint8]) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels_HWC).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return Picture(buffer.getvalue(), width_px=pixels_HWC.shape[1], height_px=pixels_HWC.shape[0])


def _options(settings: Settings, ocr: OcrMode) -> ReadOptions:
    """Pages in one piece, under the limits that runs work with."""
    profile = EngineProfile(
        name="pages",
        fingerprint="pages",
        tile_px=PAGE_PX,
        patches_per_side=1,
        context_tokens=1_000,
        grids=(Grid(1, 1),),
        anchored_grids=(Grid(1, 1),),
        takes_grammar=False,
    )
    limits = replace(
        Limits(),
        max_bytes=settings.max_bytes,
        max_pages=settings.max_pages,
        max_pixels=settings.max_pixels,
        page_timeout_s=settings.page_timeout_s,
        memory_bytes=settings.memory_bytes,
    )
    return ReadOptions(profile, limits=limits, pdf=settings.pdf, ocr=ocr)
