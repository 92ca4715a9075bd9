"""Gathers what tells how sure a reading is. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from llava_ocr.engines.base import TokenTrace
from llava_ocr.grounding.answer import Said
from llava_ocr.grounding.confidence import chosen_logprobs
from llava_ocr.grounding.match import Occurrence, PageIndex
from llava_ocr.records import RulesSay, Signals


def signals_of(
    said: Said,
    *,
    trace: TokenTrace,
    guesses: Mapping[str, str],
    places: Sequence[Occurrence],
    place: Occurrence | None,
    index: PageIndex | None,
    label_distance: float | None = None,
) -> Signals:
    """Return the signals of one leaf of an answer; `places` are all where it stands, `place` the one chosen."""
    chosen = chosen_logprobs(trace, said.start, said.end) if trace.ends else None
    words = index.layout.words if index is not None else ()
    page_score = sum(word.score for word in words) / len(words) if words else 0.0
    return Signals(
        said=None if chosen is None else math.exp(max(sum(chosen), -50.0)),
        least=None if chosen is None else math.exp(max(min(chosen, default=0.0), -50.0)),
        rules=_rules_say(said, guesses),
        exactness=place.exactness if place is not None else 0.0,
        num_places=len(places),
        word_score=min((words[word].score for word in place.words), default=1.0) if place and words else 0.0,
        page_score=page_score,
        label_distance=label_distance,
    )


def _rules_say(said: Said, guesses: Mapping[str, str]) -> RulesSay:
    if not guesses:
        return RulesSay.NOT_ASKED
    guess = guesses.get(said.path)
    if guess == said.text:
        return RulesSay.SAME
    return RulesSay.NOTHING if guess is None else RulesSay.OTHER
