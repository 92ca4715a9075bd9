"""The ledger as workers see it: shards under leases. Each method is one transaction; the same on SQLite and PostgreSQL.

The ledger is the accounts, not a queue: who reads which shard may come from anywhere, and is settled by `claim`.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, update

from llava_ocr.db import addresses, holds, planning, shards
from llava_ocr.db.accounts import finish_run
from llava_ocr.db.holds import Hold
from llava_ocr.db.keeping import keep
from llava_ocr.db.patience import patient
from llava_ocr.db.planning import Skip, get_run, skip
from llava_ocr.db.rows import ATTEMPTS, PAGES, READS, RUNS, SHARDS
from llava_ocr.db.session import Database
from llava_ocr.db.shards import Cut
from llava_ocr.ledger import leases
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.leases import Ending, Lease, Shard, ShardState, Terms
from llava_ocr.ledger.order import ReadState, RunState
from llava_ocr.ledger.retries import Retries, is_worth_asking_for
from llava_ocr.records import DocumentOutcome, PageState
from llava_ocr.store.base import ObjectInfo

Clock = Callable[[Connection], datetime]
# For how long a shard rests whose open documents another run is reading.
BUSY_DELAY_S = 5.0
CANCELLED = "cancelled"
# For how long what was read is offered to a database that does not answer.
PATIENCE_S = 180.0
TERMS = Terms()
RETRIES = Retries()


def database_time(connection: Connection) -> datetime:
    """The database's own time, so that workers whose clocks disagree agree on who is dead."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def never(_: str) -> bool:
    """Know of nobody that is gone."""
    return False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One holding of a shard; `ending` is None while it lasts."""

    run_id: str
    shard_index: int
    token: int
    owner: str
    started_at: datetime
    ended_at: datetime | None
    ending: Ending | None
    reason: str


@dataclass(slots=True)
class _Claim:
    """One call that claims: who for, its own name, and how often it was tried."""

    owner: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    num_tries: int = 0


class Ledger:
    """Shards of a database. Every method raises DatabaseUnavailable or DatabaseError where the database fails."""

    def __init__(
        self,
        database: Database,
        *,
        terms: Terms = TERMS,
        policy: Retries = RETRIES,
        clock: Clock = database_time,
        is_gone: Callable[[str], bool] = never,
        patience_s: float = 0.0,
    ) -> None:
        """`is_gone` may know of an owner that it is no more, long before the lease runs out. For `patience_s` a
        database that does not answer is asked again."""
        self.database = database
        self.terms = terms
        self.policy = policy
        self.patience_s = patience_s
        self._clock = clock
        self._is_gone = is_gone

    @patient
    def cut(self, run_id: str, infos: Sequence[ObjectInfo], *, is_forced: bool) -> Cut:
        """Write down a shard of those objects that the run does not have yet, and skip what was read before."""
        with self.database.writing() as transaction:
            return shards.cut(transaction, run_id, infos, is_forced=is_forced)

    @patient
    def close_plan(self, run_id: str) -> None:
        """Note that every object of the run's order has a shard."""
        with self.database.writing() as transaction:
            get_run(transaction, run_id)
            transaction.execute(update(RUNS).where(RUNS.c.id == run_id).values(is_planned=True))

    def claim(self, run_id: str, shard_index: int, owner: str) -> Lease | None:
        """Take a shard, from a dead holder too; None where it is held, waiting, or over."""

        def named(transaction: Connection) -> list[Shard]:
            shard = shards.get(transaction, run_id, shard_index)
            return [] if shard is None else [shard]

        return self._claim(run_id, _Claim(owner), named)

    def claim_next(self, run_id: str, owner: str) -> Lease | None:
        """Take any shard of the run that may be taken."""

        def any_of_run(transaction: Connection) -> list[Shard]:
            found = shards.candidates(transaction, run_id, self._clock(transaction))
            random.shuffle(found)
            return found

        return self._claim(run_id, _Claim(owner), any_of_run)

    @patient
    def renew(self, lease: Lease, *, has_progress: bool) -> None:
        """Hold the shard for longer. Raises LeaseLost, also where it stalled or passed its hard limit."""
        with self.database.writing() as transaction:
            now = self._clock(transaction)
            shards.renew(transaction, lease, now=now, terms=self.terms, has_progress=has_progress)

    @patient
    def hold(self, lease: Lease, document_ids: Sequence[str], *, is_forced: bool) -> dict[str, Hold]:
        """Take contents for this lease, or say why each need not or must not be read. Raises LeaseLost."""
        with self.database.writing() as transaction:
            return holds.hold(
                transaction,
                lease,
                document_ids,
                is_forced=is_forced,
                clock=self._clock,
                terms=self.terms,
                policy=self.policy,
            )

    @patient
    def failure_of(self, run_id: str, document_id: str) -> tuple[str, str, int]:
        """Return how a content failed in the run: failure class, message, number of pages."""
        with self.database.reading() as transaction:
            return holds.failure_of(transaction, run_id, document_id)

    @patient
    def open_objects(self, lease: Lease) -> list[ObjectInfo]:
        """List the objects of a shard that have not ended."""
        with self.database.reading() as transaction:
            return shards.open_objects(transaction, lease)

    @patient
    def add_objects(self, lease: Lease, infos: Sequence[ObjectInfo]) -> list[ObjectInfo]:
        """Add objects to a shard that were found inside of one of its own; returns those that have not ended.
        Raises LeaseLost."""
        with self.database.writing() as transaction:
            return shards.add_objects(transaction, lease, infos)

    @patient
    def start_reading(self, lease: Lease, uri: str) -> None:
        """Say which object is begun now, where the lease is cautious. Raises LeaseLost."""
        with self.database.writing() as transaction:
            shards.start_reading(transaction, lease, uri)

    @patient
    def save(self, lease: Lease, outcomes: Sequence[DocumentOutcome], skips: Sequence[Skip] = ()) -> None:
        """Write what came of documents under the lease, all or nothing; it counts as progress. Raises LeaseLost."""
        with self.database.writing() as transaction:
            shard = shards.require(transaction, lease)
            if outcomes:
                keep(transaction, lease.run_id, outcomes)
            if skips:
                addresses.follow(transaction, lease.run_id, skip(transaction, lease.run_id, skips))
            shards.stamp(transaction, lease, shard, now=self._clock(transaction), terms=self.terms)

    @patient
    def hand_back(self, lease: Lease, ending: Ending, *, reason: str = "") -> ShardState:
        """End the holding; returns how the shard stands. Raises LeaseLost."""
        with self.database.writing() as transaction:
            now = self._clock(transaction)
            return shards.hand_back(transaction, lease, ending, reason=reason, now=now, policy=self.policy)

    @patient
    def wait(self, lease: Lease, *, delay_s: float = BUSY_DELAY_S) -> None:
        """Hand the shard back for a while, because somebody else reads its open documents. Raises LeaseLost."""
        with self.database.writing() as transaction:
            shards.wait(transaction, lease, now=self._clock(transaction), delay_s=delay_s)

    @patient
    def reap(self, run_id: str | None = None) -> list[Shard]:
        """Free the shards of dead holders, of one run or of all; returns them as they were."""
        held = select(*shards.COLUMNS).where(SHARDS.c.state == ShardState.LEASED)
        with self.database.writing() as transaction:
            now = self._clock(transaction)
            found = transaction.execute(held if run_id is None else held.where(SHARDS.c.run_id == run_id))
            return [shard for row in found.all() if self._bury(transaction, shard := Shard(*row), now)]

    @patient
    def cancel(self, run_id: str) -> Balance:
        """Stop a run: nobody may write for it any more, and what had not ended is skipped, so that it balances."""
        with self.database.writing() as transaction:
            get_run(transaction, run_id)
            now = self._clock(transaction)
            shards.cancel(transaction, run_id, now=now)
            unended = update(READS).where(READS.c.run_id == run_id, READS.c.state == ReadState.PLANNED)
            transaction.execute(unended.values(state=ReadState.SKIPPED, reason=CANCELLED, ended_at=now))
            transaction.execute(
                update(RUNS).where(RUNS.c.id == run_id).values(state=RunState.CANCELLED, finished_at=now)
            )
            return finish_run(transaction, run_id)

    @patient
    def retry(self, run_id: str, *, reasons: Sequence[str] | None = None) -> int:
        """Open the failures of a run again, and its stopped shards; returns how many shards there are to read.

        Without `reasons`: poison, and those that are no fault of the document or its answer. Objects that a
        cancellation skipped are opened too.
        """
        with self.database.writing() as transaction:
            get_run(transaction, run_id)
            wanted = list(reasons) if reasons is not None else self._passing(transaction, run_id)
            of_run = update(READS).where(READS.c.run_id == run_id)
            again = {"state": ReadState.PLANNED, "reason": "", "message": "", "ended_at": None, "num_crashes": 0}
            failed = of_run.where(READS.c.state == ReadState.FAILED, READS.c.reason.in_(wanted))
            transaction.execute(failed.values(**again))
            transaction.execute(
                of_run.where(READS.c.state == ReadState.SKIPPED, READS.c.reason == CANCELLED).values(**again)
            )
            num_open = shards.forgive(transaction, run_id)
            if num_open:
                reopened = update(RUNS).where(RUNS.c.id == run_id)
                transaction.execute(reopened.values(state=RunState.RUNNING, finished_at=None))
            return num_open

    @patient
    def unread(self, infos: Sequence[ObjectInfo], schema: str) -> list[ObjectInfo]:
        """Pick the objects that are new or changed since they were read as this schema."""
        with self.database.reading() as transaction:
            return planning.unread(transaction, infos, schema)

    @patient
    def reopen(self, run_id: str) -> int:
        """Let a run go on: open its shards again that nobody holds, have something to read and did not kill too often;
        return how many.

        Its plan counts as open, because whoever goes on with it lists again.
        """
        with self.database.writing() as transaction:
            going = {"state": RunState.RUNNING, "finished_at": None, "is_planned": False}
            transaction.execute(update(RUNS).where(RUNS.c.id == run_id).values(**going))
            return shards.reopen(transaction, run_id, self.policy)

    @patient
    def pause(self, run_id: str) -> None:
        """Let nobody begin anything more for a run; what is held may end."""
        with self.database.writing() as transaction:
            running = update(RUNS).where(RUNS.c.id == run_id, RUNS.c.state == RunState.RUNNING)
            transaction.execute(running.values(state=RunState.PAUSED))

    @patient
    def go_on(self, run_id: str) -> None:
        """Let a run go on that was paused, or broken off after its plan was made."""
        with self.database.writing() as transaction:
            again = update(RUNS).where(RUNS.c.id == run_id, RUNS.c.state.in_((RunState.PAUSED, RunState.FAILED)))
            transaction.execute(again.values(state=RunState.RUNNING, finished_at=None))

    @patient
    def break_off(self, run_id: str, *, idle_s: float = 0.0) -> Balance | None:
        """Close the accounts of a run that nobody works on, whatever is open; None where somebody does.

        With `idle_s` somebody does, too, where a shard was held, or the run begun, within that time.
        """
        with self.database.writing() as transaction:
            run, now = get_run(transaction, run_id), self._clock(transaction)
            if run.state is not RunState.RUNNING or shards.is_busy(transaction, run_id):
                return None
            last = shards.last_act_at(transaction, run_id) or run.started_at
            if (now - last).total_seconds() < idle_s:
                return None
            balance = finish_run(transaction, run_id)
            if not run.is_planned:
                # What is in the ledger may add up, but nobody knows what was still to be listed.
                transaction.execute(update(RUNS).where(RUNS.c.id == run_id).values(state=RunState.FAILED))
            return balance

    @patient
    def settle(self, run_id: str) -> Balance | None:
        """Close the run's accounts if all its shards are over; None where there is still something to do."""
        with self.database.writing() as transaction:
            run = get_run(transaction, run_id)
            if not run.is_planned or self._count_unended(transaction, run_id):
                return None
            return finish_run(transaction, run_id)

    @patient
    def count_pages(self, run_id: str) -> int:
        """Count the pages of the run that were read, or failed."""
        counted = select(func.count()).select_from(PAGES)
        with self.database.reading() as transaction:
            is_read = PAGES.c.state != PageState.SKIPPED
            return transaction.execute(counted.where(PAGES.c.run_id == run_id, is_read)).scalar_one()

    @patient
    def shards(self, run_id: str) -> list[Shard]:
        """List the run's shards, as they stand."""
        with self.database.reading() as transaction:
            listed = select(*shards.COLUMNS).where(SHARDS.c.run_id == run_id).order_by(SHARDS.c.shard_index)
            return [Shard(*row) for row in transaction.execute(listed)]

    @patient
    def shard(self, run_id: str, shard_index: int) -> Shard | None:
        """Look one shard up; the run may have a great many."""
        with self.database.reading() as transaction:
            return shards.get(transaction, run_id, shard_index)

    @patient
    def count_failed(self, run_id: str, shard_index: int) -> int:
        """Count the documents of a shard that failed."""
        of_shard = (READS.c.run_id == run_id, READS.c.shard_index == shard_index, READS.c.state == ReadState.FAILED)
        with self.database.reading() as transaction:
            return transaction.execute(select(func.count()).select_from(READS).where(*of_shard)).scalar_one()

    @patient
    def is_busy(self, run_id: str) -> bool:
        """Whether somebody holds a shard of the run."""
        with self.database.reading() as transaction:
            return shards.is_busy(transaction, run_id)

    @patient
    def due(self, run_id: str, *, limit: int) -> list[Shard]:
        """List shards of the run that may be claimed now, the first `limit` of them."""
        with self.database.reading() as transaction:
            return shards.due(transaction, run_id, self._clock(transaction), limit=limit)

    @patient
    def attempts(self, run_id: str) -> list[Attempt]:
        """List every holding of the run's shards, oldest first."""
        listed = select(*(ATTEMPTS.c[one.name] for one in fields(Attempt))).where(ATTEMPTS.c.run_id == run_id)
        with self.database.reading() as transaction:
            rows = transaction.execute(listed.order_by(ATTEMPTS.c.started_at, ATTEMPTS.c.shard_index))
            return [Attempt(**row._mapping) for row in rows]

    @patient
    def wait_s(self, run_id: str) -> float | None:
        """Say in how many seconds a shard may be there to claim, 0 for now; None where no shard ever will be."""
        with self.database.reading() as transaction:
            return shards.wait_s(transaction, run_id, self._clock(transaction))

    @patient
    def _claim(self, run_id: str, claim: _Claim, find: Callable[[Connection], list[Shard]]) -> Lease | None:
        with self.database.writing() as transaction:
            # The answer to the try before was lost, not necessarily what it did.
            if claim.num_tries and (mine := shards.claimed(transaction, run_id, claim.id, self.policy)):
                return mine
            claim.num_tries += 1
            taken = (self._take(transaction, shard, claim) for shard in find(transaction))
            return next((lease for lease in taken if lease), None)

    def _take(self, transaction: Connection, shard: Shard, claim: _Claim) -> Lease | None:
        now = self._clock(transaction)
        if shard.state is ShardState.LEASED and self._bury(transaction, shard, now):
            freed = shards.get(transaction, shard.run_id, shard.shard_index)
            assert freed is not None, shard
            shard = freed
        if not leases.is_due(shard, now):
            return None
        return shards.claim(
            transaction, shard, claim.owner, claim_id=claim.id, now=now, terms=self.terms, policy=self.policy
        )

    def _bury(self, transaction: Connection, shard: Shard, now: datetime) -> bool:
        ending = leases.death(shard, now, self.terms)
        if ending is None and shard.state is ShardState.LEASED and self._is_gone(shard.owner):
            ending = Ending.EXPIRED
        return ending is not None and shards.bury(transaction, shard, ending, now=now, policy=self.policy)

    def _passing(self, transaction: Connection, run_id: str) -> list[str]:
        failed = select(READS.c.reason).where(READS.c.run_id == run_id, READS.c.state == ReadState.FAILED).distinct()
        return [reason for reason in transaction.execute(failed).scalars() if is_worth_asking_for(reason)]

    def _count_unended(self, transaction: Connection, run_id: str) -> int:
        unended = SHARDS.c.state.in_((ShardState.OPEN, ShardState.LEASED))
        counted = select(func.count()).select_from(SHARDS).where(SHARDS.c.run_id == run_id, unended)
        return transaction.execute(counted).scalar_one()
