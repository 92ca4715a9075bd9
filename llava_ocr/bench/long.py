"""Long statements end to end: pages a second and peak memory by the number of pages, or how many come back complete.

A painted statement goes from a PDF in a folder into SQLite; the engine is one that costs nothing (`scripted` says what
was painted, `rules` what the rulebook reads) or the shipped model (`small`). With `num_variants`, so many seeded
statements of 1,000 rows over about 30 pages are read, and those that come back cell for cell are counted.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llava_ocr.bench.memory import resident_bytes
from llava_ocr.engines.base import Engine
from llava_ocr.engines.rules import open_rules
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import ConfigError
from llava_ocr.extract import extract
from llava_ocr.merge.complete import LIST_INCOMPLETE
from llava_ocr.question import Question
from llava_ocr.raster.base import PageReader
from llava_ocr.records import Document, DocumentOutcome
from llava_ocr.run import ExtractOrder, begin, end, listed
from llava_ocr.services import Services, open_services
from llava_ocr.settings import Settings, override
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.statement import paint_statement
from llava_ocr.synth.telling import say_truth, wrong_cells
from llava_ocr.work import read

SIZES = (10, 50, 100)
ROWS_PER_PAGE = 25
NUM_ROWS, ROWS_OF_VARIANTS = 1_000, 34
ENGINES = ("scripted", "rules", "small")
SAMPLE_S = 0.02
# The first seed whose pages hold as many rows as they are to have.
SEED = 1


def run(
    *, engine: str = "scripted", num_pages: int | None = None, num_variants: int | None = None
) -> Iterator[dict[str, object]]:
    """Measure the sizes, up to `num_pages`, in one line; or read the variants, with a line for all of them."""
    if engine not in ENGINES:
        raise ConfigError(f"bench long takes one of the engines {', '.join(ENGINES)}, not {engine!r}")
    if num_variants is not None:
        yield _variants(engine, num_variants)
        return
    sizes = SIZES if num_pages is None else tuple(sorted({*(n for n in SIZES if n < num_pages), num_pages}))
    measured = [_measured(engine, size) for size in sizes]
    highest = [float(str(one["peak_mib"])) for one in measured]
    yield {"engine": engine, "sizes": measured, "peak_growth_mib": round(highest[-1] - highest[0], 1)}


def _measured(engine: str, num_pages: int) -> dict[str, object]:
    """Read one statement of so many pages into a database of its own."""
    painted = paint_statement(SEED, num_bookings=num_pages * ROWS_PER_PAGE, rows_per_page=ROWS_PER_PAGE)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        (documents / "long.pdf").write_bytes(paint_pdf(painted))
        with _services(engine, painted, folder) as services:
            outcomes: list[DocumentOutcome] = []
            order = ExtractOrder(source=f"{documents}/*.pdf", schema_name="statement", force=True)
            running = begin(order, services)
            # Starting children and loading weights is no part of the pace.
            services.reader.num_pages(documents / "long.pdf")
            with _Gauge() as gauge:
                started = time.perf_counter()
                read(running, listed(order, running.source), observe=outcomes.append)
                seconds = time.perf_counter() - started
            end(running, seconds=0.0)
    return {
        "pages": len(painted.pages),
        "rows": len(painted.truth["entries"]),
        "pages_per_s": round(len(painted.pages) / seconds, 2),
        "peak_mib": gauge.peak_mib,
        "rows_read": len(outcomes[0].records[0].values["entries"]),
        "cells_wrong": sum(wrong_cells(painted, outcomes[0].records[0].values, "entries").values()),
    }


def _variants(engine: str, num_variants: int) -> dict[str, object]:
    misses: list[dict[str, object]] = []
    num_pages: list[int] = []
    kinds: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in range(num_variants):
        painted = paint_statement(seed, num_bookings=NUM_ROWS, rows_per_page=ROWS_OF_VARIANTS)
        outcome = _read_alone(engine, painted)
        record = outcome.records[0] if outcome.records else None
        wrong = wrong_cells(painted, record.values if record else {"entries": []}, "entries")
        num_rows = len(record.values["entries"]) if record else 0
        num_pages.append(len(painted.pages))
        kinds.update([painted.language, painted.origin.font, painted.origin.family.rpartition("-")[0]])
        if num_rows != NUM_ROWS or wrong:
            is_told = record is not None and any(one.check == LIST_INCOMPLETE for one in record.findings)
            misses.append({"seed": seed, "rows": num_rows, "wrong": dict(wrong), "is_told": is_told})
    return {
        "engine": engine,
        "variants": num_variants,
        "exact": num_variants - len(misses),
        "rows_each": NUM_ROWS,
        "pages_each": [min(num_pages), max(num_pages)],
        "kinds": len(kinds),
        "seconds": round(time.perf_counter() - started, 1),
        "misses": misses,
    }


def _read_alone(engine: str, painted: PaintedDocument) -> DocumentOutcome:
    """Read one painted statement without a database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _services(engine, painted, folder) as services:
        path = Path(folder) / "long.pdf"
        path.write_bytes(paint_pdf(painted))
        document = Document(str(painted.seed), path.as_uri(), path.stat().st_size, "application/pdf")
        schema = services.catalog.get("statement")
        question = Question.about(schema, max_new_tokens=services.settings.max_new_tokens)
        reader: PageReader = services.reader
        return extract(document, path, question, engine=services.engine, reader=reader)


@contextmanager
def _services(engine: str, painted: PaintedDocument, folder: str) -> Iterator[Services]:
    name = "small" if engine == "small" else "scripted"
    settings = override(Settings(), db=f"sqlite:///{folder}/records.db", engine=name, workers=1)
    with open_services(settings) as services:
        if engine != "small":
            services.__dict__["engine"] = _free(engine, painted)
        yield services


def _free(engine: str, painted: PaintedDocument) -> Engine:
    """An engine that says the truth, or the one that answers by rules."""
    if engine == "scripted":
        return ScriptedEngine(say_truth(painted))
    return open_rules()


class _Gauge:
    """Follows the resident memory of this process and its children while it is open."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gauge", daemon=True)
        self._peak = 0

    def __enter__(self) -> _Gauge:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak_mib(self) -> float:
        """The highest seen, in MiB."""
        return round(self._peak / 2**20, 1)

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._peak = max(self._peak, resident_bytes())
