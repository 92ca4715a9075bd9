"""Which slot holds the beginning of a prompt already: questions on one page have its image, and often words, in common.

Keys and values of a position depend on nothing after it, so a prefix is copied, not read again. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from llava_ocr.engines.row import Row
from llava_ocr.tiles.tiled import TiledRaster

# Shorter prefixes (every prompt begins with the same few words) are read faster than they are looked after.
_WORTH_SHARING = 32


@dataclass(frozen=True, eq=False)
class _Held:
    """What a slot's memory begins with: prompt tokens, and the pages that stand at their image places."""

    prompt_ids: Sequence[int]
    rasters: tuple[TiledRaster, ...]


@dataclass
class Prefixes:
    """The prompts that slots hold. Only rows about the very same page objects are compared."""

    _held: dict[int, _Held] = field(default_factory=dict)
    _expected: dict[int, _Held] = field(default_factory=dict)

    def expect(self, slot: int, row: Row, rasters: tuple[TiledRaster, ...]) -> None:
        """Slot will hold the prompt once the next pass is through; what it held is gone from now on."""
        self._held.pop(slot, None)
        self._expected[slot] = _Held(row.prompt_ids, rasters)

    def read(self) -> None:
        """The pass is through: what was expected is there."""
        self._held |= self._expected
        self._expected.clear()

    def drop(self, slot: int) -> None:
        """What the slot holds is of no use."""
        self._held.pop(slot, None)
        self._expected.pop(slot, None)

    def clear(self) -> None:
        """The memory is gone."""
        self._held.clear()
        self._expected.clear()

    def is_expected(self, row: Row, rasters: tuple[TiledRaster, ...]) -> bool:
        """Whether the next pass will bring a longer prefix of this row than there is now."""
        return _longest(self._expected, row, rasters)[1] > _longest(self._held, row, rasters)[1]

    def longest(self, row: Row, rasters: tuple[TiledRaster, ...]) -> tuple[int | None, int]:
        """The slot that holds most of the row's prompt, and how many of its tokens; `(None, 0)` where none is worth it.

        The last token is never shared: something must be read for the next to be chosen.
        """
        return _longest(self._held, row, rasters)


def _longest(held: dict[int, _Held], row: Row, rasters: tuple[TiledRaster, ...]) -> tuple[int | None, int]:
    best: tuple[int | None, int] = (None, 0)
    if not rasters:
        return best
    for slot, one in held.items():
        if len(one.rasters) == len(rasters) and all(a is b for a, b in zip(one.rasters, rasters, strict=True)):
            num_same = min(_num_same(one.prompt_ids, row.prompt_ids), len(row.prompt_ids) - 1)
            if num_same >= max(_WORTH_SHARING, best[1] + 1):
                best = (slot, num_same)
    return best


def _num_same(one: Sequence[int], other: Sequence[int]) -> int:
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
