"""An incremental run reads what is new or changed, whenever that came, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.queries import list_runs
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import EngineTimeout, StoreDenied
from llava_ocr.ledger.order import RunState
from llava_ocr.ledger.retries import Retries
from llava_ocr.run import ExtractOrder, Run, RunEnd, begin, breaking_off, end, join, wanted
from llava_ocr.store.base import ObjectInfo, Selection
from llava_ocr.store.open import Source
from llava_ocr.work import read
from tests.fakes import paper
from tests.runs import CountingStore, FakeServices, FlakyEngine, start


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", batch_size=1)
    yield services
    services.close()


@pytest.fixture
def store() -> CountingStore:
    store = CountingStore()
    for key in "abc":
        store.put(key, paper(key))
    return store


def nightly(services: FakeServices, store: CountingStore, folder: Path, **changes: object) -> RunEnd:
    order = ExtractOrder.model_validate(
        {"source": str(folder), "schema_name": "receipt", "is_incremental": True, "shard_size": 2} | changes
    )
    run = start(order, services, store)
    with breaking_off(run):
        read(run, wanted(run))
    return end(run, seconds=0.0)


def test_only_what_is_new_or_changed_is_in_the_accounts(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    assert nightly(services, store, tmp_path).balance.documents_ok == 3
    store.put("a", paper("a changed"))
    store.put("d", paper("d"))
    later = nightly(services, store, tmp_path).balance
    assert (later.documents_expected, later.documents_ok) == (2, 2)
    assert nightly(services, store, tmp_path).balance.documents_expected == 0
    assert store.fetched == {"a": 2, "b": 1, "c": 1, "d": 1}


def test_a_limit_counts_what_is_new(services: FakeServices, store: CountingStore, tmp_path: Path) -> None:
    for num_ok in (2, 1, 0):
        assert nightly(services, store, tmp_path, limit=2).balance.documents_ok == num_ok


def test_what_failed_for_good_is_not_tried_every_night(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    store.put("broken", b"no paper")
    assert nightly(services, store, tmp_path).balance.documents_failed == 1
    assert nightly(services, store, tmp_path).balance.documents_expected == 0
    store.put("broken", paper("mended"))
    assert nightly(services, store, tmp_path).balance.documents_ok == 1


def test_what_may_pass_is_tried_again_the_next_night(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    store.faults["b"] = [StoreDenied("no")]
    assert nightly(services, store, tmp_path).balance.documents_failed == 1
    assert nightly(services, store, tmp_path).balance.documents_ok == 1


def test_a_new_engine_reads_what_is_new_and_leaves_the_rest_to_a_backfill(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    nightly(services, store, tmp_path)
    services.__dict__["engine"] = ScriptedEngine(profile=replace(PROFILE, fingerprint="scripted-2"))
    store.put("d", paper("d"))
    assert nightly(services, store, tmp_path).balance.documents_expected == 1


def test_after_a_breakdown_the_next_night_takes_up_the_run_and_what_came_since(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    services.__dict__["engine"] = FlakyEngine(EngineTimeout("late"), num_good=1)
    with pytest.raises(EngineTimeout):
        nightly(services, store, tmp_path)
    [broken] = list_runs(services.database)
    assert broken.state is RunState.FAILED
    services.__dict__["engine"] = ScriptedEngine()
    store.put("d", paper("d"))
    caught_up = nightly(services, store, tmp_path)
    assert caught_up.run_id == broken.id
    assert (caught_up.balance.is_balanced, caught_up.balance.documents_ok) == (True, 4)


class DeniedStore(CountingStore):
    """Its listing breaks off."""

    def list(self, selection: Selection) -> Iterator[ObjectInfo]:
        yield from ()
        raise StoreDenied("no listing")


def test_a_run_whose_listing_fails_is_closed(services: FakeServices, tmp_path: Path) -> None:
    with pytest.raises(StoreDenied):
        nightly(services, DeniedStore(), tmp_path)
    [run] = list_runs(services.database)
    assert run.state is RunState.FAILED


def test_a_run_that_others_work_on_is_left_to_them(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    run = planned(services, store, tmp_path)
    lease = run.ledger.claim(run.id, 0, "elsewhere")
    with pytest.raises(KeyboardInterrupt), breaking_off(run):
        raise KeyboardInterrupt
    [found] = list_runs(services.database)
    assert lease is not None and found.state is RunState.RUNNING


def test_a_run_that_nobody_works_on_is_given_up_after_a_while(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    run = planned(services, store, tmp_path)
    assert run.ledger.break_off(run.id, idle_s=3600) is None
    balance = run.ledger.break_off(run.id, idle_s=0)
    assert balance is not None and not balance.is_balanced


def test_taking_up_a_run_forgives_no_deaths(services: FakeServices, store: CountingStore, tmp_path: Path) -> None:
    run = planned(services, store, tmp_path)
    ledger = Ledger(services.database, policy=Retries(max_idle_crashes=1), is_gone=lambda _: True)
    assert ledger.claim(run.id, 0, "dead")
    ledger.reap()
    assert ledger.reopen(run.id) == 1
    stopped, other = ledger.shards(run.id)
    assert (stopped.state, stopped.num_crashes) == ("stopped", 1) and other.state == "open"
    assert ledger.retry(run.id) == 2
    assert ledger.shards(run.id)[0].num_crashes == 0


def planned(services: FakeServices, store: CountingStore, folder: Path) -> Run:
    order = ExtractOrder(source=str(folder), schema_name="receipt", shard_size=2)
    run = replace(begin(order, services), source=Source(store))
    for slice_ in (list(wanted(run))[:2], list(wanted(run))[2:]):
        run.ledger.cut(run.id, slice_, is_forced=False)
    run.ledger.close_plan(run.id)
    return run


def test_who_hands_out_shards_goes_on_with_a_run_that_others_read_for(
    services: FakeServices, store: CountingStore, tmp_path: Path
) -> None:
    run = planned(services, store, tmp_path)
    lease = run.ledger.claim(run.id, 0, "elsewhere")
    assert lease is not None
    assert join(run.order, services).id == run.id
    assert begin(run.order, services).id != run.id
    run.ledger.save(lease, [])
