"""What a conversation keeps of a device between two turns: keys and values of its prompt, and its pages as seen.

A turn's prompt begins as the one before it did, so only what was said since is read. Keys and values depend on nothing
that follows them: the tokens are those of a fresh reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from llava_ocr.engines.decode import Decoder
from llava_ocr.engines.memory import SlotMemory
from llava_ocr.engines.prefix import Prefixes
from llava_ocr.tiles.tiled import TiledRaster

# Memory grows by so many tokens at once, so that not every turn copies it.
_STEP_TOKENS = 512


@dataclass(eq=False)
class Held:
    """One slot's memory that outlives the call. Of one conversation at a time."""

    memory: SlotMemory | None = None
    slot_tokens: int = 0
    prefixes: Prefixes = field(default_factory=Prefixes)
    _rasters: tuple[TiledRaster, ...] = ()
    _visual_LD: Tensor | None = None

    def make_room(self, num_tokens: int, decoder: Decoder) -> None:
        """Have room for so many tokens, keeping what is there. Raises torch's out-of-memory errors."""
        if num_tokens <= self.slot_tokens:
            return
        grown = -(-num_tokens // _STEP_TOKENS) * _STEP_TOKENS
        if self.memory is not None:
            larger = decoder.reserve(num_slots=1, slot_tokens=grown)
            larger.take_over(self.memory, self.slot_tokens)
            self.memory = larger
        self.slot_tokens = grown

    def keep_seen(self, rasters: tuple[TiledRaster, ...], visual_LD: Tensor) -> None:
        """Keep what the vision tower made of the pages."""
        self._rasters, self._visual_LD = rasters, visual_LD

    def seen(self, rasters: tuple[TiledRaster, ...]) -> Tensor | None:
        """What the vision tower made of these very pages; None where it was shown others last."""
        are_same = len(rasters) == len(self._rasters) and all(
            one is other for one, other in zip(rasters, self._rasters, strict=True)
        )
        return self._visual_LD if are_same else None

    def drop(self) -> None:
        """Give everything back."""
        self.memory, self.slot_tokens, self._rasters, self._visual_LD = None, 0, (), None
        self.prefixes.clear()
