"""Conversations as tokens: what is asked counts nothing in the loss, what is answered does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llava_ocr.engines.base import Request
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.models.chat import CHATML, MISTRAL, PLAIN, VICUNA, defuse
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import Prompt
from llava_ocr.tiles.tiled import TiledRaster

# What stands around the user's second and later turns.
_LATER_TURNS = {
    MISTRAL.name: "[INST] {user} [/INST]",
    VICUNA.name: "USER: {user} ASSISTANT:",
    CHATML.name: "<|im_start|>user\n{user}<|im_end|><|im_start|>assistant\n",
    PLAIN.name: "{user}\n",
}


@dataclass(frozen=True, eq=False)
class TiledExample:
    """Tokens with a place for every visual token, how much each counts as an answer (0 for what was asked), pages."""

    tokens: NDArray[np.int32]
    weights: NDArray[np.float32]
    rasters: tuple[TiledRaster, ...]


@dataclass(frozen=True)
class Turn:
    """One question and its answer. `weight_of` says how much the answer's character counts; without it all count 1.

    `is_exact` says that the answer begins with its first character, as under a grammar, and not with a space.
    """

    user: str
    answer: str
    weight_of: Callable[[int], float] | None = None
    is_exact: bool = False


class TurnEncoder:
    """Writes conversations as a model's engine would read them: each answer follows its prompt token by token."""

    def __init__(self, model: LoadedModel) -> None:
        """Raises ConfigError as `PromptEncoder` does."""
        self._tokenizer, self._chat = model.tokenizer, model.chat
        self._first = PromptEncoder(model)
        self._marks = [*model.tokenizer.all_special_tokens, *model.chat.markers]
        self._end = _end_id(model)

    def encode(self, turns: Sequence[Turn], rasters: tuple[TiledRaster, ...]) -> TiledExample:
        """Tokenize a conversation whose first turn holds the image marks. Raises EngineError for too few of them."""
        tokens: list[int] = []
        weights: list[float] = []
        for number, turn in enumerate(turns):
            asked = self._later(turn.user) if number else self._first.encode(_request(turn.user, rasters))
            answered, counted = self._answer(turn)
            tokens += [*asked, *answered, self._end]
            weights += [*[0.0] * len(asked), *counted, 1.0]
        return TiledExample(np.array(tokens, np.int32), np.array(weights, np.float32), rasters)

    def _later(self, user: str) -> list[int]:
        text = _LATER_TURNS[self._chat.name].replace("{user}", defuse(user, self._marks, num_images=0))
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _answer(self, turn: Turn) -> tuple[list[int], list[float]]:
        # SentencePiece puts a space before a text; behind a line's end it does not.
        before = "\n" if turn.is_exact else ""
        text = before + defuse(turn.answer, self._marks, num_images=0)
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        first = next(number for number, (_, end) in enumerate(offsets) if end > len(before))
        weigh = turn.weight_of or _all_count
        counted = [weigh(max(start - len(before), 0)) for start, _ in offsets[first:]]
        return ids[first:], counted


def _all_count(_char: int) -> float:
    return 1.0


def _request(user: str, rasters: tuple[TiledRaster, ...]) -> Request:
    return Request("example", Prompt(user), rasters, None, 0)


def _end_id(model: LoadedModel) -> int:
    """The token that the engine ends an answer at."""
    stated = model.network.generation_config.eos_token_id
    chosen = stated[0] if isinstance(stated, list) else stated
    return int(model.tokenizer.eos_token_id if chosen is None else chosen)
