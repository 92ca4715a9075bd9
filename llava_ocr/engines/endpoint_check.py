"""Looks an endpoint over before it is trusted with pages: has it the model, does it obey a schema?"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Engine, Request
from llava_ocr.engines.dialects import dialect_named
from llava_ocr.engines.endpoint import open_endpoint, server_of
from llava_ocr.engines.endpoint_kinds import SPOKEN, Found, recognize
from llava_ocr.errors import ConfigError, GrammarIgnored, ModelNotFound
from llava_ocr.geometry import OVERVIEW_ONLY, Size
from llava_ocr.prompts import IMAGE_MARK, Prompt
from llava_ocr.settings import Settings
from llava_ocr.tiles.tiled import TiledRaster

# What no model says of itself: it comes back only from a server that holds answers to the schema.
_PASSWORD = "zebra 7403 quince"
_TRIAL_TOKENS = 64
_MAX_LISTED = 8


@dataclass(frozen=True)
class Trial:
    """How an endpoint did with one small request: whether it obeyed the schema, and what it told besides."""

    obeys: bool
    tells_logprobs: bool
    counts_tokens: bool

    @property
    def summary(self) -> str:
        """What it did, for a person."""
        parts = [
            "holds answers to the schema" if self.obeys else "does not hold answers to the schema",
            "tells log-probabilities" if self.tells_logprobs else "tells no log-probabilities",
            "counts tokens" if self.counts_tokens else "counts no tokens",
        ]
        return ", ".join(parts)


def look_over(settings: Settings) -> tuple[Found, Trial]:
    """Look at the endpoint of the settings as a run would use it, and put one small question to it.

    Raises ConfigError where it speaks another dialect, ModelNotFound where it has not the model, EngineError where it
    can't be reached or fails.
    """
    dialect = dialect_named(settings.endpoint_dialect)
    server = server_of(settings)
    try:
        found = recognize(server)
    finally:
        server.free()
    _check(found, server.host, dialect=dialect.name, model=settings.endpoint_model)
    engine = open_endpoint(settings)
    try:
        return found, try_out(engine)
    finally:
        engine.close()


def _check(found: Found, host: str, *, dialect: str, model: str) -> None:
    spoken = SPOKEN[found.kind]
    if dialect not in spoken:
        raise ConfigError(
            f"{found.title} at {host} does not speak {dialect}; set LLAVA_OCR_ENDPOINT_DIALECT={spoken[0]}"
        )
    if not found.has(model):
        listed = ", ".join(found.models[:_MAX_LISTED]) or "none"
        raise ModelNotFound(
            f"{found.title} at {host} has no model {model!r} for LLAVA_OCR_ENDPOINT_MODEL; it has {listed}"
        )


def try_out(engine: Engine) -> Trial:
    """Put one question about a blank page whose only allowed answer no model would give. Raises its error."""
    blank = TiledRaster(
        overview_HWC=np.full((336, 336, 3), 255, np.uint8),
        tiles_NHWC=np.zeros((0, 336, 336, 3), np.uint8),
        grid=OVERVIEW_ONLY,
        size=Size(336, 336),
        dpi=72,
    )
    schema = {"type": "object", "properties": {"seen": {"enum": [_PASSWORD]}}, "required": ["seen"]}
    wanted = json.dumps({"seen": _PASSWORD}, separators=(",", ":"))
    grammar = Grammar(lark=f"start: {json.dumps(wanted)}", json_schema=schema | {"additionalProperties": False})
    prompt = Prompt(f"{IMAGE_MARK}\nWhich colour is this page? Answer in JSON with the key seen.")
    [completion] = engine.complete([Request("trial", prompt, (blank,), grammar, _TRIAL_TOKENS)])
    if isinstance(completion.error, GrammarIgnored):
        return Trial(obeys=False, tells_logprobs=False, counts_tokens=False)
    if completion.error is not None:
        raise completion.error
    return Trial(
        obeys=_value(completion.text) == {"seen": _PASSWORD},
        tells_logprobs=bool(completion.trace.ends),
        counts_tokens=completion.num_prompt_tokens > 0 and completion.num_new_tokens > 0,
    )


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
