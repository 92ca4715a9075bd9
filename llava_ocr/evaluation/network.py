"""Fits one hidden layer by gradient descent (AdamW with dropout). Small enough for plain arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llava_ocr.grounding.certainty import Certainty

NUM_HIDDEN, NUM_STEPS = 16, 300
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 1e-2, 0.05, 0.3
_BETA_1, _BETA_2, _TINY = 0.9, 0.999, 1e-8

# N fields, F features, H hidden units
Array = NDArray[np.float64]


def fit_network(x_NF: Array, right_N: Array, *, seed: int) -> Certainty:
    """Fit the network to fields that were right or wrong. Deterministic; its curve is not fitted."""
    rng = np.random.default_rng(seed)
    mean_F, scale_F = x_NF.mean(0), x_NF.std(0) + 1e-3
    seen_NF = np.clip((x_NF - mean_F) / scale_F, -5, 5)
    bound = 1 / np.sqrt(x_NF.shape[1])
    weights: list[Array] = [
        rng.uniform(-bound, bound, (x_NF.shape[1], NUM_HIDDEN)),
        rng.uniform(-bound, bound, NUM_HIDDEN),
        rng.uniform(-0.25, 0.25, NUM_HIDDEN),
        np.zeros(1),
    ]
    first, second = [np.zeros_like(one) for one in weights], [np.zeros_like(one) for one in weights]
    for step in range(1, NUM_STEPS + 1):
        kept_NH = (rng.random((len(x_NF), NUM_HIDDEN)) >= DROPOUT) / (1 - DROPOUT)
        slopes = _slopes(weights, seen_NF, right_N, kept_NH)
        for place, slope in enumerate(slopes):
            first[place] = _BETA_1 * first[place] + (1 - _BETA_1) * slope
            second[place] = _BETA_2 * second[place] + (1 - _BETA_2) * slope**2
            size = np.sqrt(second[place] / (1 - _BETA_2**step)) + _TINY
            moved = first[place] / (1 - _BETA_1**step) / size
            weights[place] = weights[place] * (1 - LEARNING_RATE * WEIGHT_DECAY) - LEARNING_RATE * moved
    hidden_FH, bias_H, out_H, out_bias = weights
    return Certainty(mean_F, scale_F, hidden_FH, bias_H, out_H, float(out_bias[0]), ((-10.0, 0.0), (10.0, 1.0)))


def _slopes(weights: Sequence[Array], seen_NF: Array, right_N: Array, kept_NH: Array) -> tuple[Array, ...]:
    """The gradient of the mean log loss by each of the weights."""
    hidden_FH, bias_H, out_H, out_bias = weights
    tanh_NH = np.tanh(seen_NF @ hidden_FH + bias_H)
    dropped_NH = tanh_NH * kept_NH
    said_N = 1 / (1 + np.exp(-np.clip(dropped_NH @ out_H + out_bias[0], -30, 30)))
    off_N = (said_N - right_N) / len(right_N)
    back_NH = np.outer(off_N, out_H) * kept_NH * (1 - tanh_NH**2)
    return seen_NF.T @ back_NH, back_NH.sum(0), dropped_NH.T @ off_N, np.array([off_N.sum()])
