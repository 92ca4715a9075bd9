"""The pages that `bench decode` answers: first pages of painted invoices, digital or as worn scans."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llava_ocr.engines.base import Request
from llava_ocr.geometry import Size, fit_within
from llava_ocr.question import Question
from llava_ocr.raster.base import ReadOptions
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.synth.truth_file import write_documents
from llava_ocr.windows import ask
from schemas.invoice import Invoice

# What pages are usually drawn at for the stock processor: A4 at 200 dpi.
_STOCK_BOUND = Size(1653, 2339)


_PATIENCE_S = 900.0


@dataclass(frozen=True, eq=False)
class BenchPage:
    """A painted page as the stock processor takes it, and the request about it."""

    drawn_HWC: NDArray[np.uint8]
    request: Request

    def cut_short(self) -> BenchPage:
        """The same page, asked for four tokens: to warm up with."""
        return BenchPage(self.drawn_HWC, replace(self.request, max_new_tokens=4))


@contextmanager
def painted(num_pages: int, *, scans: bool) -> Iterator[list[Path]]:
    """Paint invoices into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-decode-") as folder:
        yield list(write_documents("invoice", num_pages, Path(folder), scans=scans))


def read_pages(paths: Sequence[Path], options: ReadOptions, *, limit: int) -> list[BenchPage]:
    """Read first pages and ask about them; answers end at `limit` tokens."""
    profile = options.profile
    question = Question.about(Invoice, max_new_tokens=limit)
    # On a busy machine the OCR reader takes minutes; that is not what is measured.
    patient = replace(options, limits=replace(options.limits, page_timeout_s=_PATIENCE_S))
    reader = open_page_reader(patient, num_children=1)
    try:
        pages = []
        for path in paths:
            first = next(iter(reader.read(path)))
            request = ask(question, first, num_pages=1, profile=profile)
            pages.append(BenchPage(_drawn(path, options), replace(request, id=path.name)))
        return pages
    finally:
        reader.close()


def _drawn(path: Path, options: ReadOptions) -> NDArray[np.uint8]:
    paper = open_paper(path, (), options)
    try:
        with paper.sheet(0) as sheet:
            return sheet.draw(fit_within(sheet.paper.shape, _STOCK_BOUND))
    finally:
        paper.close()
