"""A child process whose pages do what their number says: for tests of what the parent makes of it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box, Size
from llava_ocr.raster.base import ReadOptions
from llava_ocr.raster.channel import Channel
from llava_ocr.raster.child import serve
from llava_ocr.raster.drawer import EmbeddedFile
from llava_ocr.raster.limits import PaperSize
from llava_ocr.records import Word


class OddSheet:
    native: Size | None = None
    paper = PaperSize(595, 842)

    def __init__(self, deed: str) -> None:
        self._deed = deed

    def draw(self, size: Size) -> NDArray[np.uint8]:
        do(self._deed)
        drawn = np.full((size.height, size.width, 3), 255, np.uint8)
        drawn[::7] = 0
        return drawn

    def words(self) -> list[Word]:
        return []

    def pictures(self) -> list[Box]:
        return []


class OddPaper:
    is_placeholder = False

    def __init__(self, deeds: Sequence[str]) -> None:
        self._deeds = deeds
        self.num_pages = len(deeds)

    @contextmanager
    def sheet(self, page_index: int) -> Iterator[OddSheet]:
        yield OddSheet(self._deeds[page_index])

    def embedded(self) -> Iterator[EmbeddedFile]:
        return iter(())

    def close(self) -> None:
        pass


def open_odd(path: Path, passwords: Sequence[str], options: ReadOptions) -> OddPaper:
    """Open a document whose second line names the deed of each page, after a deed done on opening, if any."""
    opening, deeds = path.read_text().splitlines()[1:3]
    do(opening)
    return OddPaper(deeds.split())


def do(deed: str) -> None:
    if deed == "hang":
        time.sleep(600)
    elif deed == "spin":
        while True:
            pass
    elif deed in ("SIGKILL", "SIGSEGV", "SIGABRT", "SIGXCPU"):
        os.kill(os.getpid(), signal.Signals[deed])
        time.sleep(5)
    elif deed == "eat":
        hoard = []
        while True:
            hoard.append(bytearray(2**24))
    elif deed == "raise":
        raise LookupError("the document says: secret")
    elif deed == "exit":
        os._exit(3)


if __name__ == "__main__":
    serve(Channel(socket.socket(fileno=int(sys.argv[1]))), open_odd)
