"""What the ledger's transactions do to a shard, without a database. The policy is `ledger`'s own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from llava_ocr.ledger import leases, retries
from llava_ocr.ledger.leases import Ending, Lease, Shard, ShardState, Terms
from llava_ocr.ledger.retries import Retries


def planned(run_id: str, shard_index: int, num_objects: int) -> Shard:
    """A shard as it is cut: open, never held."""
    return Shard(run_id, shard_index, ShardState.OPEN, num_objects, 0, "", None, None, None, None, 0, 0, 0)


def claim(shard: Shard, owner: str, *, now: datetime, terms: Terms, policy: Retries) -> tuple[Shard, Lease] | None:
    """Take an open shard; None where it is not due."""
    if not leases.is_due(shard, now):
        return None
    hard_until = now + timedelta(seconds=terms.hard_s)
    token = shard.token + 1
    lease = Lease(
        shard.run_id,
        shard.shard_index,
        token,
        owner,
        is_cautious=retries.is_cautious(shard, policy),
        is_last_try=retries.is_last_try(shard, policy),
    )
    held = replace(
        shard,
        state=ShardState.LEASED,
        token=token,
        owner=owner,
        lease_until=leases.lease_until(now, terms, hard_until),
        hard_until=hard_until,
        progress_at=now,
        not_before=None,
    )
    return held, lease


def is_held(shard: Shard, lease: Lease) -> bool:
    """Whether a lease still gives the right to write."""
    return shard.state is ShardState.LEASED and shard.token == lease.token


def stamp(shard: Shard, *, now: datetime, terms: Terms) -> Shard:
    """Note that documents ended under the lease."""
    assert shard.hard_until, shard
    until = leases.lease_until(now, terms, shard.hard_until)
    return replace(shard, progress_at=now, lease_until=until, num_idle_crashes=0)


def renew(shard: Shard, *, now: datetime, terms: Terms, has_progress: bool) -> Shard | None:
    """Hold the shard for longer; None where it stalled or passed its hard limit."""
    if not leases.may_renew(shard, now, terms, has_progress=has_progress):
        return None
    assert shard.hard_until, shard
    until = leases.lease_until(now, terms, shard.hard_until)
    return replace(shard, lease_until=until, progress_at=now if has_progress else shard.progress_at)


def hand_back(shard: Shard, ending: Ending, *, num_open: int, now: datetime, policy: Retries) -> Shard:
    """End a holding with so many documents open."""
    num_tries = shard.num_tries + (ending is Ending.PUT_OFF)
    state, not_before = ShardState.OPEN, None
    if not num_open:
        state = ShardState.DONE
    elif ending is Ending.FAILED or (ending is Ending.PUT_OFF and num_tries >= policy.max_tries):
        state = ShardState.STOPPED
    elif ending is Ending.PUT_OFF:
        not_before = now + timedelta(seconds=retries.delay_s(num_tries, policy))
    return _freed(replace(shard, state=state, num_tries=num_tries, not_before=not_before))


def bury(shard: Shard, *, num_open: int, num_poison: int, policy: Retries) -> Shard:
    """Take the shard from its dead holder; `num_poison` documents were given up for it and are not among the open."""
    num_idle = shard.num_idle_crashes + 1
    state = ShardState.OPEN
    if not num_open:
        state = ShardState.DONE
    elif not num_poison and retries.is_stopped(num_idle, policy):
        state = ShardState.STOPPED
    if num_open and num_poison:
        num_idle = 0
    token, num_crashes = shard.token + 1, shard.num_crashes + 1
    return _freed(replace(shard, state=state, token=token, num_crashes=num_crashes, num_idle_crashes=num_idle))


def _freed(shard: Shard) -> Shard:
    return replace(shard, owner="", lease_until=None, hard_until=None, progress_at=None)
