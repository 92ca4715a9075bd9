"""An engine without a model, for tests, demonstrations and measuring everything around the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llava_ocr.engines.base import Completion, EngineProfile, Request, StopReason
from llava_ocr.errors import ExtractionError
from llava_ocr.geometry import OVERVIEW_ONLY, Grid

PROFILE = EngineProfile(
    name="scripted",
    fingerprint="scripted-1",
    tile_px=336,
    patches_per_side=24,
    context_tokens=32_768,
    grids=(Grid(2, 2),),
    anchored_grids=(OVERVIEW_ONLY,),
    takes_grammar=True,
)

Script = Callable[[Request], str]


def say_nothing(request: Request) -> str:
    """The answer that finds no field: the schema's shape, every leaf null and every list empty."""
    shape = request.grammar.json_schema if request.grammar else {}
    return json.dumps(_empty(shape), separators=(",", ":"))


class ScriptedEngine:
    """Answers by `script`. `failures` are errors for single requests by id, `cut` the ids whose answers are cut."""

    def __init__(
        self,
        script: Script = say_nothing,
        *,
        failures: Mapping[str, ExtractionError] | None = None,
        cut: frozenset[str] = frozenset(),
        profile: EngineProfile = PROFILE,
    ) -> None:
        self._script = script
        self._failures = failures or {}
        self._cut = cut
        self._profile = profile

    @property
    def profile(self) -> EngineProfile:
        """What pages are prepared for."""
        return self._profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order."""
        return [self._answer(request) for request in requests]

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, request: Request) -> Completion:
        if request.id in self._failures:
            return Completion(request.id, "", StopReason.CANCELLED, 0, 0, error=self._failures[request.id])
        text = self._script(request)
        num_tokens = len(text.split())
        completion = Completion(request.id, text, StopReason.END, len(request.prompt.user.split()), num_tokens)
        if request.id in self._cut:
            return replace(completion, text=text[: len(text) // 2], stop_reason=StopReason.LENGTH)
        return completion


def _empty(shape: Mapping[str, Any]) -> Any:
    if shape.get("type") == "object":
        return {name: _empty(part) for name, part in shape["properties"].items()}
    return [] if shape.get("type") == "array" else None
