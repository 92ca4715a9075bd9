"""When a shard may be taken, when its holder counts as dead, and what comes after a death. Pure; no clock of its own.

Safety never rests on a clock: each change of hands raises the shard's token, and a write that carries an older one is
refused. Clocks only decide how soon a dead holder's shard is taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class ShardState(StrEnum):
    """How a shard stands: OPEN may be claimed, LEASED is held, STOPPED was given up with documents open."""

    OPEN = "open"
    LEASED = "leased"
    DONE = "done"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Ending(StrEnum):
    """How one holding of a shard ended.

    DONE: every document ended. PUT_OFF: some failed in a way that may pass. FAILED: the engine or the program failed,
    and would again. RELEASED: handed back, the worker drains.
    EXPIRED, STALLED and OVERDUE are deaths: not renewed, no progress, past the hard limit.
    """

    DONE = "done"
    PUT_OFF = "put_off"
    FAILED = "failed"
    RELEASED = "released"
    EXPIRED = "expired"
    STALLED = "stalled"
    OVERDUE = "overdue"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long a shard may be held: from one renewal to the next, without progress, and in all.

    A lease alone lets a hung worker renew for ever; `stall_s` and `hard_s` end that.
    """

    lease_s: float = 90.0
    renew_s: float = 20.0
    stall_s: float = 900.0
    hard_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for a shard, as long as the shard's token is still this one.

    `is_cautious`: read one document at a time and say before each which it is, so that a killer gives itself away.
    `is_last_try`: what fails now has failed.
    """

    run_id: str
    shard_index: int
    token: int
    owner: str
    is_cautious: bool = False
    is_last_try: bool = False


@dataclass(frozen=True, slots=True)
class Shard:
    """A fixed slice of a run and who holds it.

    `num_tries` counts holdings that ended with something put off, `num_crashes` deaths, `num_idle_crashes` deaths in a
    row during which no document ended.
    """

    run_id: str
    shard_index: int
    state: ShardState
    num_objects: int
    token: int
    owner: str
    lease_until: datetime | None
    hard_until: datetime | None
    progress_at: datetime | None
    not_before: datetime | None
    num_tries: int
    num_crashes: int
    num_idle_crashes: int


def death(shard: Shard, now: datetime, terms: Terms) -> Ending | None:
    """Say of what the shard's holder died, None while it lives or where nobody holds it."""
    if shard.state is not ShardState.LEASED:
        return None
    assert shard.lease_until and shard.hard_until and shard.progress_at, shard
    if now >= shard.hard_until:
        return Ending.OVERDUE
    if now >= shard.progress_at + timedelta(seconds=terms.stall_s):
        return Ending.STALLED
    return Ending.EXPIRED if now >= shard.lease_until else None


def is_due(shard: Shard, now: datetime) -> bool:
    """Whether an open shard may be claimed: its waiting time after a put-off is over."""
    return shard.state is ShardState.OPEN and (shard.not_before is None or now >= shard.not_before)


def may_renew(shard: Shard, now: datetime, terms: Terms, *, has_progress: bool) -> bool:
    """Whether the holder may go on. A lease that ran out unnoticed may: nobody else has the shard."""
    dead = death(shard, now, terms)
    return dead in (None, Ending.EXPIRED) or (dead is Ending.STALLED and has_progress)


def lease_until(now: datetime, terms: Terms, hard_until: datetime) -> datetime:
    """Until when a lease given or renewed now lasts; never past the hard limit."""
    return min(now + timedelta(seconds=terms.lease_s), hard_until)
