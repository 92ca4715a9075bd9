"""Questions that the command line and the pages ask: which runs there were, how one went, what failed and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from llava_ocr.db import stored
from llava_ocr.db.accounts import balance_of
from llava_ocr.db.links import linked
from llava_ocr.db.planning import get_run
from llava_ocr.db.rows import PAGES, READS, RECORDS, RUNS, SHARDS
from llava_ocr.db.session import Database
from llava_ocr.db.stored import StoredRecord
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.leases import ShardState
from llava_ocr.ledger.order import ReadState, RunState, Stage
from llava_ocr.records import PageState


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it was ordered, and where it stands."""

    id: str
    source: str
    schema: str
    engine: str
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    stage: Stage


@dataclass(frozen=True, slots=True)
class Savings:
    """Pages whose answers were known, and the seconds that these took when they were made."""

    num_pages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run went. `num_records` are those it made that still stand; `num_needing_review` of them want a look."""

    run: RunInfo
    balance: Balance
    num_records: int
    num_needing_review: int
    savings: Savings


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed: a whole object, or one page of it (`page_index` from 0)."""

    uri: str
    document_id: str | None
    page_index: int | None
    reason: str
    message: str


def list_runs(db: Database, *, limit: int = 20) -> list[RunInfo]:
    """List the newest runs, newest first."""
    with db.reading() as connection:
        newest = select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc()).limit(limit)
        return [_info(row) for row in connection.execute(newest)]


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a run was begun with."""

    order_json: str
    schema_fingerprint: str
    engine_fingerprint: str


def find_run(db: Database, run_id: str) -> RunOrder:
    """Return a run's order. Raises DatabaseError when there is no such run."""
    with db.reading() as connection:
        run = get_run(connection, run_id)
        return RunOrder(run.order_json, run.schema_fingerprint, run.engine_fingerprint)


def running_runs(db: Database) -> list[str]:
    """List the runs that have begun and not ended, oldest first."""
    with db.reading() as connection:
        found = select(RUNS.c.id).where(RUNS.c.state == RunState.RUNNING).order_by(RUNS.c.started_at, RUNS.c.id)
        return list(connection.execute(found).scalars())


def open_runs(db: Database, engine_fingerprint: str) -> list[str]:
    """List the runs of an engine that have a shard to claim or held, oldest first."""
    unended = SHARDS.c.state.in_((ShardState.OPEN, ShardState.LEASED))
    has_shard = select(SHARDS.c.run_id).where(SHARDS.c.run_id == RUNS.c.id, unended).exists()
    same = (RUNS.c.state == RunState.RUNNING, RUNS.c.engine_fingerprint == engine_fingerprint)
    with db.reading() as connection:
        found = select(RUNS.c.id).where(*same, has_shard).order_by(RUNS.c.started_at, RUNS.c.id)
        return list(connection.execute(found).scalars())


@dataclass(frozen=True, slots=True)
class Progress:
    """How many documents of a run have ended, and how many of these failed."""

    num_documents: int
    num_ended: int
    num_failed: int

    @property
    def percent(self) -> float:
        """The share that has ended, 0 to 100."""
        return 100 * self.num_ended / self.num_documents if self.num_documents else 0.0


def progress_of(db: Database, run_id: str) -> Progress:
    """Count a run's documents, as far as they are planned."""
    counted = select(READS.c.state, func.count()).where(READS.c.run_id == run_id).group_by(READS.c.state)
    with db.reading() as connection:
        counts = {row[0]: row[1] for row in connection.execute(counted)}
    num_documents = sum(counts.values())
    return Progress(num_documents, num_documents - counts.get(ReadState.PLANNED, 0), counts.get(ReadState.FAILED, 0))


def count_waiting(db: Database, engine_fingerprint: str) -> int:
    """Count the shards that nobody holds, of an engine's runs."""
    same = (RUNS.c.state == RunState.RUNNING, RUNS.c.engine_fingerprint == engine_fingerprint)
    waiting = select(func.count()).select_from(SHARDS.join(RUNS, RUNS.c.id == SHARDS.c.run_id))
    with db.reading() as connection:
        return connection.execute(waiting.where(SHARDS.c.state == ShardState.OPEN, *same)).scalar_one()


def summarize_run(db: Database, run_id: str) -> RunSummary:
    """Tell how a run went, or stands. Raises DatabaseError when there is no such run."""
    with db.reading() as connection:
        run = _info(get_run(connection, run_id))
        counted = select(RECORDS.c.needs_review, func.count()).where(RECORDS.c.run_id == run_id)
        by_need = connection.execute(counted.group_by(RECORDS.c.needs_review)).all()
        counts = {row[0]: row[1] for row in by_need}
        saved = select(func.count(PAGES.c.saved_s), func.coalesce(func.sum(PAGES.c.saved_s), 0.0))
        savings = Savings(*connection.execute(saved.where(PAGES.c.run_id == run_id)).one())
        return RunSummary(run, balance_of(connection, run_id), sum(counts.values()), counts.get(True, 0), savings)


def list_failures(db: Database, run_id: str, *, limit: int = 1_000) -> list[Failure]:
    """List what failed in a run by object: its pages where single pages failed, else the object as a whole."""
    objects = (
        select(READS)
        .where(READS.c.run_id == run_id, READS.c.state == ReadState.FAILED)
        .order_by(READS.c.uri)
        .limit(limit)
    )
    with db.reading() as connection:
        reads = connection.execute(objects).all()
        ids = sorted({read.document_id for read in reads if read.document_id})
        failed = select(PAGES).where(
            PAGES.c.run_id == run_id, PAGES.c.state == PageState.FAILED, PAGES.c.document_id.in_(ids)
        )
        pages = connection.execute(failed.order_by(PAGES.c.document_id, PAGES.c.page_index)).all()
    return [failure for read in reads for failure in _failures(read, pages)][:limit]


def find_records(db: Database, wanted: str, *, schema: str = "") -> list[StoredRecord]:
    """Find the current records of a document by the start of its id or by its URI, whole or from a `/` on."""
    with db.reading() as connection:
        return list(linked(connection, stored.find_records(connection, wanted, schema=schema)))


def _failures(read: Row[Any], pages: Sequence[Row[Any]]) -> list[Failure]:
    whole = [Failure(read.uri, read.document_id, None, read.reason, read.message)]
    of_pages = [
        Failure(read.uri, read.document_id, page.page_index, page.reason, page.message)
        for page in pages
        if page.document_id == read.document_id
    ]
    return of_pages or whole


def _info(row: Row[Any]) -> RunInfo:
    times = row.started_at, row.finished_at
    return RunInfo(row.id, row.source, row.schema_name, row.engine, row.state, *times, row.stage)
