"""One order of work: begin it or take it up again, list it into shards, close its accounts. `work` reads the shards."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from llava_ocr import owner
from llava_ocr.db.ledger import PATIENCE_S, RETRIES, Ledger
from llava_ocr.db.queries import Savings, find_run, summarize_run
from llava_ocr.db.session import Database
from llava_ocr.db.upserts import chunks
from llava_ocr.errors import ConfigError, DatabaseError, InputError
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.leases import ShardState
from llava_ocr.ledger.order import Order, RunState, Stage
from llava_ocr.ledger.retries import Retries
from llava_ocr.question import Question
from llava_ocr.records import DocumentOutcome
from llava_ocr.schema import schema_name
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import ObjectInfo
from llava_ocr.store.open import Source, open_source

log = logging.getLogger(__name__)

Observer = Callable[[DocumentOutcome], None]


def ignore(outcome: DocumentOutcome) -> None:
    """Watch nothing."""


class ExtractOrder(BaseModel):
    """What to read and how: the parameters of a run. Unset ones fall back to the settings of the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1, description="A folder, a file, or s3://bucket/prefix; globs allowed")]
    schema_name: Annotated[str, Field(min_length=1, description="Document type; `llava-ocr schema list` shows them")]
    engine: Annotated[str | None, Field(description="`small`, a folder or hub name, endpoint, rules, scripted")] = None
    database: Annotated[str | None, Field(description="Database URL")] = None
    since: Annotated[datetime | None, Field(description="Only objects modified at or after this time")] = None
    until: Annotated[datetime | None, Field(description="Only objects modified before this time")] = None
    limit: Annotated[int | None, Field(ge=1, description="Stop after this many objects")] = None
    is_incremental: Annotated[
        bool, Field(description="Only objects that are new or changed since they were read as this type, ever")
    ] = False
    force: Annotated[bool, Field(description="Read documents again that were read with this schema and engine")] = False
    use_cache: Annotated[bool, Field(description="Take answers that are known; without, every page is asked about")] = (
        True
    )
    is_bundle: Annotated[
        bool | None, Field(description="Split each file into the documents it holds, a record each; default: settings")
    ] = None
    is_staged: Annotated[bool, Field(description="Keep records where no view shows them until promoted")] = False
    purpose: Annotated[str, Field(description="What the run is for; orders of another purpose are other orders")] = ""
    max_failed_share: Annotated[
        float, Field(ge=0, le=1, description="The run is complete though this share of its documents failed")
    ] = 0.0
    allow_empty: Annotated[bool, Field(description="A source without documents is no failure")] = False
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
    ledger: Ledger

    @property
    def database(self) -> Database:
        """Where the run is kept."""
        return self.services.database


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, by the ledger and whoever read for it: COMPLETE, FAILED or CANCELLED."""

    run_id: str
    state: RunState
    balance: Balance
    num_records: int
    seconds: float
    savings: Savings


def begin(order: ExtractOrder, services: Services, *, policy: Retries = RETRIES) -> Run:
    """Check the order and start a run, or take up the unfinished one of the same order that nobody works on.

    Raises ConfigError, EngineError or StoreError before anything is read.
    """
    return _started(order, services, policy, _abandoned)


def join(order: ExtractOrder, services: Services, *, policy: Retries = RETRIES) -> Run:
    """The same, but go on with the unfinished run of the order even while others read for it: for who only hands out
    its shards. Raises as `begin` does."""
    return _started(order, services, policy, _unfinished)


def _started(
    order: ExtractOrder, services: Services, policy: Retries, find: Callable[[Order, Ledger], str | None]
) -> Run:
    source = open_source(order.source, services.settings)
    # Whoever goes on with the run elsewhere must split files as it began.
    order = order.model_copy(update={"is_bundle": splits(order, services)})
    question, profile = question_of(order, services), services.engine.profile
    schema = question.schema
    services.database.refresh_views(schema)
    placed = Order(
        source=order.source,
        schema=schema_name(schema),
        schema_fingerprint=question.fingerprint,
        engine=profile.name,
        engine_fingerprint=profile.fingerprint,
        stage=Stage.STAGED if order.is_staged else Stage.LIVE,
        arguments=_arguments(order),
    )
    ledger = Ledger(services.database, policy=policy, is_gone=owner.is_gone, patience_s=PATIENCE_S)
    run_id = find(placed, ledger) or services.database.start_run(placed)
    return Run(run_id, order, source, question, services, ledger)


def _arguments(order: ExtractOrder) -> dict[str, object]:
    """The order as the ledger keeps it. What came later is left out where it says nothing, so that runs which an older
    program began are still taken up."""
    kept = order.model_dump(mode="json", exclude={"database"})
    return {name: value for name, value in kept.items() if value or name not in ("max_failed_share", "allow_empty")}


def question_of(order: ExtractOrder, services: Services) -> Question:
    """What an order asks of each page. Raises UnknownSchema, and BadSchema where the schema breaks a rule."""
    schema = services.catalog.get(order.schema_name)
    is_bundle = splits(order, services)
    settings = services.settings
    return Question.about(
        schema, max_new_tokens=settings.max_new_tokens, is_bundle=is_bundle, reads_embedded=settings.embedded
    )


def splits(order: ExtractOrder, services: Services) -> bool:
    """Whether an order's files are read as bundles: as it says, else as the machine is set."""
    return services.settings.bundles if order.is_bundle is None else order.is_bundle


def resume(run_id: str, services: Services, *, policy: Retries = RETRIES) -> Run:
    """Open a run that was begun before, here or on another machine.

    Raises StaleRun where this process would read otherwise than the run began, DatabaseError for an unknown run.
    """
    found = find_run(services.database, run_id)
    order = ExtractOrder.model_validate(json.loads(found.order_json)["arguments"])
    question = question_of(order, services)
    for what, then, now in (
        ("schema", found.schema_fingerprint, question.fingerprint),
        ("engine", found.engine_fingerprint, services.engine.profile.fingerprint),
    ):
        if then != now:
            raise StaleRun(f"run {run_id} was begun with another {what}: {then[:12]}, here it is {now[:12]}")
    ledger = Ledger(services.database, policy=policy, is_gone=owner.is_gone, patience_s=PATIENCE_S)
    return Run(run_id, order, open_source(order.source, services.settings), question, services, ledger)


class StaleRun(ConfigError):
    """A run can't go on under another schema, model or prompt than it began with; its records would differ in kind."""

    hint = "Go on with the program and the model that began it, or cancel it and start a new run."


class NothingToRead(InputError):
    """The source names no object: a mistake more often than not."""

    hint = (
        "`llava-ocr store ls SOURCE` shows what is there; `--allow-empty`, or `allow_empty`, where that is no failure."
    )


def listed(order: ExtractOrder, source: Source) -> Iterator[ObjectInfo]:
    """Yield the objects of the order, in key order. Raises NothingToRead where there is none and there must be some."""
    infos = islice(source.store.list(source.select(since=order.since, until=order.until)), order.limit)
    first = next(infos, None)
    if first is not None:
        yield first
        yield from infos
    elif not order.allow_empty:
        raise NothingToRead(f"{order.source}: no object there matches")


def wanted(run: Run) -> Iterator[ObjectInfo]:
    """Yield the objects that the run is to account for. An incremental one leaves out what was read before, so that it
    catches up with whatever came since the last one, however long ago that was."""
    if not run.order.is_incremental:
        return listed(run.order, run.source)
    everything = listed(run.order.model_copy(update={"limit": None}), run.source)
    schema = schema_name(run.question.schema)
    new = (info for infos in chunks(everything) for info in run.ledger.unread(infos, schema))
    return islice(new, run.order.limit)


def plan(run: Run, infos: Iterable[ObjectInfo], *, observe: Observer = ignore) -> Iterator[int]:
    """Write objects into the ledger, a shard at a time, and yield the shards that have something to read. The observer
    is shown what needs no reading.

    Planning what is planned already adds nothing, so a plan that was broken off is simply made again.
    """
    for slice_ in chunks(infos, run.order.shard_size):
        cut = run.ledger.cut(run.id, slice_, is_forced=run.order.force)
        for uri in cut.kept:
            observe(DocumentOutcome(uri, None, 0, (), is_kept=True))
        if cut.shard is not None and cut.shard.state is not ShardState.DONE:
            yield cut.shard.shard_index
    run.ledger.close_plan(run.id)


@contextmanager
def breaking_off(run: Run) -> Iterator[None]:
    """Close the run's accounts when a `with` block fails, unless others work on it: no run that nobody works on stays
    open. The same order goes on with it."""
    try:
        yield
    except BaseException as error:
        try:
            run.ledger.break_off(run.id)
        except DatabaseError as lost:
            # Then upkeep does it, once the database is back.
            log.warning("the run is not closed: %s", lost, extra={"run_id": run.id})
        raise error


def end(run: Run, *, seconds: float) -> RunEnd:
    """Close the run's accounts."""
    balance = run.database.finish_run(run.id)
    summary = summarize_run(run.database, run.id)
    return RunEnd(run.id, summary.run.state, balance, summary.num_records, seconds, summary.savings)


def _abandoned(placed: Order, ledger: Ledger) -> str | None:
    """Find the run of the same order whose workers are all gone, and open it again."""
    run_id = ledger.database.find_unfinished(placed)
    if run_id is None:
        return None
    ledger.reap(run_id)
    if ledger.is_busy(run_id):
        return None
    ledger.reopen(run_id)
    return run_id


def _unfinished(placed: Order, ledger: Ledger) -> str | None:
    """Find the unfinished run of the same order, whoever reads for it, and open it again."""
    run_id = ledger.database.find_unfinished(placed)
    if run_id is not None:
        ledger.reap(run_id)
        ledger.reopen(run_id)
    return run_id
