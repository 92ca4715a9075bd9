"""Measures over weighted values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.evaluation.measures import accuracy_at, area_under_curve, bootstrap, ranked, ratio, reliability

judged = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans(), st.integers(1, 3)), min_size=1)


def columns(values: list[tuple[float, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sure, right, weight = zip(*values, strict=True)
    return ranked(np.array(sure)), np.array(right, dtype=float), np.array(weight, dtype=float)


@given(judged)
@settings(deadline=None)
def test_area_is_the_chance_that_the_right_one_is_surer(values: list[tuple[float, bool, int]]) -> None:
    wins = pairs = 0.0
    for sure, is_right, weight in values:
        for other, other_right, other_weight in values:
            if is_right and not other_right:
                pairs += weight * other_weight
                wins += weight * other_weight * (1.0 if sure > other else 0.5 if sure == other else 0.0)
    area = area_under_curve(*columns(values))
    assert area is None if not pairs else area == pytest.approx(wins / pairs)


@given(judged)
@settings(deadline=None)
def test_accuracy_at_full_coverage_is_the_accuracy(values: list[tuple[float, bool, int]]) -> None:
    ranks, right, weights = columns(values)
    assert accuracy_at(1.0, ranks, right, weights) == pytest.approx(ratio(right, np.ones(len(right)), weights))


@given(judged)
@settings(deadline=None)
def test_a_weight_of_two_is_the_value_twice(values: list[tuple[float, bool, int]]) -> None:
    repeated = [(sure, is_right, 1) for sure, is_right, weight in values for _ in range(weight)]
    for measure in (area_under_curve, lambda *columns: accuracy_at(0.8, *columns)):
        assert measure(*columns(values)) == pytest.approx(measure(*columns(repeated)), nan_ok=True)


def test_accuracy_at_coverage_takes_the_surest() -> None:
    sure = ranked(np.array([0.9, 0.8, 0.7, 0.6, 0.1]))
    assert accuracy_at(0.8, sure, np.array([1.0, 1, 1, 1, 0]), np.ones(5)) == pytest.approx(1.0)
    assert accuracy_at(0.8, sure, np.array([0.0, 1, 1, 1, 1]), np.ones(5)) == pytest.approx(0.75)


def test_nothing_to_measure_is_none() -> None:
    none = np.array([])
    assert ratio(none, none, none) is None
    assert area_under_curve(ranked(none), none, none) is accuracy_at(0.8, ranked(none), none, none) is None


@given(judged)
@settings(deadline=None)
def test_every_value_is_in_one_bin(values: list[tuple[float, bool, int]]) -> None:
    bins = reliability(np.array([sure for sure, _, _ in values]), columns(values)[1])
    assert sum(one.num_fields for one in bins) == len(values)
    assert all(one.low - 1e-9 <= one.confidence <= one.high for one in bins)


def test_interval_holds_the_figure_and_is_the_same_each_time() -> None:
    right = np.tile([1.0, 0, 1, 1], 20)
    issuers = [str(number // 4 % 7) for number in range(80)]

    def accuracy(factors: np.ndarray) -> float | None:
        return ratio(right, np.ones(80), factors)

    interval = bootstrap(accuracy, issuers)
    assert interval is not None and interval == bootstrap(accuracy, issuers)
    assert interval.low - 1e-9 <= 0.75 <= interval.high + 1e-9


def test_one_issuer_tells_nothing_of_the_others() -> None:
    assert bootstrap(lambda factors: 1.0, ["a", "a"]) is None


def test_issuers_are_drawn_whole() -> None:
    right = np.array([1.0, 1, 0, 0])
    interval = bootstrap(lambda factors: ratio(right, np.ones(4), factors), ["a", "a", "b", "b"])
    assert interval is not None and (interval.low, interval.high) == (0.0, 1.0)
