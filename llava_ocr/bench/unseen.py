"""`bench unseen`: how many words of honest documents are taken for hidden or for commands, and what looking costs."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from llava_ocr.engines.scripted import PROFILE
from llava_ocr.errors import InputError
from llava_ocr.raster.base import Limits, OcrMode, PdfLibrary, ReadOptions
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.page import shown_words
from llava_ocr.synth.paint import PAINTERS, paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.words.commands import command_words
from llava_ocr.words.layout import lay_out

_PAINTED_EACH = 40


@dataclass
class _Count:
    """What was found in one set of documents."""

    num_words: int = 0
    num_unseen: int = 0
    num_odd: int = 0
    num_commands: int = 0
    seconds: list[float] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)


def run(folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Judge painted documents of every type, or the PDFs of `folder`, with both libraries.

    `ms_per_page` and `ms_worst` are processor time of telling inks, drawing and judging; words are read anyway.
    """
    for library in PdfLibrary:
        with tempfile.TemporaryDirectory(prefix="bench-unseen-") as painted:
            paths = sorted(folder.rglob("*.pdf")) if folder is not None else list(_painted(Path(painted)))
            counted = _counted(paths, ReadOptions(PROFILE, Limits(), pdf=library, ocr=OcrMode.NEVER))
        yield {
            "library": library.value,
            "documents": "painted" if folder is None else "folder",
            "num_documents": len(paths),
            "num_not_read": dict(counted.unread),
            "num_pages": len(counted.seconds),
            "num_words": counted.num_words,
            "num_unseen": counted.num_unseen,
            "num_pages_remarked": counted.num_odd,
            "num_command_words": counted.num_commands,
            "ms_per_page": round(1000 * median(counted.seconds or [0.0]), 2),
            "ms_worst": round(1000 * max(counted.seconds, default=0.0), 1),
        }


def _painted(folder: Path) -> Iterator[Path]:
    for schema in PAINTERS:
        for seed in range(_PAINTED_EACH):
            path = folder / f"{schema}-{seed}.pdf"
            path.write_bytes(paint_pdf(paint(schema, seed)))
            yield path


def _counted(paths: Iterable[Path], options: ReadOptions) -> _Count:
    counted = _Count()
    for path in paths:
        try:
            _count(path, options, counted)
        except InputError as error:
            counted.unread[error.reason] += 1
    return counted


def _count(path: Path, options: ReadOptions, counted: _Count) -> None:
    paper = open_paper(path, (), options)
    try:
        for page_index in range(paper.num_pages):
            with paper.sheet(page_index) as sheet:
                stored = sheet.words()
                start_s = time.process_time()
                words = shown_words(stored, sheet, options)
                counted.seconds.append(time.process_time() - start_s)
            counted.num_words += len(stored)
            counted.num_unseen += words.num_unseen
            counted.num_odd += words.is_odd
            counted.num_commands += len(command_words(lay_out(words.words, aspect=1.0)))
    finally:
        paper.close()
