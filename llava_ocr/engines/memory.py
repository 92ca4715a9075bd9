"""Keys and values in slots, and attention over them: rows of any length in one pass, without padding.

All new tokens of a pass stand behind each other in one packed sequence; only attention knows which row each belongs
to. The token at place p of a row is at index p of its slot, and what lies beyond a row's end is never looked at. Its
position, which rotates it, is p too, but for rows that leave blank paper out.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

# S slots, C positions of a slot, N packed new tokens, Q new tokens of a segment or of the longest, K cached positions,
# H query heads, J key heads (each serves G query heads), D head width

ATTENTION = "llava_ocr_slots"


@dataclass(frozen=True)
class Segment:
    """`count` new tokens of the row in `slot`, the first of them at place `start`."""

    slot: int
    start: int
    count: int

    @property
    def end(self) -> int:
        """The row's length once these are read."""
        return self.start + self.count


@dataclass(frozen=True, eq=False)
class _Reach:
    """What one segment looks at: its queries' place in the packed sequence, its keys, and the mask where they differ
    in what they see. `is_first`: the segment is the row's beginning, whose mask is the plain causal one."""

    slot: int
    queries: slice
    keys: slice
    is_first: bool
    mask_QK: Tensor | None


@dataclass(frozen=True, eq=False)
class _Grid:
    """All slots up to the last one in use as one padded batch: where each packed token stands in it, and its mask.

    Slots without new tokens look at everything and their result is left out; the memory is a view, never copied.
    """

    num_keys: int
    num_queries: int
    slots_N: Tensor
    queries_N: Tensor
    mask_S1QK: Tensor


@dataclass(frozen=True, eq=False)
class Step:
    """One pass: its segments packed in order, and how attention goes about them (one by one, or as a grid)."""

    positions_1N: Tensor
    places_N: Tensor
    slots_N: Tensor
    reaches: tuple[_Reach, ...] = ()
    grid: _Grid | None = None


class SlotMemory(Cache):  # type: ignore[misc]  # transformers is untyped here
    """Key-value memory for `num_slots` rows of up to `slot_tokens` positions, all of it reserved at once."""

    def __init__(self, config: Any, *, num_slots: int, slot_tokens: int, like: Tensor, as_grid: bool = False) -> None:
        """`config` is the language model's; memory is of the kind of `like`. Passes as a grid (see `plan`) need
        `as_grid`. Raises torch's out-of-memory errors."""
        shape = (num_slots, _num_key_heads(config), slot_tokens, _head_width(config))
        # A grid multiplies what it may not see by nothing, so that must be a number; else memory is taken when used.
        make = like.new_zeros if as_grid else like.new_empty
        super().__init__(layers=[_Slots(make(shape), make(shape)) for _ in range(_depth(config))])
        self._window: int | None = getattr(config, "sliding_window", None)
        self._device = like.device

    def plan(self, segments: Sequence[Segment], positions: Sequence[int], *, as_grid: bool) -> Step:
        """Prepare a pass: segments one by one, which pads nothing, or as a grid, which launches least. `positions` are
        those of all new tokens in order."""
        starts = [segment.start for segment in segments]
        counts = torch.tensor([segment.count for segment in segments])
        entries_N = torch.repeat_interleave(torch.arange(len(segments)), counts)
        queries_N = torch.arange(int(counts.sum())) - (counts.cumsum(0) - counts)[entries_N]
        places_N = (torch.tensor(starts)[entries_N] + queries_N).to(self._device)
        slots_N = torch.tensor([segment.slot for segment in segments])[entries_N].to(self._device)
        positions_1N = torch.tensor([positions], device=self._device)
        if as_grid:
            grid = self._grid(segments, slots_N, queries_N.to(self._device))
            return Step(positions_1N, places_N, slots_N, grid=grid)
        return Step(positions_1N, places_N, slots_N, reaches=tuple(self._reaches(segments)))

    def copy_prefix(self, source: int, target: int, num_tokens: int) -> None:
        """Let the row in slot `target` begin with the first positions of the one in `source`."""
        for layer in self.layers:
            layer.keys[target, :, :num_tokens] = layer.keys[source, :, :num_tokens]
            layer.values[target, :, :num_tokens] = layer.values[source, :, :num_tokens]

    def take_over(self, other: SlotMemory, num_tokens: int) -> None:
        """Begin every slot as another memory of as many slots has it."""
        for layer, there in zip(self.layers, other.layers, strict=True):
            layer.keys[:, :, :num_tokens] = there.keys[:, :, :num_tokens]
            layer.values[:, :, :num_tokens] = there.values[:, :, :num_tokens]

    def wipe(self, slot: int) -> None:
        """Take out whatever a slot holds."""
        for layer in self.layers:
            layer.keys[slot].zero_()
            layer.values[slot].zero_()

    def _reaches(self, segments: Sequence[Segment]) -> Iterator[_Reach]:
        place = 0
        for segment in segments:
            queries = slice(place, place + segment.count)
            place += segment.count
            first_key = 0 if self._window is None else max(0, segment.start + 1 - self._window)
            is_windowed = self._window is not None and segment.end > self._window
            is_first = segment.start == 0 and not is_windowed
            mask_QK = None
            if segment.count > 1 and not is_first:
                mask_QK = self._sees(
                    torch.arange(segment.start, segment.end, device=self._device),
                    torch.arange(first_key, segment.end, device=self._device),
                )
            yield _Reach(segment.slot, queries, slice(first_key, segment.end), is_first, mask_QK)

    def _grid(self, segments: Sequence[Segment], slots_N: Tensor, queries_N: Tensor) -> _Grid:
        num_queries = max(segment.count for segment in segments)
        num_keys = max(segment.end for segment in segments)
        starts = [num_keys] * (1 + max(segment.slot for segment in segments))
        for segment in segments:
            starts[segment.slot] = segment.start
        steps_Q = torch.arange(num_queries, device=self._device)
        positions_SQ = torch.tensor(starts, device=self._device)[:, None] + steps_Q
        keys_K = torch.arange(num_keys, device=self._device)
        # Whatever a padded query sees is thrown away, but it must see something: nothing at all would be not a number.
        sees_SQK = self._sees(positions_SQ, keys_K) | (positions_SQ >= num_keys)[..., None]
        return _Grid(num_keys, num_queries, slots_N, queries_N, sees_SQK[:, None])

    def _sees(self, queries: Tensor, keys_K: Tensor) -> Tensor:
        back = queries[..., None] - keys_K
        return back >= 0 if self._window is None else (back >= 0) & (back < self._window)


class _Slots(CacheLayerMixin):  # type: ignore[misc]  # transformers is untyped here
    """One decoder layer's keys and values, `[S, J, C, D]`."""

    is_sliding = False

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.keys, self.values = keys, values
        self.is_initialized = True
        self.step: Step | None = None

    def lazy_initialization(self, *_: object) -> None:
        """Nothing to do: the memory is there from the start."""

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store the packed states of the announced step; return the whole memory, of which attention takes its part."""
        step = self.step
        assert step is not None, "forward pass that was not announced"
        self.keys[step.slots_N, :, step.places_N] = key_states[0].transpose(0, 1)
        self.values[step.slots_N, :, step.places_N] = value_states[0].transpose(0, 1)
        return self.keys, self.values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Unused: attention makes its own masks."""
        return query_length, 0

    def get_seq_length(self) -> int:
        """Unused: positions are given."""
        return 0

    def get_max_length(self) -> int:
        """Positions of a slot."""
        return int(self.keys.shape[2])


@contextmanager
def announced(memory: SlotMemory, step: Step, config: Any) -> Iterator[None]:
    """Make the language model's next pass the one that was planned."""
    usual = config._attn_implementation
    for layer in memory.layers:
        layer.step = step
    config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = usual


def _attend(
    _: object, query: Tensor, key: Tensor, value: Tensor, *__: object, slot_step: Step, scaling: float, **___: object
) -> tuple[Tensor, None]:
    """Attention of packed queries `[1, H, N, D]` to slot memory `[S, J, C, D]`, as transformers calls it."""
    if slot_step.grid is None:
        attended = _attend_one_by_one(query, key, value, slot_step.reaches, scaling)
    else:
        attended = _attend_as_grid(query, key, value, slot_step.grid, scaling)
    return attended, None


def _attend_one_by_one(
    query_1HND: Tensor, key: Tensor, value: Tensor, reaches: Sequence[_Reach], scaling: float
) -> Tensor:
    out_1NHD = query_1HND.new_empty(query_1HND.transpose(1, 2).shape)
    for reach in reaches:
        query_1HQD = query_1HND[:, :, reach.queries]
        key_1JKD = key[reach.slot : reach.slot + 1, :, reach.keys]
        value_1JKD = value[reach.slot : reach.slot + 1, :, reach.keys]
        if reach.is_first:
            attended = scaled_dot_product_attention(
                query_1HQD, key_1JKD, value_1JKD, is_causal=True, scale=scaling, enable_gqa=True
            )
        else:
            attended = _grouped(query_1HQD, key_1JKD, value_1JKD, reach.mask_QK, scaling)
        out_1NHD[:, reach.queries] = attended.transpose(1, 2)
    return out_1NHD


def _attend_as_grid(query_1HND: Tensor, key: Tensor, value: Tensor, grid: _Grid, scaling: float) -> Tensor:
    _, num_heads, _, width = query_1HND.shape
    num_slots = len(grid.mask_S1QK)
    query_SHQD = query_1HND.new_zeros(num_slots, num_heads, grid.num_queries, width)
    query_SHQD[grid.slots_N, :, grid.queries_N] = query_1HND[0].transpose(0, 1)
    key_SJKD, value_SJKD = key[:num_slots, :, : grid.num_keys], value[:num_slots, :, : grid.num_keys]
    attended = _grouped(query_SHQD, key_SJKD, value_SJKD, grid.mask_S1QK, scaling)
    return attended[grid.slots_N, :, grid.queries_N][None]


def _grouped(query_BHQD: Tensor, key_BJKD: Tensor, value_BJKD: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
    """Attention in which the heads that share a key head stand as further queries of it: no key is copied."""
    batch, num_heads, num_queries, width = query_BHQD.shape
    num_key_heads = key_BJKD.shape[1]
    group = num_heads // num_key_heads
    query = query_BHQD.reshape(batch, num_key_heads, group * num_queries, width)
    if mask is not None and group > 1:
        mask = mask.repeat(*[1] * (mask.dim() - 2), group, 1)
    attended = scaled_dot_product_attention(query, key_BJKD, value_BJKD, attn_mask=mask, scale=scaling)
    return attended.reshape(batch, num_heads, num_queries, width)


def token_bytes(config: Any, dtype: torch.dtype) -> int:
    """Bytes of key-value memory that one position takes."""
    return 2 * _depth(config) * _num_key_heads(config) * _head_width(config) * dtype.itemsize


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out: torch has a class for devices, and only a message for the CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def free_memory() -> None:
    """Give back what tensors no longer use."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _depth(config: Any) -> int:
    return int(config.num_hidden_layers)


def _num_key_heads(config: Any) -> int:
    return int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)


def _head_width(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


AttentionInterface.register(ATTENTION, _attend)
