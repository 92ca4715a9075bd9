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

from llava_ocr.db.planning import Skip
from llava_ocr.db.queries import summarize_run
from llava_ocr.db.session import Database
from llava_ocr.extract import Question
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.order import Order, ReadState
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
# Why an object is skipped whose content was read before.
KEPT = "done before"


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
class RunEnd:
    """How a run ended: green if its page ledger balances, whatever failed on the way."""

    run_id: str
    balance: Balance
    num_records: int
    seconds: float


def begin(order: ExtractOrder, services: Services) -> Run:
    """Check the order and start a run. Raises ConfigError, EngineError or StoreError before anything is read."""
    source = open_source(order.source, services.settings)
    schema = services.catalog.get(order.schema_name)
    question = Question.about(schema, max_new_tokens=services.settings.max_new_tokens)
    profile = services.engine.profile
    database = services.database
    database.refresh_views(schema)
    placed = Order(
        source=order.source,
        schema=schema_name(schema),
        schema_fingerprint=question.fingerprint,
        engine=profile.name,
        engine_fingerprint=profile.fingerprint,
        arguments=order.model_dump(mode="json", exclude={"database"}),
    )
    return Run(database.start_run(placed), order, source, question, services)


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
    with _Saver(run) as saver:
        for outcome in extract_all(_planned(run, infos, saver, observe), line):
            observe(outcome)
            saver.add(outcome)


def end(run: Run, *, seconds: float) -> RunEnd:
    """Close the run's accounts."""
    balance = run.database.finish_run(run.id)
    return RunEnd(run.id, balance, summarize_run(run.database, run.id).num_records, seconds)


def _planned(run: Run, infos: Iterable[ObjectInfo], saver: _Saver, observe: Observer) -> Iterator[ObjectInfo]:
    """Write objects into the ledger before they are read, a shard at a time; what is done already is not fetched."""
    iterator = iter(infos)
    while shard := list(islice(iterator, run.order.shard_size)):
        for planned in run.database.plan(run.id, shard):
            if planned.state is not ReadState.PLANNED:
                continue
            if planned.is_done and not run.order.force:
                outcome = DocumentOutcome(planned.info.uri, None, 0, (), is_kept=True)
                observe(outcome)
                saver.add(outcome)
            else:
                yield planned.info


class _Saver:
    """Writes outcomes in batches; what is waiting is written when the block ends, however it ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: list[DocumentOutcome] = []
        self._oldest = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> _Saver:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._flush()

    def add(self, outcome: DocumentOutcome) -> None:
        """Take an outcome; callers may be in two threads, the one that plans and the one that reads."""
        with self._lock:
            self._waiting.append(outcome)
            if len(self._waiting) >= SAVE_BATCH or time.monotonic() - self._oldest > SAVE_AFTER_S:
                self._flush()

    def _flush(self) -> None:
        kept = [Skip(outcome.uri, KEPT, outcome.document) for outcome in self._waiting if outcome.is_kept]
        read = [outcome for outcome in self._waiting if not outcome.is_kept]
        if read:
            self._run.database.save(self._run.id, read)
        if kept:
            self._run.database.skip(self._run.id, kept)
        self._waiting, self._oldest = [], time.monotonic()


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
        return document_id in self._run.database.find_done([document_id], *fingerprints).ok
