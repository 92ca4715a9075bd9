"""The bytes that each token stands for, so that an answer's text is exactly what the grammar let through."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llava_ocr.errors import ConfigError

_BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
_SENTENCEPIECE_SPACE = "▁"


@dataclass(frozen=True, eq=False)
class Pieces:
    """Bytes by token id; special tokens have none. `drops_first_space`: free text begins with a space to leave off."""

    bytes_by_id: Sequence[bytes]
    drops_first_space: bool

    def __getitem__(self, token: int) -> bytes:
        """The bytes of one token; of one beyond the vocabulary (weights are padded), none."""
        return self.bytes_by_id[token] if token < len(self.bytes_by_id) else b""


def pieces_of(tokenizer: Any) -> Pieces:
    """Read a tokenizer's pieces: byte-level BPE, or SentencePiece with byte fallback. Raises ConfigError."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError("the model's tokenizer has no tokenizer.json; save it once as a fast tokenizer")
    is_byte_level = "ByteLevel" in _decoder_types(json.loads(backend.to_str())["decoder"])
    added = tokenizer.added_tokens_decoder
    special = set(tokenizer.all_special_ids) | {index for index, token in added.items() if token.special}

    def bytes_of(index: int, piece: str) -> bytes:
        if index in special:
            return b""
        if index in added:
            return piece.encode()
        return _byte_level(piece) if is_byte_level else _sentencepiece(piece)

    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return Pieces([bytes_of(index, piece or "") for index, piece in enumerate(pieces)], not is_byte_level)


def _decoder_types(decoder: dict[str, Any] | None) -> set[str]:
    if decoder is None:
        return set()
    return {str(decoder["type"])}.union(*(_decoder_types(part) for part in decoder.get("decoders", [])))


def _sentencepiece(piece: str) -> bytes:
    if found := _BYTE_PIECE.fullmatch(piece):
        return bytes([int(found[1], 16)])
    return piece.replace(_SENTENCEPIECE_SPACE, " ").encode()


def _byte_level(piece: str) -> bytes:
    return b"".join(_BYTE_OF[char] if char in _BYTE_OF else char.encode() for char in piece)


def _byte_alphabet() -> dict[str, bytes]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others follow from 256 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): bytes([byte]) for byte in printable}
    return letters | {chr(256 + number): bytes([byte]) for number, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()
