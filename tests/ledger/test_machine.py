"""Whatever workers do and in whatever order they die: the ledger loses nothing, and nobody writes for another."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llava_ocr.db.holds import Hold
from llava_ocr.db.ledger import Ledger
from llava_ocr.db.session import open_database
from llava_ocr.errors import LeaseLost
from llava_ocr.ledger.leases import Ending, Lease, ShardState, Terms
from llava_ocr.ledger.retries import Retries
from tests.db.made import ORDER, document, info, outcome, record
from tests.ledger.clock import HandClock
from tests.ledger.holding import held_one

TERMS = Terms(lease_s=60, renew_s=20, stall_s=300, hard_s=1000)
POLICY = Retries(max_tries=3, first_delay_s=10, factor=2, max_idle_crashes=5)
NAMES = [[f"{shard}{index}.pdf" for index in range(3)] for shard in range(2)]
workers = st.integers(0, 2)


@cache
def empty_database() -> Path:
    """A database with its tables, made once."""
    path = Path(tempfile.mkdtemp()) / "empty.db"
    with open_database(f"sqlite:///{path}") as database:
        database.upgrade()
    return path


class Runs(RuleBasedStateMachine):
    """Three workers, two shards of three documents, one clock. A worker keeps its lease in mind after losing it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(empty_database(), self.folder / "a.db")
        self.database = open_database(f"sqlite:///{self.folder}/a.db")
        self.clock = HandClock()
        self.ledger = Ledger(self.database, terms=TERMS, policy=POLICY, clock=self.clock)
        self.run_id = self.database.start_run(ORDER)
        for names in NAMES:
            self.ledger.cut(self.run_id, [info(name) for name in names], is_forced=False)
        self.ledger.close_plan(self.run_id)
        self.leases: dict[int, Lease] = {}
        self.num_reads: dict[str, int] = {}

    def teardown(self) -> None:
        self.finish()
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(worker=workers)
    def claim(self, worker: int) -> None:
        lease = self.ledger.claim_next(self.run_id, f"w{worker}")
        if lease is not None:
            assert lease.token > max((old.token for old in self.of_shard(lease)), default=0)
            self.leases[worker] = lease

    @rule(worker=workers, which=st.integers(0, 2), dies=st.booleans())
    def read(self, worker: int, which: int, dies: bool) -> None:
        lease = self.leases.get(worker)
        if lease is None:
            return
        name = NAMES[lease.shard_index][which]
        is_mine = self.is_mine(lease)
        try:
            if lease.is_cautious:
                self.ledger.start_reading(lease, info(name).uri)
            held = held_one(self.ledger, lease, document(name).id, is_forced=False)
            if held is Hold.MINE and not dies:
                self.ledger.save(lease, [outcome(document(name), record(document(name)))])
                self.num_reads[name] = self.num_reads.get(name, 0) + 1
        except LeaseLost:
            assert not is_mine
            self.leases.pop(worker)
        else:
            assert is_mine

    @rule(worker=workers, ending=st.sampled_from([Ending.DONE, Ending.PUT_OFF, Ending.RELEASED]))
    def hand_back(self, worker: int, ending: Ending) -> None:
        lease = self.leases.pop(worker, None)
        if lease is None:
            return
        is_mine = self.is_mine(lease)
        try:
            self.ledger.hand_back(lease, ending, reason="EngineUnavailable")
        except LeaseLost:
            assert not is_mine

    @rule(worker=workers, has_progress=st.booleans())
    def renew(self, worker: int, has_progress: bool) -> None:
        lease = self.leases.get(worker)
        try:
            if lease is not None:
                self.ledger.renew(lease, has_progress=has_progress)
        except LeaseLost:
            self.leases.pop(worker)

    @rule(seconds=st.sampled_from([-100.0, 5.0, 61.0, 301.0, 1001.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    @rule()
    def reap(self) -> None:
        self.ledger.reap()

    @rule()
    def cancel(self) -> None:
        assert self.ledger.cancel(self.run_id).is_balanced

    @precondition(lambda self: self.ledger.wait_s(self.run_id) is None)
    @rule()
    def retry(self) -> None:
        self.ledger.retry(self.run_id)

    @invariant()
    def no_document_is_read_twice_and_every_one_is_in_the_ledger(self) -> None:
        balance = self.database.balance(self.run_id)
        assert balance.documents_expected == 6
        ended = balance.documents_ok + balance.documents_failed + balance.documents_skipped
        assert ended + len(balance.open_uris) == 6
        assert max(self.num_reads.values(), default=1) == 1
        assert balance.documents_ok >= len(self.num_reads)

    @invariant()
    def a_shard_that_is_done_has_no_open_document(self) -> None:
        open_uris = set(self.database.balance(self.run_id).open_uris)
        for shard in self.ledger.shards(self.run_id):
            if shard.state in (ShardState.DONE, ShardState.CANCELLED):
                assert not open_uris & {info(name).uri for name in NAMES[shard.shard_index]}

    def finish(self) -> None:
        """One diligent worker brings the run to its end, wherever it stands."""
        self.leases.clear()
        for _ in range(40):
            wait_s = self.ledger.wait_s(self.run_id)
            if wait_s is None:
                break
            self.clock.pass_s(wait_s)
            self.claim(0)
            for which in range(3):
                self.read(0, which, dies=False)
            self.hand_back(0, Ending.DONE)
        balance = self.ledger.settle(self.run_id)
        is_stopped = any(shard.state is ShardState.STOPPED for shard in self.ledger.shards(self.run_id))
        assert balance is not None and balance.is_balanced is not is_stopped

    def is_mine(self, lease: Lease) -> bool:
        shard = self.ledger.shards(self.run_id)[lease.shard_index]
        return shard.token == lease.token and shard.state is ShardState.LEASED

    def of_shard(self, lease: Lease) -> list[Lease]:
        return [old for old in self.leases.values() if old.shard_index == lease.shard_index]


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
