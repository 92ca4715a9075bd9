"""Probabilities learnt from verdicts: in order, honest, the same every time, and kept whole."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.records import FieldReading, FieldState
from llava_ocr.review.calibration import Calibration, Example, fit
from llava_ocr.review.reliability import reliability
from llava_ocr.review.status import Status, status_of


def judged(count: int, seed: int = 0) -> list[Example]:
    """Readings whose confidence is too high: of those said to be 0.9 sure, 0.81 are right."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        said = rng.random()
        reading = FieldReading("a", FieldState.VALUE, "x", "x", said)
        found.append(Example(reading, 0, str(number), rng.random() < said**2))
    return found


def test_probabilities_become_honest_on_readings_not_learnt_from() -> None:
    found, others = fit(judged(3000)), judged(3000, seed=1)
    right = [one.is_right for one in others]
    before = reliability([one.reading.confidence for one in others], right, precision=0.9)
    after = reliability([found.probability(one.reading, num_findings=0) for one in others], right, precision=0.9)
    assert before.error > 0.12 and after.error < 0.04
    assert after.auc == pytest.approx(before.auc or 0, abs=0.01)


def test_more_confidence_is_never_less_likely() -> None:
    found = fit(judged(500))
    readings = [FieldReading("a", FieldState.VALUE, "x", "x", step / 50) for step in range(51)]
    said = [found.probability(reading, num_findings=0) for reading in readings]
    assert said == sorted(said) and said[0] > 0 and said[-1] < 1


def test_learning_twice_gives_the_same_and_survives_being_kept() -> None:
    found = fit(judged(300))
    assert found == fit(judged(300)) == Calibration.from_json(found.to_json())


def test_parameters_of_another_version_are_not_used() -> None:
    assert Calibration.from_json(fit(judged(300)).to_json().replace('"version": 1', '"version": 0')) is None


def test_auc_counts_ties_half() -> None:
    assert reliability([0.5, 0.5], [True, False], precision=0.9).auc == 0.5
    assert reliability([0.9, 0.1], [True, False], precision=0.9).auc == 1.0
    assert reliability([0.9, 0.1], [True, True], precision=0.9).auc is None


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.floats(0.5, 1))
def test_the_threshold_keeps_its_word(pairs: list[tuple[float, bool]], precision: float) -> None:
    said, right = [one for one, _ in pairs], [one for _, one in pairs]
    found = reliability(said, right, precision=precision)
    if found.threshold is not None:
        above = [is_right for one, is_right in pairs if one >= found.threshold]
        assert sum(above) / len(above) >= precision
        assert found.to_look_at == pytest.approx(1 - len(above) / len(pairs))


def test_the_wanted_precision_decides_what_a_person_looks_at() -> None:
    kept = Calibration.from_json(replace(fit(judged(300)), review_below=0.97).to_json())
    assert kept is not None and kept.review_below == 0.97
    reading = FieldReading("a", FieldState.VALUE, "x", "x", 0.9)
    statuses = [status_of([reading], [], is_approved=False, num_conflicts=0, below=below) for below in (0.5, 0.97)]
    assert statuses == [Status.SOUND, Status.TO_CHECK]


def test_a_record_of_which_nothing_was_read_is_to_be_checked() -> None:
    absent = FieldReading("a", FieldState.ABSENT, confidence=0.9)
    assert status_of([absent], [], is_approved=False, num_conflicts=0) is Status.TO_CHECK
