"""An engine that remembers: a page that was asked about before, in just this way, is not asked about again."""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from llava_ocr.db.answers import Answer, Answers, Scope, Use
from llava_ocr.engines.answer_key import answer_key
from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request, StopReason, TokenTrace
from llava_ocr.errors import DatabaseError, EngineError
from llava_ocr.grounding.read import ByRules
from llava_ocr.question import Question
from llava_ocr.schema import leaves
from llava_ocr.windows import fault_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lookups:
    """How many answers of a batch were known, and how many had to be asked for."""

    num_hits: int
    num_misses: int


Counter = Callable[[Lookups], None]


def ignore(_: Lookups) -> None:
    """Count nothing."""


class CachedEngine:
    """Asks `engine` only for what is not in `answers`; `count` is told of each batch.

    Answers that failed or can't be used are not kept: whoever asks again hopes for another. A database that fails
    makes it ask for everything: to insist is for those who save records.
    """

    def __init__(self, engine: Engine, answers: Answers, question: Question, *, count: Counter = ignore) -> None:
        self._engine, self._answers, self._count = engine, answers, count
        self._scope = Scope(engine.profile.fingerprint, question.asked_fingerprint)
        self._root = question.asked_of(engine.profile)
        # Answers stand for themselves here: to be as guessed is right for every field, if it has choices, too.
        chosen = {leaf.path: leaf.choices[0] for leaf in leaves(self._root) if leaf.choices}
        self._by_rules = ByRules(chosen)

    @property
    def profile(self) -> EngineProfile:
        """The engine's own."""
        return self._engine.profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order; of equal ones only the first is asked. Raises as the engine does."""
        fingerprint = self._scope.schema_fingerprint
        keys = [answer_key(request, self.profile, schema_fingerprint=fingerprint) for request in requests]
        uses = [Use(key, request.document_id) for key, request in zip(keys, requests, strict=True)]
        known = self._look_up(uses)
        asked: dict[str, Request] = {}
        for key, request in zip(keys, requests, strict=True):
            if key not in known:
                asked.setdefault(key, request)
        made = self._ask(asked, uses)
        self._count(Lookups(len(requests) - len(asked), len(asked)))
        firsts = {request.id for request in asked.values()}
        return [
            made[key].completion if request.id in firsts else _known((known | made)[key], request)
            for key, request in zip(keys, requests, strict=True)
        ]

    def close(self) -> None:
        """Close the engine; the answers stay."""
        self._engine.close()

    def _look_up(self, uses: Sequence[Use]) -> dict[str, _Timed]:
        try:
            found = self._answers.get(uses, self._scope)
        except DatabaseError as error:
            log.warning("known answers can't be looked up: %s", error)
            return {}
        return {key: _Timed(unpacked(answer.payload), answer.seconds) for key, answer in found.items()}

    def _ask(self, asked: Mapping[str, Request], uses: Sequence[Use]) -> dict[str, _Timed]:
        if not asked:
            return {}
        started = time.monotonic()
        completions = self._engine.complete(list(asked.values()))
        seconds = (time.monotonic() - started) / len(asked)
        if len(completions) != len(asked):
            raise EngineError(f"{self.profile.name}: {len(completions)} answers to {len(asked)} requests")
        made = {key: _Timed(completion, seconds) for key, completion in zip(asked, completions, strict=True)}
        whole = {
            key: Answer(packed(one.completion), seconds)
            for key, one in made.items()
            if self._is_sound(one.completion, asked[key])
        }
        try:
            self._answers.put(whole, [use for use in uses if use.key in whole], self._scope)
        except DatabaseError as error:
            log.warning("answers can't be kept: %s", error)
        return made

    def _is_sound(self, completion: Completion, request: Request) -> bool:
        return fault_of(completion, request.asked or self._root, self._by_rules) is None


@dataclass(frozen=True, slots=True)
class _Timed:
    """An answer, and the seconds it took."""

    completion: Completion
    seconds: float


def packed(completion: Completion) -> bytes:
    """Write an answer down, without what names its request."""
    told = {
        "text": completion.text,
        "stop_reason": completion.stop_reason.value,
        "num_prompt_tokens": completion.num_prompt_tokens,
        "num_new_tokens": completion.num_new_tokens,
        "num_forced_tokens": completion.num_forced_tokens,
        "trace": asdict(completion.trace),
    }
    return zlib.compress(json.dumps(told, separators=(",", ":")).encode())


def unpacked(payload: bytes) -> Completion:
    """Read an answer that `packed` wrote."""
    told = json.loads(zlib.decompress(payload))
    trace = TokenTrace(**{name: tuple(values) for name, values in told.pop("trace").items()})
    return Completion(request_id="", stop_reason=StopReason(told.pop("stop_reason")), trace=trace, **told)


def _known(timed: _Timed, request: Request) -> Completion:
    """The same answer, for another request."""
    saved_s = timed.seconds if timed.completion.error is None else None
    return replace(timed.completion, request_id=request.id, seconds=0.0, saved_s=saved_s)
