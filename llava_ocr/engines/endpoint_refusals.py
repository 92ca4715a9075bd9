"""What a server's reply means when it is no answer. A reply's text can quote the prompt, so none is ever repeated."""

from __future__ import annotations

import json
import re
from typing import Any

from llava_ocr.engines.server import Reply
from llava_ocr.errors import (
    BadGrammar,
    BadReply,
    EngineDenied,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    GrammarIgnored,
    ModelNotFound,
    PromptTooLong,
)

# How servers word it in the body of a 400: vLLM and Ollama, llama.cpp and LM Studio, OpenAI.
_TOO_LONG = (b"context length", b"context size", b"context_length_exceeded", b"maximum model length")
# How they word a model that they don't have where they don't say 404: LM Studio, LiteLLM.
_NO_MODEL = (b"model_not_found", b"invalid model", b"model not found", b"no models loaded")
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,40}")


def is_busy(reply: Reply) -> bool:
    """Whether the server refuses only for now."""
    return reply.status in (429, 503)


def is_about(reply: Reply, word: bytes) -> bool:
    """Whether the server refuses the request's form, and the reason holds a word."""
    return reply.status in (400, 422) and word in reply.body.lower()


def is_other_model(said: str, asked: str) -> bool:
    """Whether a server names another model than was asked for. Publishers, variants and instances may differ."""

    def plain(name: str) -> str:
        return name.lower().rsplit("/", 1)[-1].split("@")[0].split(":")[0].removesuffix(".gguf")

    return plain(said) != plain(asked)


def refuse(reply: Reply, asking: str, *, was_given_grammar: bool = False) -> None:
    """Raise for a status that is no answer."""
    status = reply.status
    if status in (401, 403):
        raise EngineDenied(f"{asking}: the server refuses the key")
    if status == 404 or any(is_about(reply, words) for words in _NO_MODEL):
        raise ModelNotFound(f"{asking}: the server does not know this model or path")
    if status == 413 or any(is_about(reply, words) for words in _TOO_LONG):
        raise PromptTooLong(f"{asking}: the server says that the prompt is too long")
    # llama.cpp makes a grammar of a schema, and says so.
    if is_about(reply, b"grammar") or is_about(reply, b"schema"):
        if was_given_grammar:
            raise GrammarIgnored(f"{asking}: the server refuses the grammar")
        raise BadGrammar(f"{asking}: the server can't hold answers to this JSON schema")
    if is_busy(reply):
        told = "" if reply.wait_s is None else f" and asks for {reply.wait_s:,.0f} s of rest"
        raise EngineUnavailable(f"{asking}: the server stays busy{told}")
    if status == 502:
        raise EngineUnavailable(f"{asking}: the gateway does not reach the server")
    if status in (408, 504):
        raise EngineTimeout(f"{asking}: the server or its gateway timed out")
    if status != 200:
        raise EngineError(f"{asking}: the server answered {status}")


def json_of(reply: Reply, asking: str) -> dict[str, Any]:
    """The object that a reply holds. Raises BadReply, which says what it is instead."""
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        kind = reply.media_type if _MEDIA_TYPE.fullmatch(reply.media_type) else "no media type"
        raise BadReply(f"{asking} sent no JSON ({kind}, {len(reply.body):,} bytes)") from None
    if not isinstance(answer, dict):
        raise BadReply(f"{asking} sent JSON of another form")
    return answer
