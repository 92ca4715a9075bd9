"""What a model's folder says about itself: how pages must look for it, and how it wants to be spoken to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import ConfigError, ModelNotFound
from llava_ocr.geometry import Grid
from llava_ocr.models.chat import ChatFormat, chat_named, choose_chat
from llava_ocr.prompts import PromptForm
from llava_ocr.tiles.grid import DOCUMENT_GRIDS, stock_grids

PROFILE_NAME = "profile.json"

# Published configurations leave out what equals transformers' defaults.
_STOCK_VISION = {"image_size": 336, "patch_size": 14}
_STOCK_PINPOINTS = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
_STOCK_CONTEXT = {"llama": 2048, "mistral": 131_072}

# From this context on a model is shown several pages at once; it was trained on one, so not more than a few.
LONG_CONTEXT, MANY_PAGES = 32_768, 4


@dataclass(frozen=True)
class ModelCard:
    """A model's profile and chat format, before its weights are read."""

    profile: EngineProfile
    chat: ChatFormat


class _ProfileFile(BaseModel):
    """`profile.json`: the fields of EngineProfile but for the fingerprint, which is computed, and the chat format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    chat: str
    tile_px: int
    patches_per_side: int
    context_tokens: int
    grids: list[tuple[int, int]]
    anchored_grids: list[tuple[int, int]]
    takes_grammar: bool = True
    takes_words: bool = True
    prompt_form: PromptForm = PromptForm.READ
    reads_lists: bool = True
    max_pages: int = 1


def read_card(folder: Path, *, name: str, fingerprint: str) -> ModelCard:
    """Read `profile.json`, or derive a card from the model's configuration.

    Raises ModelNotFound where the folder holds no LLaVA-NeXT, ConfigError where what it says is wrong.
    """
    config = read_config(folder)
    path = folder / PROFILE_NAME
    return _stated(path, fingerprint) if path.exists() else _derived(folder, config, name=name, fingerprint=fingerprint)


def read_config(folder: Path) -> dict[str, Any]:
    """Return the folder's `config.json`. Raises ModelNotFound where it is none of a LLaVA-NeXT model."""
    path = folder / "config.json"
    if not path.exists():
        raise ModelNotFound(f"{folder} holds no model: config.json is missing")
    config = _json_object(path)
    if config.get("model_type") != "llava_next":
        raise ModelNotFound(f"{folder} holds a {config.get('model_type')!r} model; engines here take llava_next")
    return config


def _stated(path: Path, fingerprint: str) -> ModelCard:
    try:
        stated = _ProfileFile.model_validate(_json_object(path))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"{path}: {faults}") from error
    values = stated.model_dump(exclude={"chat", "grids", "anchored_grids"})
    grids, anchored = _grids(stated.grids), _grids(stated.anchored_grids)
    profile = EngineProfile(fingerprint=fingerprint, grids=grids, anchored_grids=anchored, **values)
    return ModelCard(profile, chat_named(stated.chat))


def _derived(folder: Path, config: dict[str, Any], *, name: str, fingerprint: str) -> ModelCard:
    vision = _STOCK_VISION | (config.get("vision_config") or {})
    pinpoints = config.get("image_grid_pinpoints") or _STOCK_PINPOINTS
    context_tokens = _context_tokens(folder, config.get("text_config") or {})
    profile = EngineProfile(
        name=name,
        fingerprint=fingerprint,
        tile_px=vision["image_size"],
        patches_per_side=vision["image_size"] // vision["patch_size"],
        context_tokens=context_tokens,
        grids=DOCUMENT_GRIDS,
        # With the words in the prompt the page need not be legible: the grids that the model was trained on do.
        anchored_grids=stock_grids(pinpoints, tile_px=vision["image_size"]),
        takes_grammar=True,
        max_pages=MANY_PAGES if context_tokens >= LONG_CONTEXT else 1,
    )
    return ModelCard(profile, choose_chat(name, config, _chat_template(folder)))


def _context_tokens(folder: Path, text_config: dict[str, Any]) -> int:
    stated = text_config.get("max_position_embeddings", _STOCK_CONTEXT.get(text_config.get("model_type", "llama")))
    if not isinstance(stated, int):
        raise ConfigError(f"{folder}/config.json: text_config.max_position_embeddings is missing")
    return stated


def _chat_template(folder: Path) -> str:
    for file_name in ("chat_template.jinja", "chat_template.json", "processor_config.json", "tokenizer_config.json"):
        path = folder / file_name
        if not path.exists():
            continue
        text = path.read_text() if path.suffix == ".jinja" else str(_json_object(path).get("chat_template") or "")
        if text:
            return text
    return ""


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds no JSON object")
    return value


def _grids(pairs: list[tuple[int, int]]) -> tuple[Grid, ...]:
    return tuple(Grid(rows, cols) for rows, cols in pairs)
