"""The SQL of shards: cut, claim, renew, hand back, bury. Each change of hands raises the token, by compare-and-set.

A function returns False or None where somebody else was first; only `require` raises. Callers bring the transaction
and the time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, and_, case, func, or_, select, update

from llava_ocr.db.addresses import follow
from llava_ocr.db.planning import DONE_BEFORE, plan, skip_known
from llava_ocr.db.rows import ATTEMPTS, HOLDS, READS, RUNS, SHARDS
from llava_ocr.db.upserts import chunks
from llava_ocr.db.values import clean
from llava_ocr.errors import LeaseLost, PoisonDocument
from llava_ocr.ledger import leases, retries
from llava_ocr.ledger.leases import Ending, Lease, Shard, ShardState, Terms
from llava_ocr.ledger.order import ReadState
from llava_ocr.ledger.retries import Retries
from llava_ocr.store.base import ObjectInfo

COLUMNS = [SHARDS.c[field.name] for field in fields(Shard)]
# Open shards looked at to claim one: a few, so that workers who come together do not all want the same.
CANDIDATES = 16


@dataclass(frozen=True, slots=True)
class Cut:
    """A new shard, None where every object was planned before, and the addresses that are skipped as read before."""

    shard: Shard | None
    kept: tuple[str, ...]


def cut(connection: Connection, run_id: str, infos: Sequence[ObjectInfo], *, is_forced: bool) -> Cut:
    """Make a shard of those objects that the run does not have yet.

    What was read before, unless forced, is skipped at once and needs no worker.
    """
    # Whoever plans the same run waits here, so that no two shards get the same number.
    connection.execute(select(RUNS.c.id).where(RUNS.c.id == run_id).with_for_update())
    last = connection.execute(select(func.max(SHARDS.c.shard_index)).where(SHARDS.c.run_id == run_id)).scalar()
    shard = _blank(run_id, 0 if last is None else last + 1)
    kept: list[str] = []
    for chunk in chunks(infos):
        planned = plan(connection, run_id, chunk, shard_index=shard.shard_index)
        known = [] if is_forced else [one for one in planned if one.is_done and one.state is ReadState.PLANNED]
        follow(connection, run_id, skip_known(connection, run_id, known, reason=DONE_BEFORE))
        kept += [one.info.uri for one in known]
    num_objects = _count(connection, shard, READS.c.run_id == run_id)
    if not num_objects:
        return Cut(None, tuple(kept))
    state = ShardState.OPEN if _num_open(connection, run_id, shard.shard_index) else ShardState.DONE
    made = replace(shard, num_objects=num_objects, state=state)
    connection.execute(SHARDS.insert(), [asdict(made)])
    return Cut(made, tuple(kept))


def get(connection: Connection, run_id: str, shard_index: int) -> Shard | None:
    """Look a shard up."""
    found = connection.execute(select(*COLUMNS).where(SHARDS.c.run_id == run_id, SHARDS.c.shard_index == shard_index))
    row = found.one_or_none()
    return None if row is None else Shard(*row)


def due(connection: Connection, run_id: str, now: datetime, *, limit: int) -> list[Shard]:
    """Return shards that may be claimed, by their number."""
    is_due = or_(SHARDS.c.not_before.is_(None), SHARDS.c.not_before <= now)
    is_open = select(*COLUMNS).where(SHARDS.c.run_id == run_id, SHARDS.c.state == ShardState.OPEN, is_due)
    return [Shard(*row) for row in connection.execute(is_open.order_by(SHARDS.c.shard_index).limit(limit))]


def candidates(connection: Connection, run_id: str, now: datetime) -> list[Shard]:
    """Return a few shards that may be claimed, and all that somebody holds: their holders may be dead."""
    held = select(*COLUMNS).where(SHARDS.c.run_id == run_id, SHARDS.c.state == ShardState.LEASED)
    rows = connection.execute(held.order_by(SHARDS.c.shard_index))
    return [*due(connection, run_id, now, limit=CANDIDATES), *(Shard(*row) for row in rows)]


def wait_s(connection: Connection, run_id: str, now: datetime) -> float | None:
    """Say in how many seconds a shard of the run may be there to claim; None where none is open or held."""
    of_run = (SHARDS.c.run_id == run_id, SHARDS.c.state.in_((ShardState.OPEN, ShardState.LEASED)))
    is_due = and_(SHARDS.c.state == ShardState.OPEN, SHARDS.c.not_before.is_(None))
    if connection.execute(select(SHARDS.c.token).where(*of_run, is_due).limit(1)).first():
        return 0.0
    until = case((SHARDS.c.state == ShardState.LEASED, SHARDS.c.lease_until), else_=SHARDS.c.not_before)
    soonest = connection.execute(select(func.min(until, type_=SHARDS.c.not_before.type)).where(*of_run)).scalar()
    return None if soonest is None else max(0.0, (soonest - now).total_seconds())


def claim(
    connection: Connection, shard: Shard, owner: str, *, claim_id: str, now: datetime, terms: Terms, policy: Retries
) -> Lease | None:
    """Take an open shard as it was seen; None where somebody was quicker. `claim_id` is this call's own."""
    assert leases.is_due(shard, now), shard
    hard_until = now + timedelta(seconds=terms.hard_s)
    is_taken = _change(
        connection,
        shard,
        state=ShardState.LEASED,
        token=shard.token + 1,
        owner=owner,
        lease_until=leases.lease_until(now, terms, hard_until),
        hard_until=hard_until,
        progress_at=now,
        not_before=None,
    )
    if not is_taken:
        return None
    lease = _lease(replace(shard, token=shard.token + 1, owner=owner), policy)
    row = {"run_id": lease.run_id, "shard_index": lease.shard_index, "token": lease.token, "owner": owner}
    row |= {"started_at": now, "ended_at": None, "ending": None, "reason": "", "claim_id": claim_id}
    connection.execute(ATTEMPTS.insert(), [row])
    return lease


def claimed(connection: Connection, run_id: str, claim_id: str, policy: Retries) -> Lease | None:
    """Return the lease that a claim got whose answer was lost; None where it got none, or has it no more."""
    same = (ATTEMPTS.c.run_id == SHARDS.c.run_id, ATTEMPTS.c.shard_index == SHARDS.c.shard_index)
    made = select(*COLUMNS).join(ATTEMPTS, and_(*same, ATTEMPTS.c.token == SHARDS.c.token))
    made = made.where(ATTEMPTS.c.run_id == run_id, ATTEMPTS.c.claim_id == claim_id)
    row = connection.execute(made.where(SHARDS.c.state == ShardState.LEASED)).one_or_none()
    return None if row is None else _lease(Shard(*row), policy)


def require(connection: Connection, lease: Lease) -> Shard:
    """Return the lease's shard, locked to the end of the transaction. Raises LeaseLost where it is somebody else's."""
    found = select(*COLUMNS).where(_is_held(lease)).with_for_update()
    row = connection.execute(found).one_or_none()
    if row is None:
        raise LeaseLost(f"run {lease.run_id}, shard {lease.shard_index}: no longer held under token {lease.token}")
    return Shard(*row)


def stamp(connection: Connection, lease: Lease, shard: Shard, *, now: datetime, terms: Terms) -> None:
    """Note progress, which renews the lease too; whatever ended documents, the shard is no killer by itself."""
    assert shard.hard_until, shard
    until = leases.lease_until(now, terms, shard.hard_until)
    stamped = update(SHARDS).where(_is_held(lease))
    connection.execute(stamped.values(progress_at=now, lease_until=until, num_idle_crashes=0))


def renew(connection: Connection, lease: Lease, *, now: datetime, terms: Terms, has_progress: bool) -> None:
    """Hold the shard for longer. Raises LeaseLost where it is lost, stalled or past its hard limit."""
    shard = require(connection, lease)
    if not leases.may_renew(shard, now, terms, has_progress=has_progress):
        raise LeaseLost(f"run {lease.run_id}, shard {lease.shard_index}: {leases.death(shard, now, terms)}")
    assert shard.hard_until, shard
    progress = {"progress_at": now} if has_progress else {}
    until = leases.lease_until(now, terms, shard.hard_until)
    connection.execute(update(SHARDS).where(_is_held(lease)).values(lease_until=until, **progress))


def hand_back(
    connection: Connection, lease: Lease, ending: Ending, *, reason: str, now: datetime, policy: Retries
) -> ShardState:
    """End a holding and say how the shard stands: DONE where all its documents ended, else OPEN, to be claimed again
    after a while, or STOPPED. Raises LeaseLost."""
    shard = require(connection, lease)
    ending = Ending.RELEASED if ending is Ending.DONE else ending
    num_tries = shard.num_tries + (ending is Ending.PUT_OFF)
    state, not_before = ShardState.OPEN, None
    if not _num_open(connection, lease.run_id, lease.shard_index):
        state, ending = ShardState.DONE, Ending.DONE
    elif ending is Ending.FAILED or (ending is Ending.PUT_OFF and num_tries >= policy.max_tries):
        # Documents are open, and what keeps them from being read lies outside of the shard.
        state = ShardState.STOPPED
    elif ending is Ending.PUT_OFF:
        not_before = now + timedelta(seconds=retries.delay_s(num_tries, policy))
    _change(connection, shard, state=state, num_tries=num_tries, not_before=not_before, **_FREE)
    _close_attempt(connection, shard, ending, reason=reason, now=now)
    return state


def wait(connection: Connection, lease: Lease, *, now: datetime, delay_s: float) -> None:
    """Hand a shard back whose open documents somebody else reads; it counts as no try. Raises LeaseLost."""
    shard = require(connection, lease)
    _change(connection, shard, state=ShardState.OPEN, not_before=now + timedelta(seconds=delay_s), **_FREE)
    _close_attempt(connection, shard, Ending.RELEASED, reason="", now=now)


def bury(connection: Connection, shard: Shard, ending: Ending, *, now: datetime, policy: Retries) -> bool:
    """Take a shard from its dead holder and note whom the death may be laid to. False where it was not dead after all.

    The new token is what keeps a holder that wakes up from writing.
    """
    num_idle = shard.num_idle_crashes + 1
    if not _change(
        connection,
        shard,
        state=ShardState.OPEN,
        token=shard.token + 1,
        num_crashes=shard.num_crashes + 1,
        num_idle_crashes=num_idle,
        **_FREE,
    ):
        return False
    num_poison = _blame(connection, shard, now=now, policy=policy)
    changed: dict[str, object] = {}
    if not _num_open(connection, shard.run_id, shard.shard_index):
        changed = {"state": ShardState.DONE}
    elif num_poison:
        changed = {"num_idle_crashes": 0}
    elif retries.is_stopped(num_idle, policy):
        changed = {"state": ShardState.STOPPED}
    if changed:
        connection.execute(update(SHARDS).where(_is_shard(shard)).values(**changed))
    _close_attempt(connection, shard, ending, reason="", now=now)
    return True


def cancel(connection: Connection, run_id: str, *, now: datetime) -> None:
    """Take every shard of a run from whoever holds it, for good."""
    over = (ShardState.DONE, ShardState.CANCELLED)
    unended = update(ATTEMPTS).where(ATTEMPTS.c.run_id == run_id, ATTEMPTS.c.ended_at.is_(None))
    connection.execute(
        update(SHARDS)
        .where(SHARDS.c.run_id == run_id, SHARDS.c.state.not_in(over))
        .values(state=ShardState.CANCELLED, token=SHARDS.c.token + 1, **_FREE)
    )
    connection.execute(unended.values(ended_at=now, ending=Ending.CANCELLED))
    connection.execute(HOLDS.delete().where(HOLDS.c.run_id == run_id))


def reopen(connection: Connection, run_id: str, policy: Retries) -> int:
    """Open every shard again that is not held, has an open document and was not stopped for killing; return how many.

    Their failed tries are forgiven, their deaths are not: whoever starts a run again after each crash must come to an
    end, too.
    """
    is_no_killer = SHARDS.c.num_idle_crashes < policy.max_idle_crashes
    return connection.execute(_open_again(run_id).where(is_no_killer)).rowcount


def forgive(connection: Connection, run_id: str) -> int:
    """Open every shard again that is not held and has an open document, as if it had never killed; return how many."""
    return connection.execute(_open_again(run_id).values(num_crashes=0, num_idle_crashes=0)).rowcount


def _open_again(run_id: str) -> Update:
    has_open = select(READS.c.uri).where(
        READS.c.run_id == SHARDS.c.run_id,
        READS.c.shard_index == SHARDS.c.shard_index,
        READS.c.state == ReadState.PLANNED,
    )
    unheld = update(SHARDS).where(SHARDS.c.run_id == run_id, SHARDS.c.state != ShardState.LEASED, has_open.exists())
    return unheld.values(state=ShardState.OPEN, not_before=None, num_tries=0)


def is_busy(connection: Connection, run_id: str) -> bool:
    """Whether somebody holds a shard of the run."""
    held = select(SHARDS.c.token).where(SHARDS.c.run_id == run_id, SHARDS.c.state == ShardState.LEASED)
    return connection.execute(held.limit(1)).first() is not None


def last_act_at(connection: Connection, run_id: str) -> datetime | None:
    """When a shard of the run was last taken or handed back."""
    acted = func.max(func.coalesce(ATTEMPTS.c.ended_at, ATTEMPTS.c.started_at), type_=ATTEMPTS.c.started_at.type)
    last: datetime | None = connection.execute(select(acted).where(ATTEMPTS.c.run_id == run_id)).scalar()
    return last


def open_objects(connection: Connection, lease: Lease) -> list[ObjectInfo]:
    """List the objects of the shard that have not ended, in the order of their addresses."""
    columns = (READS.c.uri, READS.c.key_json, READS.c.size_bytes, READS.c.etag, READS.c.modified_at, READS.c.version)
    of_shard = (READS.c.run_id == lease.run_id, READS.c.shard_index == lease.shard_index)
    listed = select(*columns).where(*of_shard, READS.c.state == ReadState.PLANNED).order_by(READS.c.uri)
    return [
        ObjectInfo(uri, json.loads(key), size, etag, modified, version)
        for uri, key, size, etag, modified, version in connection.execute(listed)
    ]


def add_objects(connection: Connection, lease: Lease, infos: Sequence[ObjectInfo]) -> list[ObjectInfo]:
    """Write down objects that came up while the shard was read; return those that have not ended. Raises LeaseLost."""
    shard = require(connection, lease)
    planned = [
        one for chunk in chunks(infos) for one in plan(connection, lease.run_id, chunk, shard_index=lease.shard_index)
    ]
    num_objects = _count(connection, shard, READS.c.run_id == lease.run_id)
    connection.execute(update(SHARDS).where(_is_held(lease)).values(num_objects=num_objects))
    return [one.info for one in planned if one.state is ReadState.PLANNED]


def start_reading(connection: Connection, lease: Lease, uri: str) -> None:
    """Note that a cautious holder now begins this object. Raises LeaseLost."""
    require(connection, lease)
    named = update(READS).where(READS.c.run_id == lease.run_id, READS.c.uri == clean(uri))
    connection.execute(named.values(started_token=lease.token))


_FREE: dict[str, Any] = {"owner": "", "lease_until": None, "hard_until": None, "progress_at": None}


def _lease(shard: Shard, policy: Retries) -> Lease:
    return Lease(
        shard.run_id,
        shard.shard_index,
        shard.token,
        shard.owner,
        is_cautious=retries.is_cautious(shard, policy),
        is_last_try=retries.is_last_try(shard, policy),
    )


def _blank(run_id: str, shard_index: int) -> Shard:
    return Shard(run_id, shard_index, ShardState.OPEN, 0, 0, "", None, None, None, None, 0, 0, 0)


def _is_shard(shard: Shard | Lease) -> ColumnElement[bool]:
    return and_(SHARDS.c.run_id == shard.run_id, SHARDS.c.shard_index == shard.shard_index)


def _is_held(lease: Lease) -> ColumnElement[bool]:
    return and_(_is_shard(lease), SHARDS.c.token == lease.token, SHARDS.c.state == ShardState.LEASED)


def _change(connection: Connection, shard: Shard, **changes: object) -> bool:
    """Change a shard if it still is as it was seen: same token, same state, and its holder has not moved since."""
    unmoved = [SHARDS.c[name].is_not_distinct_from(getattr(shard, name)) for name in ("lease_until", "progress_at")]
    seen = update(SHARDS).where(
        _is_shard(shard), SHARDS.c.token == shard.token, SHARDS.c.state == shard.state, *unmoved
    )
    return connection.execute(seen.values(**changes)).rowcount == 1


def _close_attempt(connection: Connection, shard: Shard, ending: Ending, *, reason: str, now: datetime) -> None:
    of_holding = (ATTEMPTS.c.run_id == shard.run_id, ATTEMPTS.c.shard_index == shard.shard_index)
    closed = update(ATTEMPTS).where(*of_holding, ATTEMPTS.c.token == shard.token)
    connection.execute(closed.values(ended_at=now, ending=ending, reason=reason))
    held = (HOLDS.c.run_id == shard.run_id, HOLDS.c.shard_index == shard.shard_index, HOLDS.c.token == shard.token)
    connection.execute(HOLDS.delete().where(*held))


def _blame(connection: Connection, shard: Shard, *, now: datetime, policy: Retries) -> int:
    """Count the death against the document that the holder had begun; return how many are poison for it."""
    begun = (
        READS.c.run_id == shard.run_id,
        READS.c.shard_index == shard.shard_index,
        READS.c.state == ReadState.PLANNED,
        READS.c.started_token == shard.token,
    )
    connection.execute(update(READS).where(*begun).values(num_crashes=READS.c.num_crashes + 1))
    deaths = connection.execute(select(READS.c.uri, READS.c.num_crashes).where(*begun)).all()
    poisonous = [row.uri for row in deaths if retries.is_poison(row.num_crashes, policy)]
    message = f"{policy.poison_after} workers died while they read it"
    failed = {"state": ReadState.FAILED, "reason": PoisonDocument.__name__, "message": message, "ended_at": now}
    connection.execute(update(READS).where(*begun, READS.c.uri.in_(poisonous)).values(**failed))
    return len(poisonous)


def _num_open(connection: Connection, run_id: str, shard_index: int) -> int:
    of_shard = (READS.c.run_id == run_id, READS.c.shard_index == shard_index, READS.c.state == ReadState.PLANNED)
    return connection.execute(select(func.count()).select_from(READS).where(*of_shard)).scalar_one()


def _count(connection: Connection, shard: Shard, of_run: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(READS).where(of_run, READS.c.shard_index == shard.shard_index)
    return connection.execute(counted).scalar_one()
