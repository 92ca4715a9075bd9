"""Measures over many compared values, each with a weight. Pure; None where there is nothing to measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from llava_ocr.evaluation.base import Interval, ReliabilityBin

Numbers = NDArray[np.float64]
Ranks = NDArray[np.intp]

NUM_DRAWS = 1_000


def ratio(parts: Numbers, wholes: Numbers, weights: Numbers) -> float | None:
    """Weighted sum of the parts over the weighted sum of the wholes."""
    whole = float(weights @ wholes)
    return float(weights @ parts) / whole if whole > 0 else None


def ranked(confidence: Numbers) -> Ranks:
    """Number the different confidences from 0, the least sure first: what the measures of order go by."""
    _, ranks = np.unique(confidence, return_inverse=True)
    return ranks.astype(np.intp)


def area_under_curve(ranks: Ranks, is_right: Numbers, weights: Numbers) -> float | None:
    """How often a right value has more confidence than a wrong one, ties counting half (the ROC curve's area)."""
    # Products are summed, not multiplied as vectors: BLAS would start threads for each of thousands of drawings.
    right, wrong = weights * is_right, weights * (1 - is_right)
    pairs = float(right.sum() * wrong.sum())
    if pairs <= 0:
        return None
    right, wrong = _by_rank(ranks, right), _by_rank(ranks, wrong)
    below = np.cumsum(wrong) - wrong
    return float((right * (below + wrong / 2)).sum()) / pairs


def accuracy_at(coverage: float, ranks: Ranks, is_right: Numbers, weights: Numbers) -> float | None:
    """The share that is right among the surest `coverage` of the values; of equally sure ones each is taken in part."""
    total = float(weights.sum())
    if total <= 0:
        return None
    sizes = _by_rank(ranks, weights)[::-1]
    right = _by_rank(ranks, weights * is_right)[::-1]
    wanted = coverage * total
    taken = np.clip(wanted - (np.cumsum(sizes) - sizes), 0, sizes)
    shares = np.divide(taken, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return float((shares * right).sum()) / wanted


def reliability(confidence: Numbers, is_right: Numbers, *, num_bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Bin values by confidence: how sure and how often right. Bins that hold nothing are left out."""
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    found = []
    for number in range(num_bins):
        inside = bins == number
        if inside.any():
            sure, right = float(confidence[inside].mean()), float(is_right[inside].mean())
            edges = number / num_bins, (number + 1) / num_bins
            found.append(ReliabilityBin(*edges, sure, right, int(inside.sum())))
    return tuple(found)


def bootstrap(
    measure: Callable[[Numbers], float | None], clusters: Sequence[str], *, num_draws: int = NUM_DRAWS, seed: int = 0
) -> Interval | None:
    """Give the 95 % interval of `measure`, which takes a factor for each value, by drawing whole clusters anew.

    `clusters` names each value's cluster; fewer than two say nothing of the spread between them.
    """
    names, numbers = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(names) < 2:
        return None
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=num_draws)
    drawn = [measure(counts[numbers].astype(np.float64)) for counts in draws]
    known = [value for value in drawn if value is not None]
    if not known:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return Interval(float(low), float(high))


def _by_rank(ranks: Ranks, amounts: Numbers) -> Numbers:
    """Sum amounts by their rank."""
    return np.bincount(ranks, weights=amounts).astype(np.float64)
