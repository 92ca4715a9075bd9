"""Models of true shapes with random weights: their answers mean nothing, their speed does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from transformers import CLIPVisionConfig, LlavaNextConfig, LlavaNextForConditionalGeneration, MistralConfig

from llava_ocr.errors import ConfigError
from llava_ocr.geometry import Grid
from llava_ocr.models.load import LoadedModel, Precision, choose_device, choose_precision, in_8_bits

_PINPOINTS = [[1, 2], [2, 1], [2, 2], [3, 1], [1, 3]]

# The numbers of each model's own configuration.
_SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "mistral-7b": {
        "text": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "vocab_size": 32064},
        "heads": {"num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 32768},
        "vision": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16},
        "pixels": {"image_size": 336, "patch_size": 14},
    },
    # For trying the benchmark itself: its patches are as small against a page's blank places as the others' are.
    "tiny": {
        "text": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 3136},
        "heads": {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32768},
        "vision": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4},
        "pixels": {"image_size": 56, "patch_size": 7},
    },
}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def random_model(shapes: str, *, like: LoadedModel, device: str, precision: str) -> LoadedModel:
    """Make a model of named shapes that shares the tokenizer and chat format of `like`. Raises ConfigError."""
    if shapes not in _SHAPES:
        raise ConfigError(f"shapes {shapes!r} is none of {', '.join(_SHAPES)}")
    placed = choose_device(device)
    held = choose_precision(precision, placed)
    if held not in _DTYPES and held != Precision.FP8:
        raise ConfigError(f"random weights are held as {', '.join(_DTYPES)} or fp8, not as {held}")
    stated = _SHAPES[shapes]
    network = _network(stated, like, dtype=_DTYPES.get(held, torch.bfloat16), device=placed)
    in_8_bits(network, held, placed)
    edge, patch = stated["pixels"]["image_size"], stated["pixels"]["patch_size"]
    profile = replace(
        like.profile,
        name=f"random {shapes}",
        tile_px=edge,
        patches_per_side=edge // patch,
        context_tokens=stated["heads"]["max_position_embeddings"],
        grids=(Grid(2, 2),),
        anchored_grids=(Grid(2, 2),),
    )
    return replace(like, network=network, profile=profile)


def _network(
    stated: dict[str, dict[str, Any]], like: LoadedModel, *, dtype: torch.dtype, device: torch.device
) -> LlavaNextForConditionalGeneration:
    tokenizer, edge = like.tokenizer, stated["pixels"]["image_size"]
    # Heads are padded beyond the tokenizer that is lent, as real ones are.
    vocab_size = max(stated["text"]["vocab_size"], len(tokenizer))
    text = MistralConfig(
        **stated["text"] | {"vocab_size": vocab_size},
        **stated["heads"],
        sliding_window=None,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(**stated["vision"], **stated["pixels"]),
        text_config=text,
        image_token_index=like.network.config.image_token_id,
        image_grid_pinpoints=[[rows * edge, cols * edge] for rows, cols in _PINPOINTS],
    )
    torch.manual_seed(0)
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        # Made where they stay: 14 GB of weights twice would not fit every machine.
        with torch.device(device):
            return LlavaNextForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(usual)
