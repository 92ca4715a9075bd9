"""One order of work from beginning to end: list, read, save, balance. Flows and the command line both call this."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from llava_ocr.db.session import Database
from llava_ocr.extract import Question
from llava_ocr.ledger.balance import Balance
from llava_ocr.pipeline import Line, extract_all
from llava_ocr.records import DocumentOutcome
from llava_ocr.schema import schema_name
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import ObjectInfo
from llava_ocr.store.open import Source, open_source

Observer = Callable[[DocumentOutcome], None]


def ignore(outcome: DocumentOutcome) -> None:
    """Watch nothing."""


# Outcomes are saved when this many are waiting, or when the oldest has waited this long.
SAVE_BATCH = 64
SAVE_AFTER_S = 2.0


class ExtractOrder(BaseModel):
    """What to read and how: the parameters of a run. Unset ones fall back to the settings of the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1, description="A folder, a file, or s3://bucket/prefix; globs allowed")]
    schema_name: Annotated[str, Field(min_length=1, description="Document type; `llava-ocr schema list` shows them")]
    engine: Annotated[str | None, Field(description="`small`, a model folder or hub name, endpoint, scripted")] = None
    database: Annotated[str | None, Field(description="Database URL")] = None
    since: Annotated[datetime | None, Field(description="Only objects modified at or after this time")] = None
    until: Annotated[datetime | None, Field(description="Only objects modified before this time")] = None
    limit: Annotated[int | None, Field(ge=1, description="Stop after this many objects")] = None
    force: Annotated[bool, Field(description="Read documents again that were read with this schema and engine")] = False
    shard_size: Annotated[int, Field(ge=1, le=10_000, description="Objects in one shard")] = 64

    def settings(self, base: Settings) -> Settings:
        """The machine's settings with what this order says in their place."""
        return override(base, engine=self.engine, db=self.database)


@dataclass(frozen=True)
class Run:
    """A started run: its id in the database and what it was started with."""

    id: str
    order: ExtractOrder
    source: Source
    question: Question
    services: Services

    @property
    def database(self) -> Database:
        """Where the run is kept."""
        return self.services.database


@dataclass(frozen=True)
class RunSummary:
    """How a run ended. It is green only if its ledger balances and nothing failed."""

    run_id: str
    balance: Balance
    num_records: int
    seconds: float


def begin(order: ExtractOrder, services: Services) -> Run:
    """Check the order and start a run. Raises ConfigError, EngineError or StoreError before anything is read."""
    source = open_source(order.source, services.settings)
    schema = services.catalog.get(order.schema_name)
    question = Question.about(schema, max_new_tokens=services.settings.max_new_tokens)
    services.database.ensure_views([schema])
    profile = services.engine.profile
    run_id = services.database.start_run(
        source=order.source,
        schema=schema_name(schema),
        schema_fingerprint=question.fingerprint,
        engine=profile.name,
        engine_fingerprint=profile.fingerprint,
        order=order.model_dump_json(),
    )
    return Run(run_id, order, source, question, services)


def listed(order: ExtractOrder, source: Source) -> Iterator[ObjectInfo]:
    """Yield the objects of the order, in key order."""
    selection = source.select(since=order.since, until=order.until)
    return islice(source.store.list(selection), order.limit)


def read(run: Run, infos: Iterable[ObjectInfo], *, observe: Observer = ignore) -> None:
    """Read these objects and save what comes of each. Everything saved stays when this is stopped."""
    kept = _Kept(run)
    settings, services = run.services.settings, run.services
    line = Line(
        store=run.source.store,
        reader=services.reader,
        engine=services.engine,
        question=run.question,
        is_done=kept.is_done,
        max_bytes=settings.max_bytes,
        passwords=services.passwords,
        num_fetchers=2 * services.num_workers,
        batch_size=settings.batch_size,
    )
    waiting: list[DocumentOutcome] = []
    oldest = time.monotonic()
    try:
        for outcome in extract_all(_planned(run, infos), line):
            observe(outcome)
            waiting.append(outcome)
            if len(waiting) >= SAVE_BATCH or time.monotonic() - oldest > SAVE_AFTER_S:
                run.database.save(run.id, waiting)
                waiting, oldest = [], time.monotonic()
    finally:
        run.database.save(run.id, waiting)


def end(run: Run, *, seconds: float) -> RunSummary:
    """Close the run's accounts."""
    balance = run.database.finish_run(run.id)
    return RunSummary(run.id, balance, run.database.num_records(run.id), seconds)


def _planned(run: Run, infos: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
    """Write objects into the ledger before they are read, a shard at a time."""
    iterator = iter(infos)
    while shard := list(islice(iterator, run.order.shard_size)):
        run.database.plan(run.id, shard)
        yield from shard


class _Kept:
    """Knows which documents need no reading: read before, or seen under another key in this run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def is_done(self, document_id: str) -> bool:
        with self._lock:
            if document_id in self._seen:
                return True
            self._seen.add(document_id)
        if self._run.order.force:
            return False
        fingerprints = self._run.question.fingerprint, self._run.services.engine.profile.fingerprint
        return bool(self._run.database.find_done([document_id], *fingerprints))
