"""A server's answers before they are believed: held to the grammar, or taken out of their wrapping."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from llava_ocr.constrain.decoder import obeys
from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Completion, StopReason, TokenTrace
from llava_ocr.errors import GrammarIgnored

_FENCED = re.compile(r"```(?:json|JSON)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_DECODER = json.JSONDecoder()
_SPACES = " \t\n\r"


def held(completion: Completion, grammar: Grammar) -> Completion:
    """The completion, if its text is one that the grammar allows; spaces around it are the tokenizer's.

    Raises GrammarIgnored: what a server gave that was told the page's words and says others must not pass for held.
    """
    answer = clipped(completion, *_bounds(completion.text))
    if not obeys(answer.text, grammar, is_cut=answer.stop_reason is StopReason.LENGTH):
        raise GrammarIgnored(f"request {completion.request_id}: the server took the grammar and answered against it")
    return answer


def unwrapped(completion: Completion) -> Completion:
    """The one JSON object in an answer that has prose or a fence around it; an answer without such is left as it is."""
    text = completion.text
    start, end = _bounds(text)
    if text[start : start + 1] == "{" and text[end - 1 : end] == "}":
        return completion
    found = _fenced(text) or (_cut(text) if completion.stop_reason is StopReason.LENGTH else _lone_object(text))
    return completion if found is None else clipped(completion, *found)


def clipped(completion: Completion, start: int, end: int) -> Completion:
    """The completion with `text[start:end]` alone, and the trace of it; all tokens are counted still."""
    if (start, end) == (0, len(completion.text)):
        return completion
    trace = completion.trace
    begins = (0, *trace.ends[:-1]) if trace.ends else ()
    kept = [index for index, begin in enumerate(begins) if max(begin, start) < min(trace.ends[index], end)]
    return replace(
        completion,
        text=completion.text[start:end],
        trace=TokenTrace(
            tuple(min(trace.ends[index], end) - start for index in kept),
            tuple(trace.logprobs[index] for index in kept),
            tuple(trace.forced[index] for index in kept),
        ),
    )


def _bounds(text: str) -> tuple[int, int]:
    """Where a text begins and ends without the white space around it, as JSON knows it."""
    start = len(text) - len(text.lstrip(_SPACES))
    return start, max(start, len(text.rstrip(_SPACES)))


def _fenced(text: str) -> tuple[int, int] | None:
    """The inside of the only code fence, if that is an object."""
    fences = list(_FENCED.finditer(text))
    return fences[0].span(1) if len(fences) == 1 and fences[0][1].lstrip().startswith("{") else None


def _lone_object(text: str) -> tuple[int, int] | None:
    """The only object in a text; of several nobody can say which is the answer."""
    start = text.find("{")
    try:
        _, end = _DECODER.raw_decode(text, start) if start >= 0 else (None, -1)
    except (ValueError, RecursionError):
        return None
    return (start, end) if start >= 0 and "{" not in text[end:] else None


def _cut(text: str) -> tuple[int, int] | None:
    """From the first brace on: the end was never said."""
    start = text.find("{")
    return (start, len(text)) if start >= 0 else None
