"""A grammar without its forced tokens: what constrained decoding is where every token is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from llava_ocr.engines.row import Constraint


class Unforced:
    """A grammar that lets every token be chosen, the only one possible, too."""

    def __init__(self, held: Constraint) -> None:
        self._held = held
        self.mask, self.accept = held.mask, held.accept

    def forced(self) -> list[int]:
        """Nothing is taken without being asked for."""
        return []

    def num_valid(self, tokens: Sequence[int]) -> int:
        """As the mask says, which holds to the forced spelling where `held` itself would let others through."""
        mask = self._held.mask()
        assert len(tokens) == 1, "nothing is drafted here"
        return int(tokens[0] < len(mask) and mask[tokens[0]])

    @property
    def is_done(self) -> bool:
        """Whether the answer is complete."""
        return self._held.is_done
