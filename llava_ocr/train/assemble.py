"""A LLaVA-NeXT out of two models that have not met: a CLIP vision tower, a language model, a fresh projector between.

A linear projector is written in stock transformers' shape, two layers with nothing between them
(`projector_hidden_act: linear`), the second the identity: it computes one linear map and loads everywhere.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextProcessor,
)
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.errors import ConfigError
from llava_ocr.models.chat import chat_named
from llava_ocr.models.profile import PROFILE_NAME
from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.tiles.grid import DOCUMENT_GRIDS

# Llama's shape, which Yi has too, and Mistral's.
BACKBONES = ("llama", "mistral")
# LLaVA-NeXT's grids, rows and columns of tiles.
_GRIDS = ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))
_CLIP_MEAN, _CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# The last layer but one, as LLaVA takes it.
_FEATURE_LAYER = -2
_SEED = 0


class ProjectorKind(StrEnum):
    """What stands between vision and language: LLaVA's first projector, and the one since LLaVA-1.5."""

    LINEAR = "linear"
    MLP2X_GELU = "mlp2x_gelu"


_ACTIVATIONS = {ProjectorKind.LINEAR: "linear", ProjectorKind.MLP2X_GELU: "gelu"}


def assemble(vision: Path, decoder: Path, *, projector: str, chat: str, folder: Path) -> None:
    """Write a model folder with the weights of both and a fresh projector.

    Raises ConfigError where the two can't be joined, or a choice is not among those there are.
    """
    if projector not in set(ProjectorKind):
        raise ConfigError(f"no projector is called {projector!r}; there are {', '.join(ProjectorKind)}")
    chat_named(chat)
    tokenizer = AutoTokenizer.from_pretrained(decoder, local_files_only=True)
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_MARK]})
    tokenizer.image_token = IMAGE_MARK
    text_config = AutoConfig.from_pretrained(decoder, local_files_only=True)
    vision_config = CLIPVisionConfig.from_pretrained(vision, local_files_only=True)
    network = fresh(vision_config, text_config, kind=ProjectorKind(projector), tokenizer=tokenizer)
    _take(network.model.vision_tower, CLIPVisionModel.from_pretrained(vision, local_files_only=True))
    language = AutoModelForCausalLM.from_pretrained(decoder, local_files_only=True)
    language.resize_token_embeddings(network.config.text_config.vocab_size)
    _take(network.model.language_model, language.model)
    _take(network.lm_head, language.lm_head)
    network.generation_config = language.generation_config
    network.save_pretrained(folder, max_shard_size="5GB")
    _processor(tokenizer, network.config).save_pretrained(folder)
    (folder / PROFILE_NAME).write_text(json.dumps(_profile(network.config, folder.name, chat), indent=2) + "\n")


def fresh(
    vision: CLIPVisionConfig, text: Any, *, kind: ProjectorKind, tokenizer: Any
) -> LlavaNextForConditionalGeneration:
    """Make a model of two configurations with fresh weights, always the same. Raises ConfigError for a backbone or a
    tower that LLaVA-NeXT does not have."""
    if text.model_type not in BACKBONES:
        raise ConfigError(f"the language model is a {text.model_type!r}; here are {', '.join(BACKBONES)} (Yi is llama)")
    tile_px = vision.image_size
    text.vocab_size = max(text.vocab_size, len(tokenizer))
    config = LlavaNextConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_MARK),
        image_grid_pinpoints=[[tile_px * rows, tile_px * cols] for rows, cols in _GRIDS],
        projector_hidden_act=_ACTIVATIONS[kind],
        vision_feature_layer=_FEATURE_LAYER,
        vision_feature_select_strategy="default",
        tie_word_embeddings=text.tie_word_embeddings,
    )
    torch.manual_seed(_SEED)
    network = LlavaNextForConditionalGeneration(config)
    if kind is ProjectorKind.LINEAR:
        _be_identity(network.model.multi_modal_projector.linear_2)
    return network


@torch.no_grad()
def _be_identity(layer: nn.Linear) -> None:
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)


def _take(part: nn.Module, given: nn.Module) -> None:
    part.load_state_dict(given.state_dict())


def _processor(tokenizer: Any, config: LlavaNextConfig) -> LlavaNextProcessor:
    edge = config.vision_config.image_size
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": edge},
        crop_size={"height": edge, "width": edge},
        image_grid_pinpoints=config.image_grid_pinpoints,
        image_mean=list(_CLIP_MEAN),
        image_std=list(_CLIP_STD),
    )
    return LlavaNextProcessor(
        images,
        tokenizer,
        patch_size=config.vision_config.patch_size,
        vision_feature_select_strategy="default",
        image_token=IMAGE_MARK,
        num_additional_image_tokens=1,
    )


def _profile(config: LlavaNextConfig, name: str, chat: str) -> dict[str, Any]:
    return {
        "name": name,
        "chat": chat,
        "tile_px": config.vision_config.image_size,
        "patches_per_side": config.vision_config.image_size // config.vision_config.patch_size,
        "context_tokens": config.text_config.max_position_embeddings,
        "grids": [[grid.rows, grid.cols] for grid in DOCUMENT_GRIDS],
        "anchored_grids": [list(pair) for pair in _GRIDS],
    }
