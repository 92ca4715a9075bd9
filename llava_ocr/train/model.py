"""Build a LLaVA-NeXT from a recipe, and start it where copying is near: plain transformers, nothing subclassed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextForConditionalGeneration

from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.train.recipes import Looking, ModelRecipe

# How strongly a head that is built to look at the token before does so (in logits, per unit of frequency match).
_SHARPNESS = 24.0


def build_model(recipe: ModelRecipe, tokenizer: Any, *, seed: int) -> LlavaNextForConditionalGeneration:
    """Make a model with fresh weights, the same for the same seed."""
    torch.manual_seed(seed)
    vision = CLIPVisionConfig(
        image_size=recipe.tile_px,
        patch_size=recipe.patch_px,
        hidden_size=recipe.vision_width,
        intermediate_size=4 * recipe.vision_width,
        num_hidden_layers=recipe.vision_layers,
        num_attention_heads=recipe.vision_heads,
        hidden_act="gelu",
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.mlp_width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context_tokens,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rope_theta},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaNextConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_MARK),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        # Heights and widths in pixels; the stock processor needs at least one grid.
        image_grid_pinpoints=[[rows * recipe.tile_px, cols * recipe.tile_px] for rows, cols in ((1, 1), (2, 2))],
        tie_word_embeddings=True,
    )
    return LlavaNextForConditionalGeneration(config)


@torch.no_grad()
def start_copying(model: LlavaNextForConditionalGeneration, copy: Looking) -> None:
    """Set the start of heads that copying needs and that are slow to emerge from nothing.

    Embeddings get a part all tokens share, from which two heads of the first layer can tell positions: they look one
    and two tokens back. The supervised copying heads start by passing on the token that they look at, and everything
    else starts nearly silent, so that the token is still there to be passed on.
    """
    decoder = model.model.language_model
    embedding: Tensor = decoder.embed_tokens.weight
    embedding.normal_(std=0.05)
    embedding[:, 0] = 0.4
    for layer in decoder.layers:
        layer.self_attn.o_proj.weight.mul_(0.1)
        layer.mlp.down_proj.weight.mul_(0.1)
    basis = torch.linalg.qr(torch.randn(embedding.shape[1], embedding.shape[1]))[0]
    first, copier = decoder.layers[0].self_attn, decoder.layers[copy.layer].self_attn
    for number, back in enumerate((1, 2)):
        _look_back(first, number, back, decoder.rotary_emb.inv_freq)
        _pass_on(first, number, _rows(basis, number + 2, first.head_dim), _rows(basis, number, first.head_dim), 0.12)
    for number, head in enumerate(copy.heads):
        kept = _rows(basis, number, copier.head_dim)
        _pass_on(copier, head, kept, kept, 0.5)


def _rows(matrix: Tensor, number: int, size: int) -> Tensor:
    return matrix[number * size : (number + 1) * size]


def _pass_on(attention: Any, head: int, read: Tensor, written: Tensor, scale: float) -> None:
    """Make one head read along the rows of `read` and write along those of `written`."""
    rows = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = scale * written.T


def _look_back(attention: nn.Module, head: int, back: int, inverse_frequencies: Tensor) -> None:
    """Make one head attend `back` tokens before, from the embeddings' shared part (number 0), through RoPE's phases."""
    half = len(inverse_frequencies)
    # Fast phases tell neighbours apart.
    strength = inverse_frequencies.sqrt()
    phase = inverse_frequencies * back
    begin = head * 2 * half
    rows = slice(begin, begin + 2 * half)
    query, key = attention.q_proj.weight, attention.k_proj.weight
    assert isinstance(query, Tensor) and isinstance(key, Tensor)
    query[rows], key[rows] = 0.0, 0.0
    scale = _SHARPNESS**0.5
    query[begin : begin + half, 0] = scale * strength
    key[begin : begin + half, 0] = scale * strength * phase.cos()
    key[begin + half : begin + 2 * half, 0] = scale * strength * phase.sin()
