"""The policy of leases and retries, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.errors import error_classes
from llava_ocr.ledger.leases import Ending, Shard, ShardState, Terms, death, is_due, lease_until, may_renew
from llava_ocr.ledger.retries import Retries, delay_s, is_cautious, is_last_try, is_worth_asking_for, may_pass

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TERMS = Terms(lease_s=60, renew_s=20, stall_s=300, hard_s=3600)
HELD = Shard("run", 0, ShardState.LEASED, 3, 1, "one", NOW, NOW + timedelta(seconds=3600), NOW, None, 0, 0, 0)
seconds = st.floats(-1e5, 1e5, allow_nan=False).map(lambda s: timedelta(seconds=s))


@pytest.mark.parametrize(
    ("lease_s", "hard_s", "progress_s", "said"),
    [
        (1, 1, 0, None),
        (0, 1, 0, Ending.EXPIRED),
        (1, 1, -300, Ending.STALLED),
        (-9, 1, -300, Ending.STALLED),
        (-9, 0, -300, Ending.OVERDUE),
    ],
)
def test_a_death_has_a_name(lease_s: float, hard_s: float, progress_s: float, said: Ending | None) -> None:
    times = {
        name: NOW + timedelta(seconds=s)
        for name, s in (("lease_until", lease_s), ("hard_until", hard_s), ("progress_at", progress_s))
    }
    assert death(replace(HELD, **times), NOW, TERMS) is said


@pytest.mark.parametrize("state", [state for state in ShardState if state is not ShardState.LEASED])
def test_a_shard_that_nobody_holds_has_no_dead_holder(state: ShardState) -> None:
    free = replace(HELD, state=state, lease_until=None, hard_until=None, progress_at=None)
    assert death(free, NOW, TERMS) is None
    assert is_due(free, NOW) is (state is ShardState.OPEN)


@given(seconds, seconds, seconds)
def test_whoever_lives_may_renew(lease: timedelta, hard: timedelta, progress: timedelta) -> None:
    shard = replace(HELD, lease_until=NOW + lease, hard_until=NOW + hard, progress_at=NOW + progress)
    if death(shard, NOW, TERMS) is None:
        assert may_renew(shard, NOW, TERMS, has_progress=False)
    assert may_renew(shard, NOW, TERMS, has_progress=True) is (shard.hard_until > NOW)


@given(seconds)
def test_a_lease_never_passes_the_hard_limit(hard: timedelta) -> None:
    assert lease_until(NOW, TERMS, NOW + hard) <= NOW + hard


@given(st.integers(1, 10_000), st.floats(0.1, 100), st.floats(1, 10))
def test_waits_grow_to_the_limit(num_tries: int, first_s: float, factor: float) -> None:
    policy = Retries(first_delay_s=first_s, factor=factor)
    assert delay_s(num_tries, policy) <= delay_s(num_tries + 1, policy) <= policy.max_delay_s


def test_the_last_try_is_the_last() -> None:
    policy = Retries(max_tries=3)
    said = [is_last_try(replace(HELD, num_tries=tries), policy) for tries in range(4)]
    assert said == [False, False, True, True]


def test_caution_comes_with_deaths() -> None:
    said = [is_cautious(replace(HELD, num_crashes=crashes), Retries(cautious_after=2)) for crashes in range(4)]
    assert said == [False, False, True, True]


@pytest.mark.parametrize(
    ("reason", "passes", "is_worth"),
    [
        ("StoreUnavailable", True, True),
        ("EngineUnavailable", True, True),
        ("EngineTimeout", False, True),
        ("ObjectChanged", False, True),
        ("PoisonDocument", False, True),
        ("CorruptDocument", False, False),
        ("InvalidAnswer", False, False),
        ("NoSuchClass", False, False),
    ],
)
def test_what_is_tried_again_and_what_is_when_asked_for(reason: str, passes: bool, is_worth: bool) -> None:
    assert (may_pass(reason), is_worth_asking_for(reason)) == (passes, is_worth)


def test_whatever_may_pass_is_worth_asking_for() -> None:
    assert all(is_worth_asking_for(reason) for reason in error_classes() if may_pass(reason))
