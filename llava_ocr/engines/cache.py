"""Keys and values of rows that differ in length: position p of a row stands at index p, whatever the others do.

Rows need no padding on the left, several tokens of one row and one of another go in the same step, and what lies
beyond a row's end is never looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

# R rows, Q new tokens of a step (the longest row's), K cached positions, H heads, D head width, N new tokens in all

_ROOM = 256


@dataclass(frozen=True, eq=False)
class Step:
    """Where a step's new tokens go: token i comes from query `queries_N[i]` of batch entry `entries_N[i]` and goes to
    position `positions_N[i]` of row `rows_N[i]`. `reads_cache` is False where the rows were empty before."""

    entries_N: Tensor
    queries_N: Tensor
    rows_N: Tensor
    positions_N: Tensor
    start: int
    end: int
    reads_cache: bool


class RaggedCache(Cache):  # type: ignore[misc]  # transformers is untyped here
    """A key-value cache for `num_rows` rows. Announce each forward pass with `prefill` or `extend` before it."""

    def __init__(
        self, *, num_layers: int, num_rows: int, capacity: int, window: int | None, device: torch.device
    ) -> None:
        """`capacity` is the number of positions to start with; `window` how far back tokens look, where that is
        limited."""
        super().__init__(layers=[_RaggedLayer(num_rows, capacity) for _ in range(num_layers)])
        self.lengths = [0] * num_rows
        self._device, self._window = device, window

    def prefill(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """Announce that `counts[i]` first tokens of row `rows[i]` come, padded on the right."""
        self._announce(rows, counts, reads_cache=False)

    def extend(self, counts: Sequence[int]) -> tuple[Tensor, Tensor | None]:
        """Announce that `counts[i]` more tokens of row i come, padded on the right, for all rows.

        Returns their positions `[R, Q]` and the mask `[R, 1, Q, K]`, None where every new token sees everything.
        """
        starts = torch.tensor(self.lengths, device=self._device)
        num_queries = max(counts)
        positions_RQ = starts[:, None] + torch.arange(num_queries, device=self._device)
        is_even = len(set(self.lengths)) == 1
        self._announce(range(len(self.lengths)), counts, reads_cache=True)
        if num_queries == 1 and is_even:
            return positions_RQ, None
        keys_K = torch.arange(max(self.lengths), device=self._device)
        back_RQK = positions_RQ[:, :, None] - keys_K
        mask_RQK = (back_RQK >= 0) if self._window is None else (back_RQK >= 0) & (back_RQK < self._window)
        return positions_RQ, mask_RQK[:, None]

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, which are renumbered."""
        index_R = torch.tensor(rows, device=self._device)
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[index_R], layer.values[index_R]
        self.lengths = [self.lengths[row] for row in rows]

    def _announce(self, rows: Sequence[int], counts: Sequence[int], *, reads_cache: bool) -> None:
        places = [
            (entry, query, row, self.lengths[row] + query)
            for entry, (row, count) in enumerate(zip(rows, counts, strict=True))
            for query in range(count)
        ]
        entries_N, queries_N, rows_N, positions_N = torch.tensor(places, device=self._device).unbind(1)
        start = max(self.lengths) if reads_cache else 0
        for row, count in zip(rows, counts, strict=True):
            self.lengths[row] += count
        end = max(self.lengths[row] for row in rows)
        step = Step(entries_N, queries_N, rows_N, positions_N, start, end, reads_cache)
        for layer in self.layers:
            layer.step = step


class _RaggedLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers is untyped here
    """One decoder layer's keys and values, `[R, H, capacity, D]`."""

    is_sliding = False

    def __init__(self, num_rows: int, capacity: int) -> None:
        super().__init__()
        self._num_rows, self._capacity = num_rows, capacity
        self.step: Step | None = None
        self.keys: Tensor = torch.empty(0)
        self.values: Tensor = torch.empty(0)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take memory of the states' kind for all rows."""
        self.keys = self._room(key_states)
        self.values = self._room(value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store a step's states; return those that its queries look at."""
        step = self.step
        assert step is not None, "forward pass that was not announced"
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self._grow(step.end)
        self.keys[step.rows_N, :, step.positions_N] = key_states[step.entries_N, :, step.queries_N]
        self.values[step.rows_N, :, step.positions_N] = value_states[step.entries_N, :, step.queries_N]
        if not step.reads_cache:
            return key_states, value_states
        return self.keys[:, :, : step.end], self.values[:, :, : step.end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many keys the mask covers, and from which index."""
        assert self.step is not None, "forward pass that was not announced"
        return (self.step.end if self.step.reads_cache else query_length), 0

    def get_seq_length(self) -> int:
        """The index of a step's first query."""
        return 0 if self.step is None else self.step.start

    def get_max_length(self) -> int:
        """No bound of its own."""
        return -1

    def _room(self, states: Tensor) -> Tensor:
        return states.new_zeros(self._num_rows, states.shape[1], self._capacity, states.shape[3])

    def _grow(self, end: int) -> None:
        missing = end - self.keys.shape[2]
        if missing <= 0:
            return
        extra = max(missing, _ROOM, self.keys.shape[2] // 4)
        self.keys = torch.nn.functional.pad(self.keys, (0, 0, 0, extra))
        self.values = torch.nn.functional.pad(self.values, (0, 0, 0, extra))
