"""Follows an answer through its grammar, token by token. The only door to llguidance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
# For texts that no model wrote here: each byte is a token.
_BYTES = LLTokenizer("byte")
_CHANGEABLE = re.compile(r"[^\s\"]*[^\x00-\x7f][^\s\"]*")
# Where the compiler says that something is wrong (line and column), and a terminal's rule.
_PLACE = re.compile(r"at (\d+)\(")
_TERMINAL = re.compile(r"[A-Z]\w*:")


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
        matcher = self._matcher(lark)
        if matcher.is_error():
            raise BadGrammar(self._fault(matcher.get_error(), lark, grammar.fields))
        return Constraint(matcher, num_tokens=self._num_tokens)

    def _matcher(self, lark: str) -> LLMatcher:
        return LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0, limits=_LIMITS)

    def _fault(self, error: str, lark: str, fields: Mapping[str, str]) -> str:
        """The compiler's own words, without the grammar it quotes, and the rule and field they are about."""
        said = error.split("\n")[0][:200]
        line = self._line_at_fault(said, lark)
        if not line:
            return said
        rule = line.split(":")[0]
        field = fields.get(rule, "")
        return f"field {field}, rule {rule}: {said}" if field else f"rule {rule}: {said}"

    def _line_at_fault(self, said: str, lark: str) -> str:
        """The rule that the compiler's message points at; where it points nowhere, the terminal that fails alone."""
        lines = lark.split("\n")
        if place := _PLACE.match(said):
            return lines[int(place[1]) - 1]
        alone = (line for line in lines if _TERMINAL.match(line))
        return next((line for line in alone if self._matcher(f"start: {line.split(':')[0]}\n{line}").is_error()), "")

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
        num_valid = int(self._matcher.validate_tokens(list(tokens)))
        # One that has gone astray would let the end token through; `mask` then says what is wrong.
        return 0 if self._matcher.is_error() else num_valid

    def may_end(self, tokens: Sequence[int]) -> bool:
        """Whether the answer may be over after these tokens; they are accepted."""
        return bool(self._matcher.consume_tokens(list(tokens)) and self._matcher.is_accepting())

    def copy(self) -> Constraint:
        """A second constraint at the same point."""
        return Constraint(self._matcher.deep_copy(), num_tokens=self._num_tokens)

    def _check(self) -> None:
        # Its own message quotes the answer, which is text of the page.
        if self._matcher.is_error():
            raise BadGrammar(f"the grammar can't be followed further ({self._matcher.stop_reason()})")


def obeys(text: str, grammar: Grammar, *, is_cut: bool) -> bool:
    """Whether a grammar allows a text, or one that begins so where it was cut. Needs no model's tokenizer.

    Raises BadGrammar.
    """
    constraint = GrammarCompiler(_BYTES, num_tokens=_BYTES.vocab_size).compile(grammar)
    tokens = list(text.encode())
    return constraint.num_valid(tokens) == len(tokens) and (is_cut or constraint.may_end(tokens))
