"""The accounts on paper are those of the database: the same steps in any order leave the same shards behind."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.session import open_database
from llava_ocr.errors import LeaseLost
from llava_ocr.ledger.leases import Ending, Lease, Shard, ShardState, Terms
from llava_ocr.ledger.retries import Retries
from llava_ocr.simulation.accounts import Accounts, at
from tests.db.made import ORDER, document, info, outcome, record

TERMS = Terms(lease_s=60, renew_s=20, stall_s=300, hard_s=1_000)
POLICY = Retries(max_tries=3, first_delay_s=10, factor=2, max_idle_crashes=4)
NUM_SHARDS, SHARD_SIZE = 2, 3
NAMES = [[f"{shard}{index}.pdf" for index in range(SHARD_SIZE)] for shard in range(NUM_SHARDS)]
workers = st.integers(0, 2)


@cache
def empty_database() -> Path:
    path = Path(tempfile.mkdtemp()) / "empty.db"
    with open_database(f"sqlite:///{path}") as database:
        database.upgrade()
    return path


class Both(RuleBasedStateMachine):
    """Three workers do the same on a database and on paper, at the same virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(empty_database(), self.folder / "a.db")
        self.database = open_database(f"sqlite:///{self.folder}/a.db")
        self.ledger = Ledger(self.database, terms=TERMS, policy=POLICY, clock=self.now)
        self.run_id = self.database.start_run(ORDER)
        for names in NAMES:
            self.ledger.cut(self.run_id, [info(name) for name in names], is_forced=False)
        self.ledger.close_plan(self.run_id)
        self.paper = Accounts(NUM_SHARDS * SHARD_SIZE, SHARD_SIZE, TERMS, POLICY)
        self.leases: dict[int, tuple[Lease, Lease]] = {}

    def now(self, _: object = None) -> datetime:
        return at(self.now_s)

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(worker=workers, shard_index=st.integers(0, NUM_SHARDS - 1))
    def claim(self, worker: int, shard_index: int) -> None:
        real = self.ledger.claim(self.run_id, shard_index, f"w{worker}")
        paper = self.paper.claim(shard_index, f"w{worker}", self.now_s)
        assert (real and replace(real, run_id="")) == (paper and replace(paper, run_id=""))
        if real is not None and paper is not None:
            self.leases[worker] = real, paper

    @rule(worker=workers, which=st.integers(0, SHARD_SIZE - 1), is_saved=st.booleans())
    def read(self, worker: int, which: int, is_saved: bool) -> None:
        if worker not in self.leases:
            return
        real, paper = self.leases[worker]
        is_open = which in self.paper.open_documents(paper.shard_index)
        name = NAMES[real.shard_index][which]
        try:
            if real.is_cautious:
                self.ledger.start_reading(real, info(name).uri)
                self.paper.start_reading(paper, which)
            if is_saved and is_open:
                self.ledger.save(real, [outcome(document(name), record(document(name)))])
                assert self.paper.save(paper, [which], self.now_s)
        except LeaseLost:
            assert not self.paper.save(paper, [], self.now_s)
            self.leases.pop(worker)

    @rule(worker=workers)
    def renew(self, worker: int) -> None:
        if worker not in self.leases:
            return
        real, paper = self.leases[worker]
        try:
            self.ledger.renew(real, has_progress=True)
        except LeaseLost:
            assert not self.paper.renew(paper, self.now_s)
            self.leases.pop(worker)
        else:
            assert self.paper.renew(paper, self.now_s)

    @rule(worker=workers, ending=st.sampled_from([Ending.DONE, Ending.PUT_OFF, Ending.RELEASED, Ending.FAILED]))
    def hand_back(self, worker: int, ending: Ending) -> None:
        if worker not in self.leases:
            return
        real, paper = self.leases.pop(worker)
        try:
            self.ledger.hand_back(real, ending, reason="EngineUnavailable")
        except LeaseLost:
            assert not self.paper.hand_back(paper, ending, self.now_s)
        else:
            assert self.paper.hand_back(paper, ending, self.now_s)

    @rule(worker=workers)
    def die(self, worker: int) -> None:
        self.leases.pop(worker, None)

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0, 301.0, 1_001.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def reap(self) -> None:
        self.ledger.reap(self.run_id)
        self.paper.reap(self.now_s)

    @invariant()
    def shards_are_the_same(self) -> None:
        for real in self.ledger.shards(self.run_id):
            paper = self.paper.shard(real.shard_index)
            if paper is None:
                assert real.state is ShardState.DONE
            else:
                assert comparable(real) == comparable(paper)

    @invariant()
    def as_many_documents_are_open(self) -> None:
        assert len(self.database.balance(self.run_id).open_uris) == self.paper.num_open


def comparable(shard: Shard) -> Shard:
    return replace(shard, run_id="")


Both.TestCase.settings = settings(deadline=None, max_examples=15, stateful_step_count=30)
TestBoth = Both.TestCase
