"""An engine whose seconds and tokens are counted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request
from llava_ocr.metrics import Metrics


class MeteredEngine:
    """Answers as `engine` does; every answer says which part of the call it took."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine, self._metrics = engine, metrics

    @property
    def profile(self) -> EngineProfile:
        """The engine's own."""
        return self._engine.profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer as the engine does, and count it."""
        started = time.monotonic()
        with self._metrics.busy.during():
            completions = self._engine.complete(requests)
        share_s = (time.monotonic() - started) / max(1, len(completions))
        timed = [replace(completion, seconds=share_s) for completion in completions]
        for completion in timed:
            self._metrics.add_answer(completion)
        return timed

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
