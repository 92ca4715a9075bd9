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
from llava_ocr.errors import BadGrammar, ExtractionError


class Constraint(Protocol):
    """A grammar at one point of an answer."""

    def forced(self) -> list[int]:
        """The tokens that must come next, in the tokenizer's own pieces; none where there is a choice."""
        ...

    def mask(self) -> NDArray[np.bool_]:
        """Which tokens may come next, by id."""
        ...

    def num_valid(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, from the first, may come next; much cheaper than a mask."""
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

    `num_read` tokens of prompt and answer are in the key-value memory. `draft` is a guess at what follows the answer,
    read along with what is unread and kept as far as the network says the same. `prompt_positions` says where
    each token of the prompt stood before blank paper was left out, None where nothing was; `num_whole_prompt` how long
    the prompt was then.
    """

    prompt_ids: list[int]
    visual_LD: Tensor
    max_new_tokens: int
    end_ids: Collection[int]
    constraint: Constraint | None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    num_read: int = 0
    draft: list[int] = field(default_factory=list)
    num_before: int = 0
    stop_reason: StopReason | None = None
    error: ExtractionError | None = None
    num_masks: int = 0
    prompt_positions: Sequence[int] | None = None
    num_whole_prompt: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is to be decoded."""
        return self.stop_reason is not None or self.error is not None

    @property
    def unread(self) -> list[int]:
        """Tokens that the network has not seen yet, and the draft."""
        place = self.num_read - len(self.prompt_ids)
        if place >= 0:
            return self.tokens[place:] + self.draft
        return self.prompt_ids[self.num_read :] + self.tokens + self.draft

    def positions(self, start: int, count: int) -> list[int]:
        """The positions of `count` tokens of prompt, answer and draft from index `start` on."""
        if self.prompt_positions is None:
            return list(range(start, start + count))
        ahead = self.num_whole_prompt - len(self.prompt_ids)
        inside = list(self.prompt_positions[start : start + count])
        return inside + [ahead + index for index in range(start + len(inside), start + count)]

    def begin(self) -> None:
        """Take the tokens that the grammar forces before the first choice; they go with the prompt."""
        try:
            self._take_forced()
        except ExtractionError as error:
            self.fail(error)

    def fail(self, error: ExtractionError) -> None:
        """End the row without an answer."""
        self.error = error

    def guess(self, draft: Sequence[int]) -> None:
        """Have a draft read along; of one that breaks the grammar or the limit, the part before that."""
        room = max(0, self.max_new_tokens - len(self.tokens) - 1)
        kept = list(draft[:room])
        if self.constraint is not None and kept:
            kept = kept[: self.constraint.num_valid(kept)]
        ends = [place for place, token in enumerate(kept) if token in self.end_ids]
        self.draft = kept[: ends[0]] if ends else kept

    def note_read(self) -> None:
        """All that was unread, the draft with it, has gone through the network."""
        self.num_before = len(self.tokens)
        self.num_read = len(self.prompt_ids) + len(self.tokens)

    def next_place(self) -> int | None:
        """Which of the places after the last answer token and after each draft token has the next choice; None where
        the network has not seen what the answer has become."""
        new = self.tokens[self.num_before :]
        if self.is_finished or len(new) > len(self.draft) or new != self.draft[: len(new)]:
            return None
        return len(new)

    def settle(self) -> int:
        """Keep what the draft and the answer have in common, drop the rest; return how many draft tokens that is."""
        new = self.tokens[self.num_before :]
        same = 0
        while same < min(len(new), len(self.draft)) and new[same] == self.draft[same]:
            same += 1
        self.num_read += same
        self.draft = []
        return same

    def forget(self) -> None:
        """The key-value memory is gone: everything is to be read again."""
        self.num_read, self.draft = 0, []

    def choose(self, token: int, logprob: float) -> None:
        """Take the token that the network chose, and those that the grammar forces after it."""
        if token in self.end_ids:
            self.stop_reason = StopReason.END
            return
        self._add(token, logprob, is_forced=False)
        try:
            if self.constraint is not None:
                self.constraint.accept(token)
            self._take_forced()
        except ExtractionError as error:
            self.fail(error)

    def allows(self, token: int) -> bool:
        """Whether `token` may come next."""
        return self.constraint is None or self.constraint.num_valid([token]) == 1

    def allowed(self) -> NDArray[np.bool_] | None:
        """Which tokens may come next, None where all may. A grammar that has gone astray ends the row instead."""
        if self.constraint is None:
            return None
        self.num_masks += 1
        try:
            mask = self.constraint.mask()
        except ExtractionError as error:
            self.fail(error)
            return None
        if not mask.any():
            self.fail(BadGrammar(f"the grammar allows no token after {len(self.tokens)}"))
            return None
        return mask

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
