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
# Two readers as unlike as a model and a rulebook are seldom both wrong in the same way; where they differ, one is.
DISAGREED = 0.6


def said_probability(trace: TokenTrace, start: int, end: int) -> float:
    """Probability of the characters `start` to `end` of the answer: the product over tokens that were not forced."""
    if not trace.ends:
        return UNKNOWN
    return math.exp(max(sum(chosen_logprobs(trace, start, end)), -50.0))


def chosen_logprobs(trace: TokenTrace, start: int, end: int) -> list[float]:
    """Log-probabilities of the tokens of the characters `start` to `end` where the model had a choice."""
    begins = (0, *trace.ends[:-1])
    tokens = zip(begins, trace.ends, trace.logprobs, trace.forced, strict=True)
    return [logprob for begin, to, logprob, is_forced in tokens if begin < end and to > start and not is_forced]


def field_confidence(said: float, *, grounding: float, word_scores: Sequence[float]) -> float:
    """Join the three; `word_scores` are the reader's own scores of the words that the value stands on."""
    reader = min(word_scores, default=1.0)
    return round(max(0.0, min(1.0, said * grounding * reader)), 4)
