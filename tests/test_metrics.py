"""What a process tells Prometheus of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llava_ocr.cached import Lookups
from llava_ocr.engines.base import Completion, StopReason
from llava_ocr.errors import DatabaseUnavailable
from llava_ocr.holdings import Holdings
from llava_ocr.ledger.leases import Ending, Lease
from llava_ocr.metrics import Busy, Metrics, Seldom
from llava_ocr.run import Run
from tests.fakes import paper
from tests.runs import CountingStore, FakeServices, run_all

NAMES = {
    "llava_ocr_pages_total",
    "llava_ocr_page_seconds",
    "llava_ocr_shards_total",
    "llava_ocr_shards_waiting",
    "llava_ocr_leases_lost_total",
    "llava_ocr_tokens_total",
    "llava_ocr_cache_hits_total",
    "llava_ocr_cache_misses_total",
    "llava_ocr_engine_busy_ratio",
    "llava_ocr_documents_total",
}


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", cache_bytes=2**20)
    yield services
    services.close()


def told(metrics: Metrics) -> dict[str, float]:
    """Every sample by name and labels."""
    families = text_string_to_metric_families(metrics.text(is_draining=False))
    return {
        one.name + "".join(f"[{value}]" for value in one.labels.values()): one.value
        for family in families
        for one in family.samples
    }


def test_every_promised_metric_is_told_from_the_start() -> None:
    text = Metrics().text(is_draining=False)
    assert set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) >= NAMES
    assert told(Metrics())["llava_ocr_pages_total[failed]"] == 0


def test_a_run_is_counted(services: FakeServices, tmp_path: Path) -> None:
    store = CountingStore()
    for name, content in (("a", paper("one", "two")), ("b", paper("one", "two", "!blank")), ("c", b"broken")):
        store.put(name, content)
    run_all(services, store, tmp_path)
    found = told(services.metrics)
    assert (found["llava_ocr_pages_total[ok]"], found["llava_ocr_pages_total[skipped]"]) == (4, 1)
    assert (found["llava_ocr_documents_total[ok]"], found["llava_ocr_documents_total[failed]"]) == (2, 1)
    assert found["llava_ocr_shards_total[done]"] == 1
    assert found["llava_ocr_page_seconds_count"] == found["llava_ocr_cache_misses_total"]
    assert found["llava_ocr_cache_hits_total"] + found["llava_ocr_cache_misses_total"] == 4
    assert found["llava_ocr_tokens_total[prompt]"] > 0
    assert found["llava_ocr_shards_waiting"] == 0


def test_waiting_shards_are_those_nobody_holds(services: FakeServices, tmp_path: Path) -> None:
    run = planned(services, tmp_path)
    assert told(services.metrics)["llava_ocr_shards_waiting"] == 3
    run.ledger.claim(run.id, 0, "somebody")
    # A fresh one, since the number is remembered for a while.
    del services.__dict__["metrics"]
    assert told(services.metrics)["llava_ocr_shards_waiting"] == 2


def planned(services: FakeServices, folder: Path) -> Run:
    from llava_ocr.run import ExtractOrder, begin, listed, plan

    for index in range(3):
        (folder / f"{index}.json").write_bytes(paper("x"))
    order = ExtractOrder(source=f"{folder}/*.json", schema_name="receipt", shard_size=1)
    run = begin(order, services)
    assert len(list(plan(run, listed(order, run.source)))) == 3
    return run


def test_the_busy_share_is_of_the_last_minute() -> None:
    clock = Clock()
    busy = Busy(window_s=60.0, clock=clock)
    clock.now += 30
    with busy.during():
        clock.now += 30
        assert busy.ratio() == 0.5
    clock.now += 30
    assert busy.ratio() == 0.5
    clock.now += 15
    assert busy.ratio() == 0.25
    clock.now += 60
    assert busy.ratio() == 0.0


def test_calls_at_once_are_busy_once() -> None:
    clock = Clock()
    busy = Busy(window_s=60.0, clock=clock)
    with busy.during(), busy.during():
        clock.now += 30
    clock.now += 30
    assert busy.ratio() == 0.5


def test_a_database_that_is_away_is_asked_seldom_and_makes_no_number() -> None:
    clock, asked = Clock(), []

    def count() -> int:
        asked.append(clock.now)
        raise DatabaseUnavailable("away")

    seldom = Seldom(count, every_s=5.0, clock=clock)
    assert seldom() != seldom()
    clock.now += 5
    seldom()
    assert len(asked) == 2


def test_lost_leases_and_endings_are_counted() -> None:
    metrics = Metrics()
    holdings = Holdings(on_lost=metrics.leases_lost.inc)
    lease = Lease("r", 0, 1, "me", is_cautious=False, is_last_try=False)
    holdings.add(lease, [])
    holdings.lose(lease)
    holdings.lose(lease)
    metrics.add_shard(Ending.PUT_OFF)
    metrics.add_lookups(Lookups(2, 3))
    found = told(metrics)
    assert (found["llava_ocr_leases_lost_total"], found["llava_ocr_shards_total[put_off]"]) == (1, 1)
    assert (found["llava_ocr_cache_hits_total"], found["llava_ocr_cache_misses_total"]) == (2, 3)


def test_tokens_are_told_by_kind() -> None:
    metrics = Metrics()
    metrics.add_answer(Completion("a", "", StopReason.END, 100, 20, 5, seconds=0.3))
    found = told(metrics)
    assert [found[f"llava_ocr_tokens_total[{kind}]"] for kind in ("prompt", "new", "forced")] == [100, 20, 5]
    assert found["llava_ocr_page_seconds_bucket[0.5]"] == 1 and found["llava_ocr_page_seconds_bucket[0.25]"] == 0
