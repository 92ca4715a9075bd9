"""`bench unseen`: how many words of honest documents are taken for hidden or for commands, and what looking costs."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from llava_ocr.engines.scripted import PROFILE
from llava_ocr.errors import InputError
from llava_ocr.raster.base import Limits, OcrMode, PdfLibrary, ReadOptions
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sheet_words import shown_words
from llava_ocr.records import PageWords, Word, WordReader
from llava_ocr.searchable.checking import WordBoxes, match_words
from llava_ocr.searchable.writing import write_searchable
from llava_ocr.synth.paint import PAINTERS, paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import draw_wear, paint_scan
from llava_ocr.synth.truth_file import image_bytes
from llava_ocr.words.commands import command_words
from llava_ocr.words.layout import lay_out

_PAINTED_EACH = 40
_NUM_SCANS = 60


@dataclass
class _Count:
    """What was found in one set of documents."""

    num_words: int = 0
    num_unseen: int = 0
    num_odd: int = 0
    num_commands: int = 0
    seconds: list[float] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)


def run(folder: Path | None = None, *, scans: bool = False) -> Iterator[dict[str, Any]]:
    """Judge painted documents of every type, the PDFs of `folder`, or painted scans with layers, by both libraries.

    `ms_per_page` and `ms_worst` are processor time of telling inks, drawing and judging; words are read anyway.
    """
    if scans:
        yield from _layered_scans()
        return
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


def _layered_scans() -> Iterator[dict[str, Any]]:
    """Worn scans with a text layer of their own words, and with that of another document: which layers are refused?

    `num_unseen` are words left out of layers that were kept; `word_box_f1` says how well the layer lies on the scan.
    """
    scanned = list(islice(_scanned(), _NUM_SCANS))
    for library in PdfLibrary:
        options = ReadOptions(PROFILE, Limits(), pdf=library, ocr=OcrMode.NEVER)
        for shift, layer in ((0, "own"), (1, "another document's")):
            num_refused = num_unseen = num_words = 0
            found = WordBoxes()
            for number, (picture, _) in enumerate(scanned):
                words = scanned[(number + shift) % len(scanned)][1]
                shown, stored = _layered(picture, words, options)
                found += match_words(words, stored)
                num_refused += not shown
                num_words += len(words)
                num_unseen += shown.num_unseen if shown else 0
            yield {
                "library": library.value,
                "layer": layer,
                "num_scans": len(scanned),
                "num_refused": num_refused,
                "num_words": num_words,
                "num_unseen": num_unseen,
                "word_box_f1": round(found.f1 or 0.0, 4),
            }


def _scanned() -> Iterator[tuple[bytes, tuple[Word, ...]]]:
    for seed in count():
        for schema in ("invoice", "receipt", "purchase_order"):
            pages = paint_scan(paint(schema, seed), draw_wear(Random(f"{schema}/{seed}/unseen")))
            if len(pages) == 1:
                yield image_bytes(pages[0].image), pages[0].words


def _layered(picture: bytes, words: tuple[Word, ...], options: ReadOptions) -> tuple[PageWords, list[Word]]:
    with tempfile.TemporaryDirectory(prefix="bench-unseen-") as folder:
        path, copy = Path(folder) / "scan", Path(folder) / "copy.pdf"
        path.write_bytes(picture)
        write_searchable(path, copy, {0: PageWords(words, WordReader.OCR)}, passwords=(), limits=options.limits)
        paper = open_paper(copy, (), options)
        with paper.sheet(0) as sheet:
            stored = sheet.words()
            shown = shown_words(stored, sheet, options)
        paper.close()
    return shown, stored


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
