"""Reads a data set's documents through the product's own front page, and the same pages by the rules."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llava_ocr.engines.base import Completion, Engine, StopReason
from llava_ocr.engines.rules import rules_profile
from llava_ocr.errors import ExtractionError, InputError
from llava_ocr.evaluation.copies import copy_digital, copy_scanned
from llava_ocr.evaluation.truth import Truth
from llava_ocr.extract import PageAnswer, conclude, extract, failed
from llava_ocr.jsonform import to_json
from llava_ocr.prompts import NO_GUESSES, empty_answer
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead, PageReader, ReadOptions
from llava_ocr.raster.sniff import media_type_of
from llava_ocr.records import Document, DocumentOutcome, PageState
from llava_ocr.windows import draft_of
from llava_ocr.words.layout import Layout


@dataclass(frozen=True)
class Bench:
    """What documents are read with: the product's parts, as the command line opens them."""

    question: Question
    engine: Engine
    reader: PageReader
    options: ReadOptions
    passwords: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadDocument:
    """One document of a data set: what came of it, the pages it came of, and how long it took, reading pages alone
    included (`page_seconds`)."""

    truth: Truth
    outcome: DocumentOutcome
    pages: tuple[PageRead, ...]
    seconds: float
    page_seconds: float

    @property
    def layouts(self) -> Mapping[int, Layout]:
        """The words of the pages that have any."""
        return layouts_of(self.pages)


def read_documents(truths: Sequence[Truth], bench: Bench, *, is_scanned: bool) -> Iterator[ReadDocument]:
    """Read documents one by one, as copies that hold their pages alone. Raises EngineError as `extract` does."""
    with tempfile.TemporaryDirectory(prefix="llava-ocr-evaluate-") as folder:
        for number, truth in enumerate(truths):
            path = Path(folder) / str(number)
            yield _read(truth, path, bench, is_scanned=is_scanned)
            path.unlink(missing_ok=True)


def read_by_rules(read: ReadDocument, question: Question) -> ReadDocument:
    """Answer the pages of a document as the engine `rules` would; the rest, from grounding to merging, is the
    product's."""
    if read.outcome.document is None or not read.pages:
        return read
    started, profile = time.perf_counter(), rules_profile()
    answers = [PageAnswer(page, _answer(page, question)) for page in read.pages]
    outcome = conclude(read.outcome.document, question, answers, num_pages=read.outcome.num_pages, profile=profile)
    return replace(read, outcome=outcome, seconds=read.page_seconds + time.perf_counter() - started)


def original_layouts(truth: Truth, bench: Bench) -> Mapping[int, Layout]:
    """The words of a document as the data set has it; none where it can't be read."""
    try:
        return layouts_of(bench.reader.read(truth.file, bench.passwords))
    except ExtractionError:
        return {}


def layouts_of(pages: Iterator[PageRead] | Sequence[PageRead]) -> dict[int, Layout]:
    """The words of pages by page index."""
    return {page.outcome.page_index: page.layout for page in pages if page.layout is not None}


def _read(truth: Truth, path: Path, bench: Bench, *, is_scanned: bool) -> ReadDocument:
    try:
        if is_scanned:
            copy_scanned(truth.file, path, options=bench.options, passwords=bench.passwords)
        else:
            copy_digital(truth.file, path, passwords=bench.passwords)
    except InputError as error:
        return ReadDocument(truth, failed(truth.file.absolute().as_uri(), error, document=None), (), 0.0, 0.0)
    kept = _KeepingReader(bench.reader)
    started = time.perf_counter()
    outcome = extract(
        _document(truth, path), path, bench.question, engine=bench.engine, reader=kept, passwords=bench.passwords
    )
    return ReadDocument(truth, outcome, tuple(kept.pages), time.perf_counter() - started, kept.seconds)


def _document(truth: Truth, path: Path) -> Document:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Document(digest, truth.file.absolute().as_uri(), path.stat().st_size, media_type_of(path))


def _answer(page: PageRead, question: Question) -> Completion | None:
    if page.outcome.state is not PageState.OK:
        return None
    profile = rules_profile()
    text = draft_of(question, page.layout, profile, NO_GUESSES) or to_json(empty_answer(question.asked_of(profile)))
    return Completion(f"page {page.outcome.page_index}", text, StopReason.END, 0, 0)


class _KeepingReader:
    """Passes pages on and keeps them, without their pixels; `seconds` is the time that reading them took."""

    def __init__(self, reader: PageReader) -> None:
        self._reader = reader
        self.pages: list[PageRead] = []
        self.seconds = 0.0

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        """As the reader says."""
        return self._reader.num_pages(path, passwords)

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        """As the reader does."""
        started = time.perf_counter()
        for page in self._reader.read(path, passwords):
            self.seconds += time.perf_counter() - started
            self.pages.append(replace(page, raster=None))
            yield page
            started = time.perf_counter()

    def close(self) -> None:
        """The reader belongs to somebody else."""
