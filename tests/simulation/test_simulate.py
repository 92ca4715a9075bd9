"""Whatever goes wrong how often: on paper, too, every document ends once, or is in a shard that was given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llava_ocr.ledger.leases import Ending, Terms
from llava_ocr.ledger.retries import Retries
from llava_ocr.simulation.fleet import Faults, Fleet
from llava_ocr.simulation.simulate import Outcome, Simulation, Step

SMALL = Fleet(num_pages=2_000, num_workers=7, shard_size=16, pages_per_s=2.0)
CALM = Faults().times(0.0)
fleets = st.builds(
    Fleet,
    num_pages=st.integers(1, 3_000),
    pages_per_document=st.integers(1, 5),
    shard_size=st.integers(1, 70),
    num_workers=st.integers(1, 12),
    pages_per_s=st.floats(0.05, 50.0),
)
faults = st.builds(
    Faults,
    deaths_per_day=st.floats(0.0, 300.0),
    freezes_per_day=st.floats(0.0, 300.0),
    freeze_s=st.floats(1.0, 2_000.0),
    put_offs_per_shard=st.floats(0.0, 0.5),
    put_off_share=st.floats(0.0, 1.0),
    poison_per_million=st.floats(0.0, 50_000.0),
)


class Ends:
    """How often each document ended."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[int, int]] = Counter()

    def __call__(self, shard_index: int, documents: Sequence[int], token: int) -> None:
        self.counts.update((shard_index, document) for document in documents)


def simulated(fleet: Fleet, trouble: Faults, seed: int = 0, *, policy: Retries | None = None) -> tuple[Outcome, Ends]:
    ends = Ends()
    return Simulation(fleet, trouble, seed=seed, policy=policy, watch=ends).run(), ends


@given(fleets, faults, st.integers(0, 99))
# Workers that froze for a second are buried at their hard limit, without noticing.
@example(
    Fleet(num_pages=73, pages_per_document=4, shard_size=1, num_workers=2, pages_per_s=0.05078125),
    Faults(deaths_per_day=1.0, freezes_per_day=10.0, freeze_s=1.0, poison_per_million=19945.0),
    32,
)
@settings(deadline=None, max_examples=60)
def test_every_document_ends_once_or_is_given_up(fleet: Fleet, trouble: Faults, seed: int) -> None:
    outcome, ends = simulated(fleet, trouble, seed)
    assert set(ends.counts.values()) <= {1}
    assert len(ends.counts) == outcome.num_ok + outcome.num_poison
    assert len(ends.counts) + outcome.num_given_up == fleet.num_documents
    assert (outcome.num_given_up > 0) == (outcome.num_stopped_shards > 0)


@given(fleets, st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_without_trouble_nothing_is_read_twice(fleet: Fleet, seed: int) -> None:
    # A shard that takes longer than its hard limit is no calm one.
    fleet = replace(fleet, pages_per_s=max(1.0, fleet.pages_per_s))
    outcome, _ = simulated(fleet, CALM, seed)
    assert outcome.num_ok == fleet.num_documents
    assert (outcome.num_reread, outcome.num_refused, outcome.num_deaths) == (0, 0, 0)
    assert outcome.endings == {Ending.DONE: outcome.steps[Step.CLAIM]}


def test_the_same_seed_is_the_same_run() -> None:
    trouble = Faults().times(50.0)
    assert simulated(SMALL, trouble, 3)[0] == simulated(SMALL, trouble, 3)[0]
    assert simulated(SMALL, trouble, 3)[0] != simulated(SMALL, trouble, 4)[0]


def test_time_is_pages_over_pace_where_all_is_calm() -> None:
    outcome, _ = simulated(replace(SMALL, num_pages=100_000, turnaround_s=0.0), CALM)
    assert outcome.seconds == pytest.approx(100_000 / (7 * 2.0), rel=0.02)
    assert outcome.busy_s == pytest.approx(100_000 / 2.0, rel=0.02)


def test_a_document_that_kills_is_given_up_after_two_deaths_alone() -> None:
    outcome, _ = simulated(replace(SMALL, num_workers=3), replace(CALM, poison_per_million=2_000.0))
    assert outcome.num_poison > 0 and outcome.num_given_up == 0
    # Two deaths make the shard a cautious one, two more lay it to the document.
    assert outcome.num_deaths == 4 * outcome.num_poison


def test_a_sleeper_whose_shard_was_taken_can_write_nothing() -> None:
    outcome, ends = simulated(SMALL, replace(CALM, freezes_per_day=400.0, freeze_s=600.0))
    assert outcome.num_freezes > 0 and outcome.num_refused > 0
    assert set(ends.counts.values()) == {1} and len(ends.counts) == SMALL.num_documents


def test_a_sleeper_that_wakes_in_time_goes_on() -> None:
    outcome, _ = simulated(SMALL, replace(CALM, freezes_per_day=400.0, freeze_s=20.0))
    assert outcome.num_freezes > 0 and outcome.num_refused == 0 and outcome.num_reread == 0


def test_deaths_that_no_document_explains_stop_a_shard() -> None:
    slow = Fleet(num_pages=64, num_workers=2, shard_size=64, pages_per_document=1, pages_per_s=0.0005)
    outcome, _ = simulated(slow, replace(CALM, deaths_per_day=500.0), policy=Retries(max_idle_crashes=3))
    assert outcome.num_stopped_shards == 1 and outcome.num_given_up > 0


@given(st.integers(0, 50), st.floats(0.0, 400.0))
@settings(deadline=None, max_examples=25)
def test_what_is_read_again_was_open_in_the_hands_of_the_dead(seed: int, deaths_per_day: float) -> None:
    outcome, _ = simulated(SMALL, replace(CALM, deaths_per_day=deaths_per_day), seed)
    unsaved_at_most = min(SMALL.shard_size, 64 + SMALL.in_flight)
    assert outcome.num_reread <= outcome.num_deaths * unsaved_at_most
    # What was begun is what ended and what was begun again.
    assert outcome.steps[Step.HOLD] <= SMALL.num_documents + outcome.num_deaths * unsaved_at_most


def test_a_shard_longer_than_its_hard_limit_is_taken_over_and_still_ends() -> None:
    fleet = replace(SMALL, num_pages=400, num_workers=2, shard_size=200, pages_per_s=0.05)
    ends = Ends()
    outcome = Simulation(fleet, CALM, terms=Terms(hard_s=3_600.0), watch=ends).run()
    assert outcome.endings[Ending.OVERDUE] > 0
    assert len(ends.counts) == fleet.num_documents and outcome.num_ok == fleet.num_documents
