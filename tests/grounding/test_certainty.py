"""Confidence as probability: from signals, the same every time, in order, and never of another version's parameters."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from llava_ocr.evaluation.certainty_fit import JudgedField, fit_certainty
from llava_ocr.grounding.certainty import Certainty, certainty_from, shipped, with_certainty
from llava_ocr.grounding.features import FEATURES, features_of
from llava_ocr.grounding.held import held_paths
from llava_ocr.records import FieldReading, FieldState, Finding, RulesSay, Signals
from llava_ocr.review.reliability import reliability

SIGNALS = Signals(0.9, 0.9, RulesSay.SAME, 1.0, 1, 1.0, 1.0)


def read(path: str, value: str | Decimal | None = "x", **signals: object) -> FieldReading:
    told = replace(SIGNALS, **signals)
    return FieldReading(path, FieldState.VALUE, str(value), value, 0.5, signals=told)


def fields(count: int, seed: int = 0) -> list[JudgedField]:
    """Fields that are right the more often the surer the model and the more rules agree."""
    rng, found = random.Random(seed), []
    for number in range(count):
        said, rules = rng.random(), rng.choice([RulesSay.SAME, RulesSay.OTHER])
        [row] = features_of([read("a", said=said, rules=rules)], [], held=frozenset(), leaves={})
        is_right = rng.random() < said ** (0.5 if rules is RulesSay.SAME else 3)
        found.append(JudgedField(str(number), row, is_right, has_value=True))
    return found


@pytest.fixture(scope="module")
def fitted() -> Certainty:
    return fit_certainty(fields(800))


def test_probabilities_are_honest_and_in_order_on_others(fitted: Certainty) -> None:
    others = fields(800, seed=1)
    said = fitted.probabilities(np.array([one.features for one in others]))
    found = reliability(list(said), [one.is_right for one in others], precision=0.9)
    assert found.auc is not None and found.auc > 0.75 and found.error < 0.08


def test_parameters_survive_being_kept_and_others_are_refused(fitted: Certainty) -> None:
    rows = np.array([one.features for one in fields(20, seed=2)])
    kept = fitted.to_object()
    again = certainty_from(kept)
    assert again is not None and np.allclose(again.probabilities(rows), fitted.probabilities(rows), atol=0.01)
    assert certainty_from({**kept, "version": 0}) is None
    assert certainty_from({**kept, "features": ["other"]}) is None


def test_the_shipped_parameters_are_of_this_version() -> None:
    found = shipped()
    assert found is not None and found.hidden_FH.shape[0] == len(FEATURES)


def test_fields_without_signals_and_conflicts_keep_their_confidence(fitted: Certainty) -> None:
    bare, torn = replace(read("a"), signals=None), replace(read("b"), state=FieldState.CONFLICT, confidence=0.0)
    found = with_certainty([bare, torn, read("c")], [], held=frozenset(), leaves={}, certainty=fitted)
    assert [one.confidence for one in found[:2]] == [0.5, 0.0] and found[2].confidence != 0.5


def test_what_a_check_is_about_is_found_though_it_holds() -> None:
    def check(listed: object) -> list[Finding]:
        net, tax, grand = (one.value for one in listed)  # type: ignore[attr-defined]
        return [] if net + tax == grand else [Finding("totals", "net + tax is not grand", ("net", "tax", "grand"))]

    sums = [read("net", Decimal(10)), read("tax", Decimal(2)), read("grand", Decimal(12))]
    assert held_paths(sums, check) == {"net", "tax", "grand"}


def test_a_cell_knows_its_row_and_column() -> None:
    cells = [read(f"lines[{row}].{name}", Decimal(row)) for row in range(3) for name in ("a", "b")]
    rows = features_of(cells, [], held=frozenset({"lines[1].a"}), leaves={})
    at = FEATURES.index
    assert [row[at("is_first")] for row in rows] == [1, 1, 0, 0, 0, 0]
    assert rows[3][at("is_row_held")] == 1 and rows[2][at("is_row_held")] == 0 and rows[2][at("is_held")] == 1
    assert all(len(row) == len(FEATURES) for row in rows)
