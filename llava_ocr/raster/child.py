"""The process that reads pages: `python -m llava_ocr.raster.child FD`. Nothing here outlives a hostile document."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from llava_ocr import machine
from llava_ocr.errors import ExtractionError, RasterCrash, RasterOutOfMemory
from llava_ocr.raster.base import OcrMode, PageRead, PdfLibrary, ReadOptions
from llava_ocr.raster.channel import Channel, Count, Credit, Ended, Opened, Read, Ready, Refused, StillAtIt
from llava_ocr.raster.covers import cover_findings, embedded_pdfs
from llava_ocr.raster.drawer import OpenPaper, Paper
from llava_ocr.raster.einvoices import EInvoicePaper, find_einvoice
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.packing import packed
from llava_ocr.raster.page import read_sheet
from llava_ocr.records import PageOutcome, PageState, WordReader
from llava_ocr.words.ocr import OcrPage, read_page
from llava_ocr.words.text_layer import clean_text

T = TypeVar("T")

MAX_DOCUMENTS = 500
# What a child may keep between documents; more is a leak or a heap in pieces, and a fresh child is cheaper.
MAX_RESIDENT_BYTES = 1_200 * 2**20
# onnxruntime reserves this much address space for a page, most of it never touched (measured: 0.95 GB).
OCR_ADDRESS_BYTES = 1_200 * 2**20


def main() -> None:
    """Serve the parent at the other end of the socket given as the only argument."""
    serve(Channel(socket.socket(fileno=int(sys.argv[1]))), open_paper)


def serve(channel: Channel, open_document: OpenPaper) -> None:
    """Read documents as the parent orders them, until it hangs up."""
    try:
        options = channel.receive()
        assert isinstance(options, ReadOptions), type(options)
        _load_libraries(options)
        _limit_memory(options)
        channel.send(Ready())
        reading = _Child(channel, options, open_document)
        while True:
            reading.obey(channel.receive())
    except (EOFError, OSError):
        return


class _Child:
    """The state between documents: how many there were, and whether memory ever ran out."""

    def __init__(self, channel: Channel, options: ReadOptions, open_document: OpenPaper) -> None:
        self.channel = channel
        self.options = options
        self.open_document = open_document
        self.num_documents = 0
        self.ran_out = False

    def obey(self, order: object) -> None:
        """Carry out an order."""
        if isinstance(order, Credit):
            return  # The last pages of the document before were taken; nothing is left to read ahead.
        assert isinstance(order, Count | Read), type(order)
        _limit_cpu_time(self.options.limits.page_timeout_s)
        paper = self.attempt(lambda: self.open_document(Path(order.path), order.passwords, self.options))
        if isinstance(paper, ExtractionError):
            self.channel.send(Refused(paper.reason, str(paper)))
        else:
            self.channel.send(Opened(paper.num_pages))
            if isinstance(order, Read):
                self.send_pages(paper, order)
            self.attempt(paper.close)
        self.num_documents += 1
        self.channel.send(Ended(self.is_worn()))

    def send_pages(self, paper: Paper, order: Read) -> None:
        """Send the pages, no further ahead than the parent gave credit for."""
        credit = order.num_credits
        for page_index in range(order.first_page, paper.num_pages):
            while not credit:
                assert isinstance(self.channel.receive(), Credit)
                credit += 1
            credit -= 1
            self.channel.send(packed(self.page(paper, page_index)))

    def page(self, paper: Paper, page_index: int) -> PageRead:
        """Read one page, whatever happens."""
        _limit_cpu_time(2 * self.options.limits.page_timeout_s)

        def read() -> PageRead:
            if isinstance(paper, EInvoicePaper):
                return PageRead(PageOutcome(page_index, PageState.OK), reader=WordReader.XML)
            with paper.sheet(page_index) as sheet:
                return read_sheet(sheet, page_index, self.options, self.read_pixels)

        page = self.attempt(read)
        if isinstance(page, ExtractionError):
            page = PageRead(PageOutcome(page_index, PageState.FAILED, page.reason, f"page {page_index + 1}: {page}"))
        if page_index > 0:
            return page
        return self.first_page(paper, page)

    def first_page(self, paper: Paper, page: PageRead) -> PageRead:
        """Add what the document brings along, and whether the page only stands in for that.

        Attached files that can't be listed cost nothing but what they would have told.
        """
        einvoice = self.attempt(lambda: find_einvoice(paper))
        names = self.attempt(lambda: tuple(clean_text(file.name) for file in embedded_pdfs(paper)))
        einvoice = b"" if isinstance(einvoice, ExtractionError) else einvoice
        names = () if isinstance(names, ExtractionError) else names
        covers = cover_findings(page, is_placeholder=paper.is_placeholder, embedded=names)
        return replace(page, einvoice=einvoice, embedded=names, findings=(*page.findings, *covers))

    def read_pixels(self, raster_HWC: NDArray[np.uint8]) -> OcrPage:
        """Call the OCR reader, which is loaded when first wanted and then kept."""
        self.channel.send(StillAtIt())
        return read_page(raster_HWC)

    def attempt(self, work: Callable[[], T]) -> T | ExtractionError:
        """Return what `work` returns, or its error as one of ours. The only place that catches everything."""
        try:
            return work()
        except ExtractionError as error:
            self.ran_out |= isinstance(error, RasterOutOfMemory)
            return error
        except MemoryError:
            self.ran_out = True
            return RasterOutOfMemory(f"more than {self.options.limits.memory_bytes / 2**20:,.0f} MiB")
        except Exception as fault:
            return RasterCrash(f"the reader failed unexpectedly ({type(fault).__name__})")

    def is_worn(self) -> bool:
        """Whether the parent had better start a fresh child."""
        gc.collect(0)
        return self.ran_out or self.num_documents >= MAX_DOCUMENTS or machine.resident_bytes() > MAX_RESIDENT_BYTES


def _load_libraries(options: ReadOptions) -> None:
    """Load what draws pages before memory is limited and documents wait; a library that is missing shows later."""
    library = "pdf" if options.pdf is PdfLibrary.PYMUPDF else "pdfium"
    for name in (library, "image"):
        try:
            import_module(f"llava_ocr.raster.{name}")
        except ImportError:
            continue


def _limit_memory(options: ReadOptions) -> None:
    """Cap the address space: what the libraries take already, what a page may take, what the OCR reader reserves."""
    allowance = options.limits.memory_bytes
    if options.ocr is not OcrMode.NEVER:
        allowance += OCR_ADDRESS_BYTES
    machine.limit_memory(allowance)


def _limit_cpu_time(seconds: float) -> None:
    """End this process should it run on with no parent left to end it; the parent's own limit is shorter."""
    machine.limit_cpu_time(2 * seconds + 5)


if __name__ == "__main__":
    main()
