"""Which lease reads a content, so that overlapping runs, and two keys with the same bytes, are charged once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, select, update
from sqlalchemy.sql.dml import Insert

from llava_ocr.db import shards, staging
from llava_ocr.db.rows import HOLDS, READS, RUNS, SHARDS
from llava_ocr.db.upserts import insert_selected
from llava_ocr.errors import LeaseLost
from llava_ocr.ledger import leases
from llava_ocr.ledger.leases import Lease, ShardState, Terms
from llava_ocr.ledger.order import ReadState, Stage
from llava_ocr.ledger.retries import Retries

FINGERPRINTS = ("schema_fingerprint", "engine_fingerprint")
HOLDER = ("run_id", "shard_index", "token")


class Hold(StrEnum):
    """What to do with a content: read it (MINE), leave it (DONE before, FAILED in this run), come back (BUSY)."""

    MINE = "mine"
    DONE = "done"
    FAILED = "failed"
    BUSY = "busy"


def hold(
    connection: Connection,
    lease: Lease,
    document_ids: Sequence[str],
    *,
    is_forced: bool,
    clock: Callable[[Connection], datetime],
    terms: Terms,
    policy: Retries,
) -> dict[str, Hold]:
    """Take contents for this lease, but those that need no reading or that a living holder has. Raises LeaseLost.

    A forced run reads again what was read before it began, but not what another run has read since.
    """
    # Always in the same order, so that two who want the same contents do not wait for each other.
    wanted = sorted(set(document_ids))
    if connection.dialect.name == "postgresql":
        # Not waiting for the disk makes this ten times as fast. Should the server crash within the next moments,
        # another run might pay for these contents too; the accounts are not in danger.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
    _take(connection, lease, wanted)
    found = connection.execute(_holders(), _of_lease(lease) | {"documents": wanted}).all()
    if not found:
        raise LeaseLost(f"run {lease.run_id}, shard {lease.shard_index}: no longer held under token {lease.token}")
    run, answers = found[0], dict.fromkeys(wanted, Hold.BUSY)
    mine = [
        row.document_id
        for row in found
        if row.document_id and _is_taken(connection, lease, row, clock=clock, terms=terms, policy=policy)
    ]
    # Only now, with the holds taken: whoever had them before may have ended the documents a moment ago.
    ended = _ended(connection, run, mine)
    answers |= {one: _answer(ended[one], run, is_forced=is_forced) for one in mine}
    if run.stage is Stage.LIVE and not is_forced:
        answers |= _adopt(connection, run, {one: ended[one] for one in mine if answers[one] is Hold.MINE})
    return answers


def failure_of(connection: Connection, run_id: str, document_id: str) -> tuple[str, str, int]:
    """Return how a content failed in a run: its failure class, the message, and how many pages it said it has."""
    failed = select(READS.c.reason, READS.c.message, READS.c.num_pages).where(
        READS.c.run_id == run_id, READS.c.document_id == document_id, READS.c.state == ReadState.FAILED
    )
    reason, message, num_pages = connection.execute(failed.limit(1)).one()
    return reason, message, num_pages


def _named(lease: Lease) -> tuple[str, int, int]:
    return lease.run_id, lease.shard_index, lease.token


def _take(connection: Connection, lease: Lease, document_ids: Sequence[str]) -> None:
    rows = [_of_lease(lease) | {"of_document_id": document_id} for document_id in document_ids]
    connection.execute(_insert_free(connection.dialect.name), rows)


def _of_lease(lease: Lease) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in zip(HOLDER, _named(lease), strict=True)}


@cache
def _insert_free(dialect: str) -> Insert:
    """Insert a hold, unless the lease is lost or the content is held."""
    held = and_(
        SHARDS.c.run_id == bindparam("of_run_id"),
        SHARDS.c.shard_index == bindparam("of_shard_index"),
        SHARDS.c.token == bindparam("of_token"),
        SHARDS.c.state == ShardState.LEASED,
    )
    document = bindparam("of_document_id", type_=HOLDS.c.document_id.type).label("document_id")
    columns = (document, *(RUNS.c[name] for name in FINGERPRINTS), *(SHARDS.c[name] for name in HOLDER))
    return insert_selected(dialect, HOLDS, select(*columns).join_from(SHARDS, RUNS, _of_run).where(held))


_of_run = RUNS.c.id == SHARDS.c.run_id


@cache
def _holders() -> Select[Any]:
    """Select who holds contents, with what is to know of the lease's run; nothing where the lease is lost.

    Made once, because making a statement takes longer than having it answered.
    """
    wanted = HOLDS.c.document_id.in_(bindparam("documents", expanding=True))
    same = and_(wanted, *(HOLDS.c[name] == RUNS.c[name] for name in FINGERPRINTS))
    run = (RUNS.c.id, RUNS.c.schema_name, *(RUNS.c[name] for name in FINGERPRINTS), RUNS.c.started_at, RUNS.c.stage)
    is_held = [SHARDS.c[name] == bindparam(f"of_{name}") for name in HOLDER]
    return (
        select(*run, HOLDS.c.document_id, *(HOLDS.c[name] for name in HOLDER))
        .join_from(SHARDS, RUNS, _of_run)
        .outerjoin(HOLDS, same)
        .where(*is_held, SHARDS.c.state == ShardState.LEASED)
    )


@cache
def _ends() -> Select[Any]:
    """Select how contents ended under some fingerprints, in whatever run."""
    columns = (READS.c.document_id, READS.c.state, READS.c.ended_at, READS.c.run_id, RUNS.c.stage)
    return (
        select(*columns)
        .join_from(READS, RUNS, RUNS.c.id == READS.c.run_id)
        .where(*(RUNS.c[name] == bindparam(f"of_{name}") for name in FINGERPRINTS))
        .where(READS.c.document_id.in_(bindparam("documents", expanding=True)))
        .where(READS.c.state.in_((ReadState.OK, ReadState.FAILED)))
    )


def _is_taken(
    connection: Connection,
    lease: Lease,
    seen: Row[Any],
    *,
    clock: Callable[[Connection], datetime],
    terms: Terms,
    policy: Retries,
) -> bool:
    """Whether the lease has a content, after taking it from a holder that is dead."""
    if (seen.run_id, seen.shard_index, seen.token) == _named(lease):
        return True
    shard = shards.get(connection, seen.run_id, seen.shard_index)
    if shard is not None and shard.token == seen.token and shard.state is ShardState.LEASED:
        now = clock(connection)
        ending = leases.death(shard, now, terms)
        # A dead holder loses its shard first, or it might wake up and be charged as well.
        if ending is None or not shards.bury(connection, shard, ending, now=now, policy=policy):
            return False
    of_key = [HOLDS.c[name] == getattr(seen, name) for name in ("document_id", *FINGERPRINTS)]
    of_dead = [HOLDS.c[name] == getattr(seen, name) for name in HOLDER]
    # Burying took the holds of the dead with it; a hold that was left behind goes over as it was seen.
    _take(connection, lease, [seen.document_id])
    connection.execute(update(HOLDS).where(*of_key, *of_dead).values(**dict(zip(HOLDER, _named(lease), strict=True))))
    now_held = connection.execute(select(*(HOLDS.c[name] for name in HOLDER)).where(*of_key)).one_or_none()
    return now_held is not None and tuple(now_held) == _named(lease)


def _ended(connection: Connection, run: Row[Any], document_ids: Sequence[str]) -> Mapping[str, list[Row[Any]]]:
    """List how contents ended under the run's fingerprints, in the run itself and in others."""
    ended: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    by = {f"of_{name}": getattr(run, name) for name in FINGERPRINTS} | {"documents": document_ids}
    for row in connection.execute(_ends(), by):
        ended[row.document_id].append(row)
    return ended


def _answer(ended: Sequence[Row[Any]], run: Row[Any], *, is_forced: bool) -> Hold:
    here = {row.state for row in ended if row.run_id == run.id}
    if here:
        return Hold.DONE if ReadState.OK in here else Hold.FAILED
    standing = [row for row in ended if row.state is ReadState.OK and row.stage is not Stage.STAGED]
    if any(not is_forced or row.ended_at >= run.started_at for row in standing):
        return Hold.DONE
    return Hold.MINE


def _adopt(connection: Connection, run: Row[Any], ended: Mapping[str, Sequence[Row[Any]]]) -> dict[str, Hold]:
    """Take over what a backfill has read and not promoted yet: it was paid for, and would read the same again."""
    by_run: defaultdict[str, list[str]] = defaultdict(list)
    for document_id, rows in ended.items():
        staged = [row.run_id for row in rows if row.state is ReadState.OK and row.stage is Stage.STAGED]
        if staged:
            by_run[max(staged)].append(document_id)
    for staged_run_id, documents in by_run.items():
        staging.adopt(connection, staged_run_id, documents, run_id=run.id, schema_name=run.schema_name)
    return {document_id: Hold.DONE for documents in by_run.values() for document_id in documents}
