"""One request on its way through the decoder: what it was asked, what it has answered, and when it ends."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from llava_ocr.engines.base import StopReason, TokenTrace
from llava_ocr.engines.pieces import Pieces
from llava_ocr.errors import ExtractionError


class Constraint(Protocol):
    """A grammar at one point of an answer."""

    def forced(self) -> list[int]:
        """The tokens that must come next, in the tokenizer's own pieces; none where there is a choice."""
        ...

    def mask(self) -> NDArray[np.bool_]:
        """Which tokens may come next, by id."""
        ...

    def accept(self, token: int) -> None:
        """Move past `token`."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether the answer is complete."""
        ...


@dataclass(eq=False)
class Row:
    """A prompt (its image places expanded), the visual tokens for those places, and the answer so far.

    `pending` are the tokens that the network has not seen yet.
    """

    prompt_ids: list[int]
    visual_LD: Tensor
    max_new_tokens: int
    end_ids: Collection[int]
    constraint: Constraint | None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    stop_reason: StopReason | None = None
    error: ExtractionError | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is to be decoded."""
        return self.stop_reason is not None or self.error is not None

    def begin(self) -> None:
        """Take the tokens that the grammar forces before the first choice; they go with the prompt."""
        self._take_forced()

    def fail(self, error: ExtractionError) -> None:
        """End the row without an answer."""
        self.error = error

    def choose(self, token: int, logprob: float) -> None:
        """Take the token that the network chose, and those that the grammar forces after it."""
        if token in self.end_ids:
            self.stop_reason = StopReason.END
            return
        self.pending = []
        self._add(token, logprob, is_forced=False)
        if self.constraint is not None:
            self.constraint.accept(token)
        self._take_forced()

    def _take_forced(self) -> None:
        if self.constraint is None:
            self._end_if_full()
            return
        for token in self.constraint.forced():
            if len(self.tokens) == self.max_new_tokens or token in self.end_ids:
                break
            self._add(token, 0.0, is_forced=True)
            self.constraint.accept(token)
        if self.constraint.is_done:
            self.stop_reason = StopReason.END
        else:
            self._end_if_full()

    def _end_if_full(self) -> None:
        if len(self.tokens) >= self.max_new_tokens:
            self.stop_reason = StopReason.LENGTH

    def _add(self, token: int, logprob: float, *, is_forced: bool) -> None:
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.forced.append(is_forced)
        self.pending.append(token)

    def read_out(self, pieces: Pieces) -> tuple[str, TokenTrace]:
        """Return the answer's text and where each token ends in it.

        A character of several bytes ends with its last token; bytes that make no character become U+FFFD.
        """
        text, ends = _decoded([pieces[token] for token in self.tokens])
        if self.constraint is None and pieces.drops_first_space and text.startswith(" "):
            text, ends = text[1:], [max(0, end - 1) for end in ends]
        return text, TokenTrace(tuple(ends), tuple(self.logprobs), tuple(self.forced))


def _decoded(parts: Sequence[bytes]) -> tuple[str, list[int]]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, ends = "", []
    for number, part in enumerate(parts):
        text += decoder.decode(part, final=number == len(parts) - 1)
        ends.append(len(text))
    return text, ends
