"""A shard as a Prefect task, and the flow's loop over what is put off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.schemas.objects import State

from flows.extract import leases
from flows.tasks import Shard, read_shard
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import EngineTimeout, EngineUnavailable, StoreUnavailable
from llava_ocr.ledger.balance import Balance
from llava_ocr.run import ExtractOrder, end, ignore
from tests.fakes import paper
from tests.runs import QUICK, CountingStore, FakeServices, FlakyEngine, start

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]

KEYS = tuple("abcdefgh")


@pytest.fixture
def store() -> CountingStore:
    store = CountingStore()
    for key in KEYS:
        store.put(key, paper(key))
    return store


@pytest.fixture
def reading(tmp_path: Path, store: CountingStore) -> Iterator[Reading]:
    reading = Reading(tmp_path, store)
    yield reading
    reading.services.close()


class Reading:
    """The task in a flow of its own, with short waits between tries."""

    def __init__(self, folder: Path, store: CountingStore) -> None:
        self.services = FakeServices(f"sqlite:///{folder / 'records.db'}", batch_size=1)
        self._order = ExtractOrder(source=str(folder), schema_name="receipt")
        self._store = store

    def with_engine(self, engine: ScriptedEngine) -> tuple[list[str], Balance]:
        self.services.__dict__["engine"] = engine
        run = start(self._order, self.services, self._store, policy=QUICK)

        @flow
        def shards() -> list[State[None]]:
            return [read_shard(Shard(run, lease, ignore), return_state=True) for lease in leases(run)]

        states = [str(state.type.value) for state in shards()]
        return states, end(run, seconds=0.0).balance


def test_an_engine_that_comes_back_reads_only_the_rest(reading: Reading, store: CountingStore) -> None:
    states, balance = reading.with_engine(FlakyEngine(EngineUnavailable("gone"), num_good=4))
    assert states == ["FAILED", "COMPLETED"]
    assert (balance.is_balanced, balance.documents_ok) == (True, 8)
    # Four were answered and saved; the others may have been fetched ahead before the engine was lost.
    assert sum(count == 1 for count in store.fetched.values()) >= 4
    assert max(store.fetched.values()) == 2


def test_an_object_that_the_store_gives_later_is_read_again_alone(reading: Reading, store: CountingStore) -> None:
    store.faults["c"] = [StoreUnavailable("busy")]
    states, balance = reading.with_engine(ScriptedEngine())
    assert states == ["COMPLETED"] * 2
    assert (balance.is_balanced, balance.documents_ok) == (True, 8)
    assert store.fetched == {key: 1 + (key == "c") for key in KEYS}


def test_an_object_that_the_store_never_gives_costs_only_itself(reading: Reading, store: CountingStore) -> None:
    store.faults["c"] = [StoreUnavailable("busy")] * 9
    states, balance = reading.with_engine(ScriptedEngine())
    assert states == ["COMPLETED"] * QUICK.max_tries
    assert store.fetched["c"] == QUICK.max_tries
    assert (balance.is_balanced, balance.documents_ok, balance.documents_failed) == (True, 7, 1)


def test_an_error_that_stays_is_not_retried(reading: Reading, store: CountingStore) -> None:
    engine = FlakyEngine(EngineTimeout("late"), num_good=4)
    states, balance = reading.with_engine(engine)
    assert states == ["FAILED"]
    assert max(store.fetched.values()) == 1
    assert (balance.is_balanced, balance.documents_ok) == (False, 4)


def test_an_engine_that_stays_away_stops_the_shard(reading: Reading) -> None:
    states, balance = reading.with_engine(FlakyEngine(EngineUnavailable("gone"), num_good=2, for_ever=True))
    assert states == ["FAILED"] * QUICK.max_tries
    assert (balance.documents_ok, len(balance.open_uris)) == (2, 6)
