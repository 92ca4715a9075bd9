from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import (
    ConfigError,
    DatabaseUnavailable,
    EngineUnavailable,
    ObjectChanged,
    StoreDenied,
    StoreUnavailable,
    UnknownSchema,
)
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.leases import Ending, ShardState
from llava_ocr.ledger.order import RunState
from llava_ocr.records import DocumentOutcome
from llava_ocr.report import exit_code
from llava_ocr.run import ExtractOrder, StaleRun, end, listed, plan, resume
from llava_ocr.work import claims, read, read_rest, work
from tests.fakes import paper
from tests.runs import QUICK, CountingStore, FakeServices, FlakyEngine, infos, run_all, start

# One document that was corrupt.
BALANCE = Balance(0, 0, 0, 0, 1, 0, 1, 0, documents_by_reason={"CorruptDocument": 1})
Open = Callable[..., FakeServices]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


@pytest.fixture
def opened(database: str) -> Iterator[Open]:
    services: list[FakeServices] = []

    def open_services(**changes: object) -> FakeServices:
        services.append(FakeServices(database, **changes))
        return services[-1]

    yield open_services
    for one in services:
        one.close()


@pytest.fixture
def store() -> CountingStore:
    store = CountingStore()
    for index in range(10):
        store.put(f"{index}", paper(f"paper {index}", "second page"))
    return store


def test_a_second_run_fetches_nothing_and_balances(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    first = run_all(opened(), store, tmp_path)
    store.fetched.clear()
    second = run_all(opened(), store, tmp_path)
    assert (first.balance.is_balanced, first.balance.ok, first.num_records) == (True, 20, 10)
    assert (second.balance.is_balanced, second.balance.documents_skipped, second.balance.expected) == (True, 10, 0)
    assert not store.fetched


def test_force_reads_again_what_was_read(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    services = opened()
    run_all(services, store, tmp_path)
    again = run_all(services, store, tmp_path, force=True)
    assert set(store.fetched.values()) == {2}
    assert (again.balance.is_balanced, again.balance.ok) == (True, 20)


def test_a_changed_object_is_read_again(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    services = opened()
    run_all(services, store, tmp_path)
    store.put("3", paper("another paper"))
    again = run_all(services, store, tmp_path)
    assert (again.balance.documents_ok, again.balance.documents_skipped) == (1, 9)


@pytest.mark.parametrize("force", [False, True])
def test_the_same_bytes_under_two_keys_are_read_once(
    opened: Open, store: CountingStore, tmp_path: Path, force: bool
) -> None:
    store.put("twin", paper("paper 0", "second page"))
    services = opened()
    ended = run_all(services, store, tmp_path, force=force)
    assert (ended.balance.is_balanced, ended.balance.documents_expected) == (True, 11)
    assert (ended.balance.documents_ok, ended.balance.documents_skipped, ended.num_records) == (10, 1, 10)
    assert len(locations(services, "twin", "0")) == 1


def locations(services: FakeServices, *keys: str) -> set[str]:
    with services.database.reading() as transaction:
        marks = ",".join(f"'memory://{key}'" for key in keys)
        rows = transaction.exec_driver_sql(f"SELECT uri, document_id FROM locations WHERE uri IN ({marks})").all()
    assert len(rows) == len(keys)
    return {row.document_id for row in rows}


@pytest.mark.parametrize("content", [b"rubbish", paper("fine", "!broken")])
def test_a_twin_of_a_failed_document_failed_too(opened: Open, tmp_path: Path, content: bytes) -> None:
    store = CountingStore()
    for key in ("a", "b", "c"):
        store.put(key, content)
    seen: list[DocumentOutcome] = []
    ended = run_all(opened(), store, tmp_path, observe=seen.append)
    assert [outcome.is_ok for outcome in seen] == [False] * 3
    assert (ended.balance.is_balanced, ended.balance.documents_failed) == (True, 3)
    assert {outcome.uri for outcome in seen} == {f"memory://{key}" for key in "abc"}


def test_a_failed_document_is_tried_again_in_the_next_run(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    store.faults["4"] = [StoreDenied("no")]
    services = opened()
    first = run_all(services, store, tmp_path)
    second = run_all(services, store, tmp_path)
    assert (first.balance.is_balanced, first.balance.documents_failed) == (True, 1)
    assert (second.balance.is_balanced, second.balance.documents_ok, second.balance.documents_skipped) == (True, 1, 9)


def test_what_was_answered_before_the_engine_died_is_saved(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    services = opened(engine=FlakyEngine(EngineUnavailable("gone"), num_good=3, for_ever=True))
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), services, store)
    seen: list[DocumentOutcome] = []
    with pytest.raises(EngineUnavailable):
        read(run, infos(store), observe=seen.append)
    balance = run.database.balance(run.id)
    assert balance.documents_ok == len(seen) > 0
    assert not balance.is_balanced
    assert len(balance.open_uris) == 10 - len(seen)


def test_a_run_taken_up_again_reads_only_the_rest(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    services = opened(engine=FlakyEngine(EngineUnavailable("gone"), num_good=3))
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), services, store)
    with pytest.raises(EngineUnavailable):
        read(run, infos(store))
    left = {uri.removeprefix("memory://") for uri in run.database.balance(run.id).open_uris}
    store.fetched.clear()
    run.ledger.retry(run.id)
    read(run, infos(store))
    assert set(store.fetched) == left
    assert end(run, seconds=0.0).balance.is_balanced


def test_what_may_pass_is_read_again_alone(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    store.faults["4"] = [StoreUnavailable("busy"), StoreUnavailable("busy")]
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(), store, policy=QUICK)
    read(run, infos(store))
    balance = end(run, seconds=0.0).balance
    assert (balance.is_balanced, balance.documents_ok) == (True, 10)
    assert store.fetched == {str(index): 3 if index == 4 else 1 for index in range(10)}


def test_what_does_not_pass_has_failed_in_the_last_try(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    store.faults["4"] = [StoreUnavailable("busy")] * 9
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(), store, policy=QUICK)
    read(run, infos(store))
    balance = end(run, seconds=0.0).balance
    assert (balance.is_balanced, balance.documents_ok, balance.documents_failed) == (True, 9, 1)
    assert store.fetched["4"] == QUICK.max_tries


def test_a_page_that_the_engine_may_answer_later_keeps_its_document_open(opened: Open, tmp_path: Path) -> None:
    store = CountingStore()
    store.put("a", paper("one", "two"))
    engine = ScriptedEngine(failures={"0/1": EngineUnavailable("busy")})
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(engine=engine), store, policy=QUICK)
    read(run, infos(store))
    balance = end(run, seconds=0.0).balance
    assert (balance.is_balanced, balance.ok, balance.failed) == (True, 1, 1)
    assert [attempt.reason for attempt in run.ledger.attempts(run.id)] == ["EngineUnavailable"] * 2 + [""]


def test_an_object_that_changed_is_not_put_off(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    store.faults["4"] = [ObjectChanged("changed")]
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(), store, policy=QUICK)
    read(run, infos(store))
    assert end(run, seconds=0.0).balance.documents_failed == 1
    assert store.fetched["4"] == 1


def test_a_twin_of_a_document_put_off_ends_with_it(opened: Open, tmp_path: Path) -> None:
    store = CountingStore()
    for key in ("a", "b"):
        store.put(key, paper("one"))
    engine = FlakyPages(EngineUnavailable("busy"))
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(engine=engine), store, policy=QUICK)
    read(run, infos(store))
    balance = end(run, seconds=0.0).balance
    assert (balance.is_balanced, balance.documents_ok, balance.documents_skipped) == (True, 1, 1)


class FlakyPages(ScriptedEngine):
    """Fails the first page that it is asked for, and no other."""

    def __init__(self, error: EngineUnavailable) -> None:
        super().__init__()
        self._errors = [error]

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        completions = super().complete(requests)
        return [replace(one, error=self._errors.pop()) if self._errors else one for one in completions]


def test_the_same_order_takes_up_a_run_that_was_left(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    order = ExtractOrder(source=str(tmp_path), schema_name="receipt")
    first = start(order, opened(engine=FlakyEngine(EngineUnavailable("gone"), num_good=1)), store)
    with pytest.raises(EngineUnavailable):
        read(first, infos(store))
    again = start(order, opened(), store)
    assert again.id == first.id
    store.fetched.clear()
    read(again, infos(store))
    assert end(again, seconds=0.0).balance.documents_ok == 10
    assert len(store.fetched) < 10


def test_runs_of_another_order_or_of_a_living_worker_are_left_alone(
    opened: Open, store: CountingStore, tmp_path: Path
) -> None:
    order = ExtractOrder(source=str(tmp_path), schema_name="receipt")
    first = start(order, opened(), store)
    next(plan(first, infos(store)))
    first.ledger.claim(first.id, 0, "elsewhere/1/1")
    assert start(order, opened(), store).id != first.id
    assert start(order.model_copy(update={"limit": 3}), opened(), store).id != first.id


def test_overlapping_runs_make_one_record_and_pay_once(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    order = ExtractOrder(source=str(tmp_path), schema_name="receipt", shard_size=3)
    runs = [start(order.model_copy(update={"limit": 100 + index}), opened(), store) for index in range(3)]
    threads = [threading.Thread(target=read, args=(run, infos(store))) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    balances = [end(run, seconds=0.0).balance for run in runs]
    assert all(balance.is_balanced and balance.documents_failed == 0 for balance in balances)
    assert sum(balance.documents_ok for balance in balances) == 10


def test_a_stopped_worker_hands_back_what_it_did_not_read(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    stop = threading.Event()
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt", shard_size=5), opened(), store)
    shards = list(plan(run, infos(store)))
    work(run, claims(run), observe=lambda _: stop.set(), stop=stop)
    assert len(shards) == 2
    assert {shard.state for shard in run.ledger.shards(run.id)} & {ShardState.LEASED} == set()
    assert all(shard.num_tries == 0 for shard in run.ledger.shards(run.id))
    read_rest(run)
    assert end(run, seconds=0.0).balance.documents_ok == 10


def test_a_run_is_not_resumed_with_another_engine(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(), store)
    assert resume(run.id, opened()).order == run.order
    other = ScriptedEngine(profile=replace(PROFILE, fingerprint="scripted-2"))
    with pytest.raises(StaleRun, match="engine"):
        resume(run.id, opened(engine=other))


class DeafLedger:
    """A ledger that is gone when asked what is done."""

    def __init__(self, ledger: object) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    def hold(self, *_: object, **__: object) -> object:
        raise DatabaseUnavailable("gone")


def test_a_lost_database_is_no_fault_of_the_documents(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    run = start(ExtractOrder(source=str(tmp_path), schema_name="receipt"), opened(), store)
    run = replace(run, ledger=DeafLedger(run.ledger))
    with pytest.raises(DatabaseUnavailable):
        read(run, infos(store))
    assert run.database.balance(run.id).documents_failed == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"schema_name": "recipe"}, UnknownSchema), ({"source": "ftp://there"}, ConfigError)],
)
def test_a_wrong_order_starts_no_run(
    opened: Open, tmp_path: Path, changes: dict[str, str], error: type[Exception]
) -> None:
    services = opened()
    with pytest.raises(error):
        start(
            ExtractOrder(**({"source": str(tmp_path), "schema_name": "receipt"} | changes)), services, CountingStore()
        )
    with services.database.reading() as transaction:
        assert transaction.exec_driver_sql("SELECT COUNT(*) FROM runs").scalar_one() == 0


VICTIM = """
import sys, time
from pathlib import Path
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from tests.fakes import paper
from tests.runs import QUICK, CountingStore, FakeServices, run_all

class SlowEngine(ScriptedEngine):
    def complete(self, requests):
        time.sleep(0.15)
        return super().complete(requests)

store = CountingStore()
for index in range(200):
    store.put(f"{index:03}", paper(f"paper {index}"))
run_all(FakeServices(sys.argv[1], engine=SlowEngine(), batch_size=2), store, Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_killed_run_loses_nothing_that_was_saved(opened: Open, database: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, database, str(tmp_path)], cwd=root, env=os.environ)
    wait_for_reads(tmp_path / "records.db", victim, num_reads=20)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    saved = num_ok(tmp_path / "records.db")
    store = CountingStore()
    for index in range(200):
        store.put(f"{index:03}", paper(f"paper {index}"))
    ended = run_all(opened(), store, tmp_path)
    assert saved >= 20
    assert store.fetched.total() == 200 - saved
    assert (ended.balance.is_balanced, ended.balance.documents_ok) == (True, 200)
    assert num_ok(tmp_path / "records.db") == 200


def wait_for_reads(path: Path, victim: subprocess.Popen[bytes], *, num_reads: int) -> None:
    deadline = time.monotonic() + 60
    while num_ok(path) < num_reads:
        assert victim.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def num_ok(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        try:
            return int(connection.execute("SELECT COUNT(*) FROM reads WHERE state = 'ok'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_a_run_that_is_taken_up_ends_as_all_of_it_did(opened: Open, store: CountingStore, tmp_path: Path) -> None:
    order = ExtractOrder(source=str(tmp_path), schema_name="receipt", shard_size=1)
    run = start(order, opened(), store)
    assert len(list(plan(run, infos(store)))) == 10
    lease = run.ledger.claim(run.id, 0, "gone")
    assert lease is not None
    run.ledger.save(lease, [DocumentOutcome("memory://0", None, 0, (), reason="CorruptDocument")])
    run.ledger.hand_back(lease, Ending.DONE)
    run.ledger.break_off(run.id)
    again, seen = start(order, opened(), store), []
    read(again, listed(again.order, again.source), observe=seen.append)
    ended = end(again, seconds=0.0)
    # All that this process read came through; the run had a failure before.
    assert again.id == run.id and all(one.is_ok for one in seen)
    assert (ended.state, exit_code(ended.state, ended.balance)) == (RunState.FAILED, 1)


@pytest.mark.parametrize(
    ("balance", "state", "code"),
    [
        (BALANCE, RunState.COMPLETE, 0),
        (replace(BALANCE, documents_ok=1, documents_expected=2), RunState.FAILED, 1),
        (BALANCE, RunState.FAILED, 3),
        (replace(BALANCE, documents_by_reason={"CorruptDocument": 1, "CutAnswer": 1}), RunState.FAILED, 1),
        (replace(BALANCE, open_uris=("mem://a",)), RunState.FAILED, 1),
        (replace(BALANCE, open_uris=("mem://a",)), RunState.PAUSED, 0),
        (BALANCE, RunState.CANCELLED, 3),
    ],
)
def test_the_exit_code_is_the_run_s(balance: Balance, state: RunState, code: int) -> None:
    assert exit_code(state, balance) == code
