"""A provisional confidence for each field, from 0 to 1. Pure.

It multiplies how sure the model was where it had a choice, how well the value is grounded, and how sure the reader of
the words was. It orders fields sensibly; it is not calibrated against reviewed records yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from llava_ocr.engines.base import TokenTrace

# Without a trace nothing is known of the model's certainty; say so rather than 1.
UNKNOWN = 0.5


def said_probability(trace: TokenTrace, start: int, end: int) -> float:
    """Probability of the characters `start` to `end` of the answer: the product over tokens that were not forced."""
    if not trace.ends:
        return UNKNOWN
    total = 0.0
    begin = 0
    for token_end, logprob, is_forced in zip(trace.ends, trace.logprobs, trace.forced, strict=True):
        if begin < end and token_end > start and not is_forced:
            total += logprob
        begin = token_end
    return math.exp(max(total, -50.0))


def field_confidence(said: float, *, grounding: float, word_scores: Sequence[float]) -> float:
    """Join the three; `word_scores` are the reader's own scores of the words that the value stands on."""
    reader = min(word_scores, default=1.0)
    return round(max(0.0, min(1.0, said * grounding * reader)), 4)
