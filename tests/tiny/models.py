"""Tiny LLaVA-NeXT models with random weights, in the shapes of the backbones that the engine takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextProcessor,
    MistralConfig,
)
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.engines.base import EngineProfile, Request
from llava_ocr.geometry import OVERVIEW_ONLY
from llava_ocr.models.chat import PLAIN
from llava_ocr.models.load import LoadedModel
from llava_ocr.prompts import Prompt
from llava_ocr.tiles.cut import cut_stock
from llava_ocr.tiles.grid import stock_grids

# Tiny matrices on two threads wait for each other more than they work, fifty times so on a busy machine.
torch.set_num_threads(1)

TILE_PX, PATCH_PX = 28, 7
PINPOINTS = [[TILE_PX * rows, TILE_PX * cols] for rows, cols in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)

_SHAPE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "max_position_embeddings": 1024}
BACKBONES: dict[str, Callable[..., Any]] = {
    "llama": lambda **kwargs: LlamaConfig(num_attention_heads=4, **_SHAPE, **kwargs),
    "mistral": lambda **kwargs: MistralConfig(
        num_attention_heads=4, num_key_value_heads=2, sliding_window=None, **_SHAPE, **kwargs
    ),
    "mistral-window": lambda **kwargs: MistralConfig(
        num_attention_heads=4, num_key_value_heads=2, sliding_window=24, **_SHAPE, **kwargs
    ),
    "yi": lambda **kwargs: LlamaConfig(
        num_attention_heads=4, num_key_value_heads=2, rope_theta=5e6, rms_norm_eps=1e-5, **_SHAPE, **kwargs
    ),
}


def tiny_network(backbone: str, tokenizer: Any) -> Any:
    torch.manual_seed(7)
    text = BACKBONES[backbone](
        # Heads are often padded beyond the tokenizer.
        vocab_size=len(tokenizer) + 6,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    vision = CLIPVisionConfig(
        image_size=TILE_PX,
        patch_size=PATCH_PX,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    config = LlavaNextConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=PINPOINTS,
    )
    return LlavaNextForConditionalGeneration(config).eval()


def stock_processor(tokenizer: Any) -> LlavaNextProcessor:
    square = {"height": TILE_PX, "width": TILE_PX}
    images = LlavaNextImageProcessorPil(
        size=square, crop_size=square, image_grid_pinpoints=PINPOINTS, image_mean=MEAN, image_std=STD
    )
    return LlavaNextProcessor(
        images,
        tokenizer,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def tiny_model(backbone: str, tokenizer: Any, *, context_tokens: int = 1024) -> LoadedModel:
    profile = EngineProfile(
        name=f"tiny-{backbone}",
        fingerprint="0" * 16,
        tile_px=TILE_PX,
        patches_per_side=TILE_PX // PATCH_PX,
        context_tokens=context_tokens,
        grids=stock_grids(PINPOINTS, tile_px=TILE_PX),
        anchored_grids=(OVERVIEW_ONLY,),
        takes_grammar=True,
    )
    return LoadedModel(tiny_network(backbone, tokenizer), tokenizer, profile, PLAIN, MEAN, STD)


def page(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def ask(text: str, *pages: np.ndarray, request_id: str = "r", max_new_tokens: int = 24, grammar: Any = None) -> Request:
    """Ask about pages cut as the stock processor does."""
    rasters = tuple(cut_stock(raster, PINPOINTS, tile_px=TILE_PX, dpi=100) for raster in pages)
    user = "\n".join(["<image>"] * len(pages) + [text])
    return Request(request_id, Prompt(user), rasters, grammar, max_new_tokens)


def save_tiny(model: LoadedModel, folder: Path) -> Path:
    """Write a checkpoint folder as transformers does."""
    model.network.save_pretrained(folder)
    stock_processor(model.tokenizer).save_pretrained(folder)
    return folder
