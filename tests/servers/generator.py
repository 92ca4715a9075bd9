"""A model without a brain that writes under a real constraint: byte by byte, what it wishes to where it may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

TOKENIZER = LLTokenizer("byte")
# What a JSON writer likes to say next when its own words are forbidden.
_LIKED = b'"}]:,{[n0123456789abcdefghijklmnopqrstuvwxyz .-'


def freely(wish: str) -> Iterator[str]:
    """Say what one wishes, letter by letter."""
    yield from wish


def of_schema(schema: dict[str, Any], wish: str) -> Iterator[str]:
    """Say an answer of a JSON schema, in compact form."""
    compact = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults={"whitespace_flexible": False})
    yield from _constrained(compact, wish)


def of_lark(lark: str, wish: str) -> Iterator[str]:
    """Say an answer that a Lark grammar allows."""
    yield from _constrained(LLMatcher.grammar_from_lark(lark), wish)


def _constrained(grammar: str, wish: str) -> Iterator[str]:
    matcher = LLMatcher(TOKENIZER, grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    bitmask = allocate_token_bitmask(1, TOKENIZER.vocab_size)
    left = wish.encode()
    half = b""
    while not matcher.is_stopped():
        fill_next_token_bitmask(matcher, bitmask)
        allowed = np.unpackbits(bitmask.view(np.uint8), bitorder="little")[:256].nonzero()[0].tolist()
        if left[:1] and left[0] in allowed:
            byte, left = left[0], left[1:]
        else:
            byte = next((byte for byte in _LIKED if byte in allowed), allowed[0] if allowed else None)
        if byte is None or not matcher.consume_token(byte):
            return
        half += bytes([byte])
        try:
            yield half.decode()
            half = b""
        except UnicodeDecodeError:
            continue
