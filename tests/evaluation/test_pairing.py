"""The pairing of rows that gives most."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from llava_ocr.evaluation.pairing import best_pairs

gains = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.integers(0, 4).map(float))


def best_by_trying(gains_TP: np.ndarray) -> float:
    wide = gains_TP if gains_TP.shape[0] <= gains_TP.shape[1] else gains_TP.T
    columns = permutations(range(wide.shape[1]), wide.shape[0])
    return max(sum(wide[row, column] for row, column in enumerate(chosen)) for chosen in columns)


@given(gains)
@settings(deadline=None)
def test_no_pairing_gives_more(gains_TP: np.ndarray) -> None:
    assert sum(gains_TP[pair] for pair in best_pairs(gains_TP)) == best_by_trying(gains_TP)


@given(gains)
@settings(deadline=None)
def test_every_row_and_column_is_paired_once_at_most(gains_TP: np.ndarray) -> None:
    pairs = best_pairs(gains_TP)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert pairs == sorted(pairs) and all(gains_TP[pair] > 0 for pair in pairs)


def test_nothing_is_paired_with_no_rows() -> None:
    assert best_pairs(np.zeros((0, 3))) == best_pairs(np.zeros((3, 0))) == []


def test_a_hundred_rows_in_reverse_find_their_own() -> None:
    assert best_pairs(np.eye(100)[::-1]) == [(row, 99 - row) for row in range(100)]
