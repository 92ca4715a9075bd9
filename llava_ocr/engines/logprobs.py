"""What servers tell of an answer's tokens, as a token trace. Pure."""

from __future__ import annotations

import codecs
import math
from typing import Any

from llava_ocr.engines.base import TokenTrace


def trace(tokens: object, text: str) -> TokenTrace:
    """The tokens of an answer, if the server tells them and they make up its text; else an empty trace.

    Servers name more than the text: a stop token after it (vLLM), a space before it (SentencePiece). A character that
    is several tokens ends with the last of them.
    """
    pieces = _pieces(tokens)
    said, wanted = b"".join(piece for piece, _ in pieces), text.encode()
    skipped = 0 if said.startswith(wanted) else len(said) - len(said.lstrip(b" \n"))
    if not said.startswith(wanted, skipped):
        return TokenTrace()
    decoder = codecs.getincrementaldecoder("utf-8")()
    ends: list[int] = []
    at, end = -skipped, 0
    for piece, _ in pieces:
        if at >= len(wanted):
            break
        end += len(decoder.decode(wanted[max(at, 0) : max(at + len(piece), 0)]))
        at += len(piece)
        ends.append(end)
    return TokenTrace(tuple(ends), tuple(chance for _, chance in pieces[: len(ends)]), (False,) * len(ends))


def _pieces(tokens: object) -> list[tuple[bytes, float]]:
    """Bytes and log-probability of each token; none at all where one of them can't be read."""
    pieces: list[tuple[bytes, float]] = []
    for token in tokens if isinstance(tokens, list) else []:
        chance = token.get("logprob") if isinstance(token, dict) else None
        if not isinstance(chance, int | float) or math.isnan(chance):
            return []
        pieces.append((_bytes(token), float(chance)))
    return pieces


def _bytes(token: dict[str, Any]) -> bytes:
    """A token's bytes where the server tells them, for a token may be half a character; else its text's."""
    told = token.get("bytes")
    if isinstance(told, list) and told and all(isinstance(byte, int) and 0 <= byte < 256 for byte in told):
        return bytes(told)
    return str(token.get("token") or "").encode("utf-8", "replace")
