"""The process that writes one searchable copy: `python -m llava_ocr.searchable.child`, its order as JSON on stdin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from llava_ocr import machine
from llava_ocr.errors import ExtractionError, RasterCrash, RasterOutOfMemory, RasterTimeout, error_classes
from llava_ocr.geometry import Box, Turn
from llava_ocr.raster.base import Limits
from llava_ocr.raster.sandbox import child_environment
from llava_ocr.records import PageWords, Word, WordReader
from llava_ocr.searchable.written import Written


def write_in_child(
    path: Path, into: Path, pages: Mapping[int, PageWords], *, passwords: Sequence[str], limits: Limits
) -> Written:
    """`write_searchable` in a process of its own, under the limits of a page for each page. Raises InputError."""
    order = {
        "path": str(path),
        "into": str(into),
        "pages": {
            index: {"turn": int(page.turn), "words": [[word.text, *astuple(word.box)] for word in page.words]}
            for index, page in pages.items()
        },
        "passwords": list(passwords),
        "limits": astuple(limits),
    }
    timeout_s = limits.page_timeout_s * (1 + len(pages))
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "llava_ocr.searchable.child"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            env=child_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RasterTimeout(f"writing the searchable copy took longer than {timeout_s:g} s") from None
    return _written(ended)


def _written(ended: subprocess.CompletedProcess[bytes]) -> Written:
    try:
        told: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise RasterCrash(f"the process that writes searchable copies died (exit {ended.returncode})") from None
    if "reason" in told:
        raise error_classes()[told["reason"]](told["message"])
    return Written(tuple(told["layered"]), {int(index): why for index, why in told["left"].items()}, told["num_words"])


def main() -> None:
    """Carry out the order on stdin and tell the outcome on stdout."""
    sys.stdout.write(json.dumps(_told(json.load(sys.stdin))))


def _told(order: dict[str, Any]) -> dict[str, Any]:
    """The outcome; the only place that catches everything."""
    # Only the child loads PyMuPDF: it is slow to import, and not everybody may have it.
    from llava_ocr.searchable.writing import write_searchable

    limits = Limits(*order["limits"])
    _limit(limits, num_pages=len(order["pages"]))
    pages = {int(index): _words(page) for index, page in order["pages"].items()}
    path, into = Path(order["path"]), Path(order["into"])
    try:
        written = write_searchable(path, into, pages, passwords=order["passwords"], limits=limits)
    except ExtractionError as error:
        return {"reason": error.reason, "message": str(error)}
    except MemoryError:
        return {"reason": RasterOutOfMemory.__name__, "message": f"more than {limits.memory_bytes / 2**20:,.0f} MiB"}
    except Exception as fault:
        message = f"writing the searchable copy failed unexpectedly ({type(fault).__name__})"
        return {"reason": RasterCrash.__name__, "message": message}
    return {"layered": written.layered, "left": dict(written.left), "num_words": written.num_words}


def _words(page: dict[str, Any]) -> PageWords:
    words = (Word(text, Box(*edges)) for text, *edges in page["words"])
    return PageWords(tuple(words), WordReader.OCR, turn=Turn(page["turn"]))


def _limit(limits: Limits, *, num_pages: int) -> None:
    machine.limit_memory(limits.memory_bytes)
    machine.limit_cpu_time(limits.page_timeout_s * (1 + num_pages) + 5)


if __name__ == "__main__":
    main()
