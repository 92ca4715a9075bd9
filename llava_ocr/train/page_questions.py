"""One page with several questions about it, as tokens: what is asked, what the grammar forces, what is chosen.

The answer's tokens are those that the engine would take under the page's grammar; where it leaves a choice, the tokens
that it allows compete in the loss, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.constrain.decoder import Constraint, GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.pieces import Pieces, pieces_of
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import NO_GUESSES, ask_for_record
from llava_ocr.schema import leaves
from llava_ocr.train.questions import Question, converse


@dataclass(frozen=True, eq=False)
class Choice:
    """Token number `place` of a question was chosen among `allowed`; it is number `right` of these."""

    place: int
    allowed: NDArray[np.int32]
    right: int


@dataclass(frozen=True, eq=False)
class AskedTokens:
    """A question behind its page, and its answer: tokens, choices in the answer, and how many fields are asked for."""

    tokens: NDArray[np.int32]
    choices: tuple[Choice, ...]
    num_fields: int


@dataclass(frozen=True, eq=False)
class PageQuestions:
    """A page's tokens, which open every question's prompt, the questions, and the page at a glance if it is shown."""

    page: NDArray[np.int32]
    asked: tuple[AskedTokens, ...]
    overview_HWC: NDArray[np.uint8] | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens of the page and all questions."""
        return len(self.page) + sum(len(one.tokens) for one in self.asked)


class QuestionEncoder:
    """Turns questions about one page into tokens, as a model's engine would read and write them."""

    def __init__(self, model: LoadedModel) -> None:
        """Raises ConfigError as `PromptEncoder` does."""
        network, tokenizer = model.network, model.tokenizer
        self._prompts = PromptEncoder(model)
        self._pieces = pieces_of(tokenizer)
        self._backend: Any = tokenizer.backend_tokenizer
        num_tokens = network.config.text_config.vocab_size
        self._compiler = GrammarCompiler.for_tokenizer(tokenizer, num_tokens=num_tokens)

    def encode(
        self, questions: Sequence[Question], *, num_visual: int, overview_HWC: NDArray[np.uint8] | None = None
    ) -> PageQuestions | None:
        """Encode questions about one page; None where none of them can be answered under its grammar."""
        prompts: list[list[int]] = []
        answers: list[tuple[list[int], tuple[Choice, ...]]] = []
        kept: list[Question] = []
        for question in questions:
            answer = self._answer(question)
            if answer is not None:
                prompts.append(self._prompt(question, num_visual))
                answers.append(answer)
                kept.append(question)
        if not kept:
            return None
        shared = _num_shared(prompts)
        asked = [
            _asked(prompt[shared:], answer, choices, sum(1 for _ in leaves(question.root)))
            for question, prompt, (answer, choices) in zip(kept, prompts, answers, strict=True)
        ]
        return PageQuestions(np.array(prompts[0][:shared], np.int32), tuple(asked), overview_HWC)

    def _prompt(self, question: Question, num_visual: int) -> list[int]:
        prompt = ask_for_record(
            question.root,
            question.layout,
            page_index=question.page_index,
            num_pages=question.num_pages,
            guesses=question.guesses,
        )
        return self._prompts.expand(prompt, [num_visual])

    def _answer(self, question: Question) -> tuple[list[int], tuple[Choice, ...]] | None:
        answer = converse(replace(question, guesses=NO_GUESSES)).answer
        constraint = self._compiler.compile(build_grammar(question.root, question.layout))
        return follow(constraint, answer.encode(), self._pieces, self._spell)

    def _spell(self, text: bytes) -> int:
        ids: list[int] = self._backend.encode(text.decode("utf-8", "ignore"), add_special_tokens=False).ids
        return ids[0]


def follow(
    constraint: Constraint, answer: bytes, pieces: Pieces | Mapping[int, bytes], spell: Any
) -> tuple[list[int], tuple[Choice, ...]] | None:
    """Write an answer under its grammar as the engine would; None where the grammar does not let it through.

    `spell` gives the first token of what is left of the answer.
    """
    tokens: list[int] = []
    choices: list[Choice] = []
    done = 0
    while done < len(answer) and not constraint.is_done:
        forced = constraint.forced()
        if not forced:
            allowed = np.flatnonzero(constraint.mask()).astype(np.int32)
            token = _chosen(allowed, answer[done:], pieces, spell)
            if token is None:
                return None
            choices.append(Choice(len(tokens), allowed, int(np.searchsorted(allowed, token))))
            forced = [token]
        for token in forced:
            if not answer.startswith(pieces[token], done):
                return None
            constraint.accept(token)
            tokens.append(token)
            done += len(pieces[token])
    return (tokens, tuple(choices)) if done == len(answer) and constraint.is_done else None


def _chosen(allowed: NDArray[np.int32], rest: bytes, pieces: Pieces | Mapping[int, bytes], spell: Any) -> int | None:
    """The tokenizer's own next piece where it is allowed, else the longest that is."""
    own = int(spell(rest[:200]))
    place = int(np.searchsorted(allowed, own))
    if place < len(allowed) and allowed[place] == own:
        return own
    fitting = [int(token) for token in allowed if pieces[int(token)] and rest.startswith(pieces[int(token)])]
    return max(fitting, key=lambda token: len(pieces[token]), default=None)


def _asked(prompt: list[int], answer: list[int], choices: Sequence[Choice], num_fields: int) -> AskedTokens:
    moved = tuple(replace(choice, place=choice.place + len(prompt)) for choice in choices)
    return AskedTokens(np.array([*prompt, *answer], np.int32), moved, num_fields)


def _num_shared(prompts: Sequence[list[int]]) -> int:
    """How many tokens all prompts begin with; at least the last of each is its own."""
    shared = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0]
    for prompt in prompts[1:]:
        shared = next((i for i in range(shared) if prompt[i] != first[i]), shared)
    return shared
