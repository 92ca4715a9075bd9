"""One order of work from beginning to end: list, read, save, balance. Flows and the command line both call this."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from llava_ocr.db.planning import Skip
from llava_ocr.db.queries import summarize_run
from llava_ocr.db.session import Database
from llava_ocr.errors import ExtractionError, ObjectChanged, error_classes
from llava_ocr.extract import Question
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.order import Order, ReadState, read_reason
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


def read(run: Run, infos: Iterable[ObjectInfo], *, observe: Observer = ignore, is_last_try: bool = True) -> None:
    """Read these objects and save what comes of each. Everything saved stays when this is stopped.

    Unless it is the last try, documents that failed for a reason that may go away are left open and, when all others
    are through, the error of the first of them is raised: reading again then reads those alone.
    """
    kept = _Kept(run)
    put_off: list[ExtractionError] = []
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
    with _Saver(run, observe) as saver, closing(extract_all(_planned(run, infos, saver), line)) as outcomes:
        for outcome in outcomes:
            error = None if is_last_try else passing_error(outcome)
            if error is None:
                for settled in kept.settle(outcome):
                    saver.add(settled)
            else:
                put_off.append(error)
    if put_off:
        raise put_off[0]


def passing_error(outcome: DocumentOutcome) -> ExtractionError | None:
    """The error that ended a document or a page of it, where another try in this run may do better."""
    error = error_classes().get(read_reason(outcome))
    # An object that changed is another object than the one listed; only a new listing finds it.
    if error is None or not error.retryable or issubclass(error, ObjectChanged):
        return None
    return error(f"{outcome.uri}: {outcome.message or 'a page was not answered'}")


def end(run: Run, *, seconds: float) -> RunEnd:
    """Close the run's accounts."""
    balance = run.database.finish_run(run.id)
    return RunEnd(run.id, balance, summarize_run(run.database, run.id).num_records, seconds)


def _planned(run: Run, infos: Iterable[ObjectInfo], saver: _Saver) -> Iterator[ObjectInfo]:
    """Write objects into the ledger before they are read, a shard at a time; what is done already is not fetched."""
    iterator = iter(infos)
    while shard := list(islice(iterator, run.order.shard_size)):
        for planned in run.database.plan(run.id, shard):
            if planned.state is not ReadState.PLANNED:
                continue
            if planned.is_done and not run.order.force:
                saver.add(DocumentOutcome(planned.info.uri, None, 0, (), is_kept=True))
            else:
                yield planned.info


class _Saver:
    """Shows outcomes to the observer, one at a time, and writes them in batches; what is waiting is written when the
    block ends, however it ends."""

    def __init__(self, run: Run, observe: Observer) -> None:
        self._run = run
        self._observe = observe
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
            self._observe(outcome)
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
    """Knows which documents need no reading: read before, or seen under another key in this run (its twin)."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: set[str] = set()
        # Documents that are done, with the failed outcome where they were read in this run and failed.
        self._ended: dict[str, DocumentOutcome | None] = {}
        self._twins: defaultdict[str, list[DocumentOutcome]] = defaultdict(list)
        self._lock = threading.Lock()

    def is_done(self, document_id: str) -> bool:
        """Whether somebody else reads the document, or did; asked by several threads."""
        with self._lock:
            if document_id in self._seen:
                return True
            self._seen.add(document_id)
        if self._run.order.force:
            return False
        fingerprints = self._run.question.fingerprint, self._run.services.engine.profile.fingerprint
        is_done = document_id in self._run.database.find_done([document_id], *fingerprints).ok
        if is_done:
            self._ended[document_id] = None
        return is_done

    def settle(self, outcome: DocumentOutcome) -> Iterator[DocumentOutcome]:
        """Yield the outcomes that are certain now. A twin ends as its document does, so it waits until that is known;
        where it never is, the twin stays open like its document."""
        if outcome.document is None:
            yield outcome
            return
        document_id = outcome.document.id
        if not outcome.is_kept:
            self._ended[document_id] = None if outcome.is_ok else replace(outcome, records=())
            yield outcome
        else:
            self._twins[document_id].append(outcome)
        if document_id in self._ended:
            for twin in self._twins.pop(document_id, ()):
                yield _like(self._ended[document_id], twin)


def _like(failure: DocumentOutcome | None, twin: DocumentOutcome) -> DocumentOutcome:
    return twin if failure is None else replace(failure, uri=twin.uri, document=twin.document)
