"""A worker reads what is open, drains when told, and says how it is."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.db.queries import list_runs
from llava_ocr.engines.base import Completion
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.errors import DeviceLost
from llava_ocr.ledger.leases import ShardState
from llava_ocr.ledger.order import RunState
from llava_ocr.metrics import Metrics
from llava_ocr.run import ExtractOrder, Run, begin, listed, plan
from llava_ocr.worker import reporting, serve
from tests.fakes import paper
from tests.runs import FakeServices


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", batch_size=2)
    yield services
    services.close()


@pytest.fixture
def run(tmp_path: Path, services: FakeServices) -> Run:
    """Four shards of three documents, planned and not read."""
    source = tmp_path / "documents"
    source.mkdir()
    for index in range(12):
        (source / f"{index:02}.json").write_bytes(paper(f"paper {index}"))
    order = ExtractOrder(source=str(source), schema_name="receipt", shard_size=3)
    run = begin(order, services)
    assert len(list(plan(run, listed(order, run.source)))) == 4
    return run


def state(run: Run) -> RunState:
    [info] = list_runs(run.database)
    return info.state


def leave() -> None:
    raise AssertionError("stalled")


def test_a_worker_reads_what_is_open_and_closes_the_run(run: Run, services: FakeServices) -> None:
    serve(services, threading.Event(), on_stall=leave, is_once=True)
    assert state(run) is RunState.COMPLETE
    assert run.database.balance(run.id).documents_ok == 12
    assert 'llava_ocr_documents_total{outcome="ok"} 12.0' in services.metrics.text(is_draining=False)


def test_a_worker_that_is_told_to_stop_hands_back_what_it_has_not_begun(run: Run, services: FakeServices) -> None:
    stop = threading.Event()

    class Stopping(Metrics):
        def add(self, outcome: object) -> None:
            stop.set()

    services.__dict__["metrics"] = Stopping()
    serve(services, stop, on_stall=leave)
    states = [shard.state for shard in run.ledger.shards(run.id)]
    assert ShardState.LEASED not in states and ShardState.OPEN in states
    assert all(shard.num_tries == shard.num_crashes == 0 for shard in run.ledger.shards(run.id))
    assert 0 < run.database.balance(run.id).documents_ok < 12


def test_runs_of_another_engine_are_left_alone(run: Run, tmp_path: Path) -> None:
    other = ScriptedEngine(profile=replace(PROFILE, fingerprint="other"))
    services = FakeServices(f"sqlite:///{tmp_path / 'records.db'}", engine=other)
    serve(services, threading.Event(), on_stall=leave, is_once=True)
    services.close()
    assert run.database.balance(run.id).documents_ok == 0


def test_health_and_metrics_are_told() -> None:
    stop = threading.Event()
    with reporting(Metrics(), stop, host="127.0.0.1", port=0) as port:
        assert get(port, "healthz") == (200, "ok\n")
        assert "# TYPE llava_ocr_pages_total counter" in get(port, "metrics")[1]
        assert get(port, "else")[0] == 404
        stop.set()
        assert get(port, "healthz")[0] == 503


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def test_a_worker_whose_device_is_gone_leaves(run: Run, services: FakeServices) -> None:
    class Gone(ScriptedEngine):
        def complete(self, requests: object) -> list[Completion]:
            raise DeviceLost("gone")

    services.engine = Gone()
    with pytest.raises(DeviceLost):
        serve(services, threading.Event(), on_stall=leave, is_once=True)
    assert state(run) is RunState.RUNNING
