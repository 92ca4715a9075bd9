"""What kind of server answers at an address, and which models it has: found out by asking for lists, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llava_ocr.engines.endpoint_refusals import json_of, refuse
from llava_ocr.engines.server import Server
from llava_ocr.errors import BadReply, EngineDenied, EngineUnavailable, ExtractionError

# Dialects that a server of a kind speaks, the best first.
SPOKEN: Mapping[str, tuple[str, ...]] = {
    "vLLM": ("vllm", "vllm-guidance", "openai"),
    "Ollama": ("ollama",),
    "LM Studio": ("lmstudio",),
    "llama.cpp": ("openai",),
    "OpenAI-compatible": ("openai", "lmstudio"),
}


@dataclass(frozen=True)
class Found:
    """What answers at an address: a key of `SPOKEN`, its version if it tells, and the models it has."""

    kind: str
    version: str
    models: tuple[str, ...]
    context_tokens: int | None

    @property
    def title(self) -> str:
        """Kind and version, for a person."""
        return f"{self.kind} {self.version}".strip()

    def has(self, model: str) -> bool:
        """Whether the server knows a model. Ollama's `llava` stands for `llava:latest`."""
        return model in self.models or (self.kind == "Ollama" and f"{model}:latest" in self.models)


def recognize(server: Server) -> Found:
    """Say what kind of server this is by asking for its models, nothing else. Raises EngineError.

    EngineUnavailable where nothing answers, EngineDenied where the key is refused, BadReply for what is no such server.
    """
    if (version := _look(server, "/api/version").get("version")) and "models" in (tags := _look(server, "/api/tags")):
        return Found("Ollama", str(version), _names(tags["models"], "name"), None)
    listed = server.get("/v1/models", asking="list of models")
    refuse(listed, "list of models")
    models = json_of(listed, "list of models").get("data")
    if not isinstance(models, list):
        raise BadReply(f"list of models at {server.host}: none is in it")
    names = _names(models, "id")
    owners = {str(model.get("owned_by")) for model in models if isinstance(model, dict)}
    if "vllm" in owners:
        return Found("vLLM", str(_look(server, "/version").get("version") or ""), names, _context(models))
    if "llamacpp" in owners:
        return Found("llama.cpp", "", names, None)
    # LM Studio's own interface, from 0.4 on and before.
    if "models" in (own := _look(server, "/api/v1/models")):
        return Found("LM Studio", "", tuple(dict.fromkeys([*names, *_lm_studio_names(own["models"])])), None)
    if "data" in _look(server, "/api/v0/models"):
        return Found("LM Studio", "", names, None)
    return Found("OpenAI-compatible", "", names, None)


def _look(server: Server, path: str) -> dict[str, Any]:
    """The object at a path that only one kind of server has; empty where there is none such.

    LM Studio answers 200 to paths that it does not know, so what counts is the object.
    """
    try:
        reply = server.get(path, asking=path)
        refuse(reply, path)
        return json_of(reply, path)
    except (EngineUnavailable, EngineDenied):
        raise
    except ExtractionError:
        return {}


def _names(models: object, key: str) -> tuple[str, ...]:
    found = models if isinstance(models, list) else []
    return tuple(str(model[key]) for model in found if isinstance(model, dict) and key in model)


def _lm_studio_names(models: object) -> Iterator[str]:
    """Its models' keys, and the names that people gave them when they loaded them."""
    yield from _names(models, "key")
    for model in models if isinstance(models, list) else []:
        yield from _names(model.get("loaded_instances") if isinstance(model, dict) else None, "id")


def _context(models: list[Any]) -> int | None:
    told = [model.get("max_model_len") for model in models if isinstance(model, dict)]
    return next((tokens for tokens in told if isinstance(tokens, int)), None)
