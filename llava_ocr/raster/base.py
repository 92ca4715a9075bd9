"""What reading a document's pages takes and gives. The work is done in child processes (`sandbox`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llava_ocr.engines.base import EngineProfile
from llava_ocr.records import Finding, PageOutcome, Word, WordReader
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.layout import Layout
from llava_ocr.words.turned import turned_words


class PdfLibrary(StrEnum):
    """Who draws PDFs: PyMuPDF is faster and AGPL-3, pypdfium2 is BSD/Apache."""

    PYMUPDF = "pymupdf"
    PDFIUM = "pdfium"


class OcrMode(StrEnum):
    """When the OCR reader runs: where the text layer is missing or unsound, always (in its place), or never."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost. All are enforced in or on the child process."""

    max_bytes: int = 200 * 2**20
    max_pages: int = 5_000
    max_pixels: int = 60_000_000
    page_timeout_s: float = 60.0
    memory_bytes: int = 3 * 2**30


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How pages are prepared: for which engine, by which library, with which words.

    Lines that speak to a machine are left out of the words unless `keeps_commands`.
    """

    profile: EngineProfile
    limits: Limits = Limits()
    pdf: PdfLibrary = PdfLibrary.PYMUPDF
    ocr: OcrMode = OcrMode.AUTO
    max_tiles: int = 36
    max_visual_tokens: int = 16_000
    keeps_commands: bool = False


@dataclass(frozen=True, eq=False)
class PageRead:
    """One page, ready for prompts: `raster` and `layout` are None unless `outcome` is ok.

    `image_hash` identifies the drawn page's pixels (hex); equal pages under one profile hash alike.
    `findings` are what a person should know before trusting the page, none as a rule.
    `raster` and `layout` are of the page as it is read, turned by `outcome.turn`.
    The first page has the XML of an `einvoice` that lies in the document, empty where there is none, and the names of
    PDFs that are `embedded` in it.
    """

    outcome: PageOutcome
    raster: TiledRaster | None = None
    layout: Layout | None = None
    reader: WordReader = WordReader.NONE
    words_note: str = ""
    findings: tuple[Finding, ...] = ()
    image_hash: str = ""
    einvoice: bytes = field(default=b"", repr=False)
    embedded: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """The layout's words on the page as viewers show it; none without a layout."""
        return turned_words(self.layout.words, self.layout.turn.back) if self.layout is not None else ()

    def pixels(self) -> NDArray[np.uint8]:
        """The raster in one piece, the page as viewers show it: `[height, width, 3]`."""
        assert self.raster is not None, self.outcome
        return np.rot90(self.raster.stitched(), int(self.outcome.turn))


class PageReader(Protocol):
    """Reads documents page by page, in order, at most a few pages ahead. Safe to use from several threads."""

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        """Open the document and count its pages. Raises InputError: EmptyDocument, UnknownFormat, CorruptDocument,
        NeedsPassword, NoPages, TooManyPages, RasterTimeout, RasterOutOfMemory, RasterCrash."""
        ...

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        """Yield every page of the document; a page that can't be read is a PageRead whose outcome says why.
        Raises as `num_pages` does, before the first page."""
        ...

    def close(self) -> None:
        """End the child processes."""
        ...
