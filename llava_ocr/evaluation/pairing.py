"""Which rows of a prediction are which rows of the truth: the pairing that gives most. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def best_pairs(gains_TP: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair T rows with P columns, each at most once, so that the pairs' gains sum up highest; ascending by row.

    Gains are 0 or more; pairs that gain nothing are left out.
    """
    num_true, num_predicted = gains_TP.shape
    if not num_true or not num_predicted:
        return []
    if num_true > num_predicted:
        return sorted((row, column) for column, row in best_pairs(gains_TP.T))
    chosen = _assign(gains_TP.max() - gains_TP)
    return [(row, column) for row, column in enumerate(chosen) if gains_TP[row, column] > 0]


def _assign(costs_RC: NDArray[np.float64]) -> list[int]:
    """Give each of R rows one of C >= R columns at the least cost: the Hungarian method with potentials, R^2 C.

    Rows and columns count from 1; column 0 stands for the row that is being placed.
    """
    num_rows, num_columns = costs_RC.shape
    row_potential = np.zeros(num_rows + 1)
    column_potential = np.zeros(num_columns + 1)
    row_of = np.zeros(num_columns + 1, dtype=int)
    for row in range(1, num_rows + 1):
        row_of[0] = row
        column = 0
        slack = np.full(num_columns + 1, np.inf)
        came_from = np.zeros(num_columns + 1, dtype=int)
        is_used = np.zeros(num_columns + 1, dtype=bool)
        while row_of[column]:
            is_used[column] = True
            here = row_of[column]
            reduced = costs_RC[here - 1] - row_potential[here] - column_potential[1:]
            is_nearer = ~is_used[1:] & (reduced < slack[1:])
            slack[1:][is_nearer] = reduced[is_nearer]
            came_from[1:][is_nearer] = column
            nearest = int(np.argmin(np.where(is_used, np.inf, slack)[1:])) + 1
            step = slack[nearest]
            row_potential[row_of[is_used]] += step
            column_potential[is_used] -= step
            slack[~is_used] -= step
            column = nearest
        while column:
            row_of[column] = row_of[came_from[column]]
            column = int(came_from[column])
    chosen = {int(row): column - 1 for column, row in enumerate(row_of) if column and row}
    return [chosen[row] for row in range(1, num_rows + 1)]
