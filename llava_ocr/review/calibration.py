"""From what is known of a reading to the probability that it is right, learnt from people's verdicts. Pure.

A logistic regression over a few features, then an isotonic step that makes its answers honest: of the fields it calls
80 % sure, 80 % are right. Few verdicts pull it towards their common rate instead of to extremes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.records import FieldReading, FieldState, WordReader
from llava_ocr.review.status import REVIEW_BELOW

VERSION = 1
FEATURES = (
    "one",
    "logit_confidence",
    "is_plain_value",
    "is_grounded",
    "is_ocr",
    "reader_score",
    "num_candidates",
    "num_findings",
    "is_cell",
    "is_typed",
    "log_length",
)
# Fewer verdicts, or fewer wrong ones, than this tell nothing that would hold for the next document.
MIN_EXAMPLES, MIN_WRONG = 100, 10
_RIDGE = 1.0
_MAX_STEPS = 50
_CLIP = 1e-3

# N examples, F features


@dataclass(frozen=True, slots=True)
class Example:
    """A reading that a person has judged. A document's fields are right and wrong together, so it is named."""

    reading: FieldReading
    num_findings: int
    document_id: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted parameters: a weight per feature, and the steps of the isotonic curve (score from, probability).

    `review_below` is the probability below which a person should look.
    """

    weights: tuple[float, ...]
    steps: tuple[tuple[float, float], ...]
    version: int = VERSION
    review_below: float = REVIEW_BELOW

    def probability(self, reading: FieldReading, *, num_findings: int) -> float:
        """How likely the reading is right, 0 to 1."""
        score = float(np.dot(self.weights, features(reading, num_findings=num_findings)))
        return _on_curve(score, self.steps)

    def to_json(self) -> str:
        """Write the parameters."""
        return json.dumps({**asdict(self), "features": FEATURES})

    @classmethod
    def from_json(cls, text: str) -> Calibration | None:
        """Read parameters; None for those of another version, which no longer mean the same."""
        kept: dict[str, Any] = json.loads(text)
        if kept.get("version") != VERSION or tuple(kept.get("features", ())) != FEATURES:
            return None
        steps = tuple((score, share) for score, share in kept["steps"])
        return cls(tuple(kept["weights"]), steps, review_below=float(kept.get("review_below", REVIEW_BELOW)))


def features(reading: FieldReading, *, num_findings: int) -> tuple[float, ...]:
    """What is known of a reading, as numbers in the order of FEATURES."""
    confidence = min(1 - _CLIP, max(_CLIP, reading.confidence))
    evidence = reading.evidence
    return (
        1.0,
        math.log(confidence / (1 - confidence)),
        float(reading.state is FieldState.VALUE),
        float(evidence is not None),
        float(evidence is not None and evidence.reader is WordReader.OCR),
        evidence.score if evidence is not None else 0.0,
        float(min(len(reading.candidates), 5)),
        float(min(num_findings, 3)),
        float("[" in reading.path),
        float(isinstance(reading.value, Decimal) or (reading.value is not None and not isinstance(reading.value, str))),
        math.log1p(len(reading.text or "")),
    )


def fit(examples: Sequence[Example]) -> Calibration:
    """Learn from judged readings. Deterministic; needs at least one of either kind."""
    x_NF = _matrix(examples)
    right_N = np.array([example.is_right for example in examples], dtype=np.float64)
    assert 0 < right_N.sum() < len(right_N), "all readings are right, or all are wrong"
    weights_F = _logistic(x_NF, right_N)
    steps = isotonic(x_NF @ weights_F, right_N)
    return Calibration(tuple(float(weight) for weight in weights_F), steps)


def _matrix(examples: Sequence[Example]) -> NDArray[np.float64]:
    return np.array([features(one.reading, num_findings=one.num_findings) for one in examples], dtype=np.float64)


def _logistic(x_NF: NDArray[np.float64], right_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ridge logistic regression by Newton's method; the constant is not pulled to zero."""
    weights_F = np.zeros(x_NF.shape[1])
    pull_F = np.full(x_NF.shape[1], _RIDGE)
    pull_F[0] = 1e-6
    for _ in range(_MAX_STEPS):
        p_N = 1 / (1 + np.exp(-np.clip(x_NF @ weights_F, -30, 30)))
        slope_F = x_NF.T @ (p_N - right_N) + pull_F * weights_F
        curve_FF = (x_NF * (p_N * (1 - p_N) + 1e-9)[:, None]).T @ x_NF + np.diag(pull_F)
        step_F = np.linalg.solve(curve_FF, slope_F)
        weights_F = weights_F - step_F
        if float(np.abs(step_F).max()) < 1e-8:
            break
    return weights_F


def isotonic(scores_N: NDArray[np.float64], right_N: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Pool neighbours that contradict the order (PAV); one right and one wrong more draw each pool towards 1/2."""
    order = np.argsort(scores_N, kind="stable")
    pools: list[list[float]] = []
    for index in order:
        pools.append([float(right_N[index]), 1.0, float(scores_N[index])])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            total, count, _ = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    shares = [(total + 1) / (count + 2) for total, count, _ in pools]
    rising = np.maximum.accumulate(shares)
    return tuple((start, round(float(share), 5)) for (_, _, start), share in zip(pools, rising, strict=True))


def _on_curve(score: float, steps: Sequence[tuple[float, float]]) -> float:
    """Read the curve between the starts of its steps, so that a better score is never worth nothing."""
    starts, shares = zip(*steps, strict=True)
    return float(np.interp(score, starts, shares))
