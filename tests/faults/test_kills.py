"""Workers are killed, stopped and cut off at random; the accounts balance and nothing is paid for twice in vain."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.stored import current_records
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.run import ExtractOrder, Run, end, plan
from llava_ocr.work import claims, read_rest, work
from tests.fakes import paper
from tests.ledger.clock import HandClock
from tests.runs import CountingStore, FakeServices, infos, start

# A process of its own: workers are forked, which wants a parent without threads.
SOAK = """
import logging, sys
from pathlib import Path
from tests.faults.soak import Tally, soak
logging.disable(logging.WARNING)
tally = Tally()
soak(tally, sys.argv[1], Path(sys.argv[2]), num_kills=8, num_documents=60, seed=1)
assert tally.is_ok, tally
assert tally.kills + tally.stops + tally.cuts >= 8, tally
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_workers_lose_nothing(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    command = [sys.executable, "-W", "ignore", "-c", SOAK, url, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


class SleepyEngine(ScriptedEngine):
    """Sleeps through its lease, once, while it answers; somebody else reaps the shard meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger: Ledger | None = None
        self.clock: HandClock | None = None
        self.num_asked = 0

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.num_asked += len(requests)
        if self.ledger and self.clock:
            self.clock.pass_s(self.ledger.terms.lease_s + 1)
            # The thread that claims may have taken them already.
            self.ledger.reap()
            self.ledger = None
        return super().complete(requests)


@pytest.fixture
def sleepy(tmp_path: Path) -> Iterator[tuple[Run, SleepyEngine, CountingStore]]:
    store, engine = CountingStore(), SleepyEngine()
    for key in "abcdef":
        store.put(key, paper(key))
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", engine=engine, batch_size=2)
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt", shard_size=3), services, store)
    engine.clock = HandClock()
    engine.ledger = Ledger(services.database, clock=engine.clock)
    yield replace(run, ledger=engine.ledger), engine, store
    services.close()


def test_a_worker_that_overslept_reads_its_shard_again_when_it_claims_it_again(
    sleepy: tuple[Run, SleepyEngine, CountingStore],
) -> None:
    run, engine, store = sleepy
    list(plan(run, infos(store)))
    work(run, claims(run))
    read_rest(run)
    balance = end(run, seconds=0.0).balance
    assert balance.is_balanced and balance.documents_ok == 6
    with run.database.reading() as connection:
        assert len(list(current_records(connection, "receipt"))) == 6
    assert engine.num_asked <= 6 + 6
