"""Follows an answer through its grammar, token by token. The only door to llguidance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.hf import from_tokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from numpy.typing import NDArray

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.errors import BadGrammar

# Without the excerpts of grammar, which hold text of the page; and room for tables of 20,000 words.
_LIMITS = LLParserLimits(verbose_errors=False, initial_lexer_fuel=20_000_000, step_lexer_fuel=2_000_000)

# A tokenizer that normalizes (`▁` to a space, NFC) spells forced text otherwise, and llguidance then finds no way on.
_NO_FORCING = '%llguidance {"no_forcing": true}\n'
_CHANGEABLE = re.compile(r"[^\s\"]*[^\x00-\x7f][^\s\"]*")


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
        lark = grammar.lark if self._keeps(grammar.lark) else _NO_FORCING + grammar.lark
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0, limits=_LIMITS)
        if matcher.is_error():
            raise BadGrammar(_fault(matcher.get_error(), lark))
        return Constraint(matcher, num_tokens=self._num_tokens)

    def _keeps(self, text: str) -> bool:
        """Whether the tokenizer changes nothing in a text; what it leaves of plain letters needs no look."""
        words = " ".join(dict.fromkeys(_CHANGEABLE.findall(text)))
        return not words or bytes(self._tokenizer.decode_bytes(self._tokenizer.tokenize_str(words))) == words.encode()


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
            raise BadGrammar(f"token {token} is not allowed here ({self._matcher.stop_reason()})")

    def rollback(self, num_tokens: int) -> None:
        """Take the last tokens back."""
        if not self._matcher.rollback(num_tokens):
            raise BadGrammar(f"{num_tokens} tokens can't be taken back ({self._matcher.stop_reason()})")

    def num_valid(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, from the first, the grammar would accept; nothing is moved."""
        return int(self._matcher.validate_tokens(list(tokens)))

    def copy(self) -> Constraint:
        """A second constraint at the same point."""
        return Constraint(self._matcher.deep_copy(), num_tokens=self._num_tokens)

    def _check(self) -> None:
        # Its own message quotes the answer, which is text of the page.
        if self._matcher.is_error():
            raise BadGrammar(f"the grammar can't be followed further ({self._matcher.stop_reason()})")


def _fault(error: str, lark: str) -> str:
    """The compiler's own words, without the grammar it quotes, and the rule they are about."""
    said = error.split("\n")[0][:200]
    place = re.match(r"at (\d+)\(", said)
    if place is None:
        return said
    rule = lark.split("\n")[int(place[1]) - 1].split(":")[0]
    return f"rule {rule}: {said}"
