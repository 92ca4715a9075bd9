"""Follows an answer through its grammar, token by token. The only door to llguidance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from numpy.typing import NDArray

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.errors import BadGrammar


class GrammarCompiler:
    """Compiles grammars for one tokenizer; making it takes most of a second, compiling a few milliseconds.

    `num_tokens` is the width of the masks, the model's own vocabulary where it is padded beyond the tokenizer's.
    """

    def __init__(self, tokenizer: LLTokenizer, *, num_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._num_tokens = num_tokens

    @classmethod
    def for_tokenizer(cls, tokenizer: Any, *, num_tokens: int | None = None) -> GrammarCompiler:
        """Make one for a fast tokenizer of transformers."""
        width = len(tokenizer) if num_tokens is None else num_tokens
        return cls(from_tokenizer(tokenizer, n_vocab=width), num_tokens=width)

    def compile(self, grammar: Grammar) -> Constraint:
        """Stand at the beginning of an answer. Raises BadGrammar with the rule that can't be compiled."""
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(grammar.lark))
        if matcher.is_error():
            raise BadGrammar(_named(matcher.get_error()))
        return Constraint(matcher, num_tokens=self._num_tokens)


class Constraint:
    """A grammar at one point of an answer."""

    def __init__(self, matcher: LLMatcher, *, num_tokens: int) -> None:
        self._matcher = matcher
        self._num_tokens = num_tokens
        self._bitmask = allocate_token_bitmask(1, num_tokens)

    @property
    def is_done(self) -> bool:
        """Whether the answer is complete: nothing may follow but the end."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """The tokens that must come next, in the tokenizer's own pieces; none where there is a choice."""
        if self._matcher.is_stopped():
            return []
        return list(self._matcher.compute_ff_tokens())

    def allows(self, token: int) -> bool:
        """Whether `token` may come next; much cheaper than a mask."""
        return self.num_valid([token]) == 1

    def mask(self) -> NDArray[np.bool_]:
        """Which tokens may come next, by id."""
        fill_next_token_bitmask(self._matcher, self._bitmask)
        self._check()
        bits = np.unpackbits(self._bitmask.view(np.uint8), bitorder="little")
        return bits[: self._num_tokens].astype(np.bool_)

    def accept(self, token: int) -> None:
        """Move past `token`. Raises BadGrammar where it is not allowed."""
        if not self._matcher.consume_token(token):
            self._check()
            raise BadGrammar(f"token {token} is not allowed here")

    def rollback(self, num_tokens: int) -> None:
        """Take the last tokens back."""
        self._matcher.rollback(num_tokens)

    def num_valid(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, from the first, the grammar would accept; nothing is moved."""
        return int(self._matcher.validate_tokens(list(tokens)))

    def copy(self) -> Constraint:
        """A second constraint at the same point."""
        return Constraint(self._matcher.deep_copy(), num_tokens=self._num_tokens)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise BadGrammar(_named(self._matcher.get_error()))


def _named(error: str) -> str:
    """The compiler's own words, without the grammar it quotes: that holds text of the page."""
    return error.split("\n")[0].split("<<")[0][:200]
