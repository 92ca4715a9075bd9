"""What a fleet asks of the shared machines, and what `simulate` prints."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.bench import scale
from llava_ocr.cli.app import app, guarded
from llava_ocr.simulation.fleet import Faults, Fleet
from llava_ocr.simulation.load import Costs, Machines, demands, ladder, price
from llava_ocr.simulation.simulate import Outcome, simulate

FLEET = Fleet(num_pages=20_000, num_workers=20, shard_size=32)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return simulate(FLEET, Faults())


def test_what_is_asked_most_comes_first(outcome: Outcome) -> None:
    asked = [one.utilisation for one in demands(outcome, FLEET, Costs(), Machines())]
    assert asked == sorted(asked, reverse=True) and len(asked) == 5


@given(st.integers(1, 256), st.integers(10, 5_000), st.floats(1.0, 5_000.0))
@settings(deadline=None, max_examples=30)
def test_every_change_moves_the_end_further(outcome: Outcome, cores: int, connections: int, calls: float) -> None:
    machines = Machines(database_cores=cores, database_connections=connections, prefect_calls_per_s=calls)
    rungs = ladder(outcome, FLEET, Costs(), machines)
    assert rungs[0].change == ""
    assert all(one.max_workers <= after.max_workers for one, after in pairwise(rungs))


def test_twice_the_cores_are_half_the_load(outcome: Outcome) -> None:
    def processor(cores: int) -> float:
        asked = demands(outcome, FLEET, Costs(), Machines(database_cores=cores))
        return next(one.utilisation for one in asked if one.resource == "database processor")

    assert processor(8) == pytest.approx(2 * processor(16))


def test_claims_cost_more_the_more_shards_there_are(outcome: Outcome) -> None:
    def cores(fleet: Fleet) -> float:
        asked = demands(outcome, fleet, Costs(), Machines())
        return next(one.asked for one in asked if one.resource == "database processor")

    assert cores(replace(FLEET, num_pages=10**9)) > 2 * cores(FLEET)


def test_the_price_is_that_of_every_worker_to_the_end(outcome: Outcome) -> None:
    machines = Machines(worker_price=2.0, shared_price=5.0)
    assert price(outcome, FLEET, machines) == pytest.approx(outcome.seconds / 3600 * (20 * 2.0 + 5.0))


def test_simulate_prints_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app, ["simulate", "--pages", "5000", "--workers", "8", "--shard-size", "16", "--deaths", "50"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["pages"] == 5_000 and told["lost_pages"] == 0 and told["hours"] > 0
    assert {
        "database_writes_per_s",
        "prefect_calls_per_s_if_shards_are_flow_runs",
        "cost",
        "bottlenecks",
    } <= told.keys()


@pytest.mark.slow
def test_every_step_is_measured_on_an_empty_database_only(postgres_url: str) -> None:
    [line] = scale.run(db=postgres_url, num_shards=[100], num_held=[10], num_read=1)
    assert set(line["steps"]) == set(scale.STEPS)
    assert all(step["wall_ms"] > 0 for step in line["steps"].values())
    with pytest.raises(scale.NotEmpty):
        next(scale.run(db=postgres_url))


def test_what_is_measured_is_postgresql(tmp_path: Path) -> None:
    with pytest.raises(scale.NotEmpty):
        next(scale.run(db=f"sqlite:///{tmp_path / 'a.db'}"))
