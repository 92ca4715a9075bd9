"""How good probabilities are: ranking, honesty, and what a threshold costs in looking. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Fields of about one probability: how many, what was promised and what was so."""

    count: int
    promised: float
    right: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Figures over judged fields. `auc` and `threshold` are None where they say nothing.

    At `threshold` the fields above it are right as often as wanted; `to_look_at` is the share below it.
    """

    count: int
    accuracy: float
    auc: float | None
    error: float
    accuracy_at_80: float
    threshold: float | None
    to_look_at: float
    bins: tuple[Bin, ...]


def reliability(probabilities: Sequence[float], right: Sequence[bool], *, precision: float) -> Reliability:
    """Measure probabilities against what was so. There must be some."""
    assert len(probabilities) == len(right) > 0, (len(probabilities), len(right))
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=np.float64)
    bins = _bins(p, y)
    error = sum(one.count * abs(one.promised - one.right) for one in bins) / len(p)
    threshold, to_look_at = _threshold(p, y, precision)
    surest = np.argsort(-p, kind="stable")[: max(1, round(0.8 * len(p)))]
    return Reliability(
        count=len(p),
        accuracy=float(y.mean()),
        auc=_auc(p, y),
        error=float(error),
        accuracy_at_80=float(y[surest].mean()),
        threshold=threshold,
        to_look_at=to_look_at,
        bins=tuple(bins),
    )


def _auc(p: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """How often a right field has the higher probability of the two; a tie is half."""
    num_right, num_wrong = int(y.sum()), int(len(y) - y.sum())
    if not num_right or not num_wrong:
        return None
    _, group, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    total = float(ranks[group][y == 1].sum())
    return (total - num_right * (num_right + 1) / 2) / (num_right * num_wrong)


def _bins(p: NDArray[np.float64], y: NDArray[np.float64]) -> list[Bin]:
    places = np.minimum((p * NUM_BINS).astype(int), NUM_BINS - 1)
    found = [places == number for number in range(NUM_BINS)]
    return [Bin(int(here.sum()), float(p[here].mean()), float(y[here].mean())) for here in found if here.any()]


def _threshold(p: NDArray[np.float64], y: NDArray[np.float64], precision: float) -> tuple[float | None, float]:
    """Find the lowest probability from which on fields are right often enough; and the share that lies below."""
    order = np.argsort(-p, kind="stable")
    shares = np.cumsum(y[order]) / np.arange(1, len(p) + 1)
    # Fields of one probability are taken together or not at all.
    is_last = np.append(np.diff(p[order]) != 0, True)
    good = np.flatnonzero((shares >= precision) & is_last)
    if not len(good):
        return None, 1.0
    last = int(good[-1])
    return float(p[order][last]), 1 - (last + 1) / len(p)
