"""Write a checkpoint folder that stock transformers loads, with the profile that our engine reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import LlavaNextForConditionalGeneration, LlavaNextProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.train.model import pinpoints
from llava_ocr.train.recipes import ModelRecipe

# White paper is then exactly 0 for the encoder.
IMAGE_MEAN, IMAGE_STD = 1.0, 0.5


def ship(
    model: LlavaNextForConditionalGeneration, tokenizer: Any, recipe: ModelRecipe, *, name: str, folder: Path
) -> None:
    """Save a model that takes words: see `save_folder`."""
    save_folder(model, tokenizer, recipe, profile(recipe, name=name), folder)


def save_folder(
    model: LlavaNextForConditionalGeneration,
    tokenizer: Any,
    recipe: ModelRecipe,
    stated: Mapping[str, Any],
    folder: Path,
) -> None:
    """Save weights in bfloat16 in files of at most 15 MB, tokenizer, stock processor, and `stated` as the profile."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.to(torch.bfloat16) for key, value in model.state_dict().items()}
    model.config.dtype = torch.bfloat16
    model.save_pretrained(folder, state_dict=weights, max_shard_size="15MB")
    processor(tokenizer, recipe).save_pretrained(folder)
    (folder / "profile.json").write_text(json.dumps(stated, indent=2) + "\n")


def processor(tokenizer: Any, recipe: ModelRecipe) -> LlavaNextProcessor:
    """Make the stock processor for a recipe's model."""
    edge = recipe.tile_px
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": edge},
        crop_size={"height": edge, "width": edge},
        image_grid_pinpoints=pinpoints(recipe),
        image_mean=[IMAGE_MEAN] * 3,
        image_std=[IMAGE_STD] * 3,
    )
    return LlavaNextProcessor(
        images,
        tokenizer,
        patch_size=recipe.patch_px,
        vision_feature_select_strategy="default",
        image_token=IMAGE_MARK,
        # Stock LLaVA's features hold CLIP's class token's place; without this the count is one short.
        num_additional_image_tokens=1,
    )


def profile(recipe: ModelRecipe, *, name: str) -> dict[str, Any]:
    """Say what pages must look like for the model: the fields of `EngineProfile` but for the fingerprint."""
    return {
        "name": name,
        "chat": "plain",
        "tile_px": recipe.tile_px,
        "patches_per_side": recipe.patches_per_side,
        "context_tokens": recipe.context_tokens,
        "grids": [[0, 0]],
        "anchored_grids": [[0, 0]],
        "takes_grammar": True,
        "takes_words": True,
        "prompt_form": "find",
        "reads_lists": False,
    }
