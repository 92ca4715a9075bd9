"""Build a LLaVA-NeXT from a recipe, and start it where copying is near: plain transformers, nothing subclassed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextForConditionalGeneration

from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.train.recipes import Look, Looking, ModelRecipe

# Layer, head, how many tokens back it looks, how sharply (the soft ones take in a few tokens around that place), and
# the parts of the basis that it reads and writes.
_LOOKING_BACK = ((0, 0, 1, 5.0, 2, 0), (0, 1, 2, 5.0, 3, 1), (0, 2, 4, 2.0, 2, 3), (1, 2, 4, 2.0, 2, 3), (1, 3, 8, 1.5, 2, 3))


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
        image_grid_pinpoints=pinpoints(recipe),
        tie_word_embeddings=True,
    )
    return LlavaNextForConditionalGeneration(config)


def pinpoints(recipe: ModelRecipe) -> list[list[int]]:
    """Return the recipe's grids as transformers wants them: `[height, width]` in pixels."""
    sizes = [grid.size(recipe.tile_px) for grid in recipe.grids]
    return [[size.height, size.width] for size in sizes]


@torch.no_grad()
def start_copying(model: LlavaNextForConditionalGeneration, supervised: tuple[Looking, ...]) -> None:
    """Set the start of heads that copying needs and that are slow to emerge from nothing.

    Embeddings get a part all tokens share, from which heads of the first two layers can tell positions: they look one,
    two and some more tokens back. Heads that will be told to look at the page start by passing on the token that they
    look at, and everything else starts nearly silent, so that the token is still there to be passed on.
    """
    decoder = model.model.language_model
    embedding: Tensor = decoder.embed_tokens.weight
    # Large beside what layers add, or a token is drowned before the copying layer (see LOG.md); the last norm makes up.
    embedding.normal_(std=0.2)
    embedding[:, 0] = 1.6
    decoder.norm.weight.fill_(0.25)
    for layer in decoder.layers:
        layer.self_attn.o_proj.weight.mul_(0.1)
        layer.mlp.down_proj.weight.mul_(0.1)
    basis = torch.linalg.qr(torch.randn(embedding.shape[1], embedding.shape[1]))[0]
    frequencies: Tensor = decoder.rotary_emb.inv_freq
    for layer_index, head, back, sharpness, read, written in _LOOKING_BACK:
        attention = decoder.layers[layer_index].self_attn
        _look_back(attention, head, back, sharpness * frequencies.sqrt(), frequencies)
        scale = 0.4 if layer_index == 0 else 0.1
        _pass_on(attention, head, *(_rows(basis, part, attention.head_dim) for part in (read, written)), scale=scale)
    for looking in supervised:
        _start_looking(decoder.layers[looking.layer].self_attn, looking, basis, frequencies)


def _start_looking(attention: Any, looking: Looking, basis: Tensor, frequencies: Tensor) -> None:
    """Start the heads that will be told where to look.

    What stood one token back was written along rows 0 of the basis, read along rows 2; two back, rows 1. A field's
    name ends two tokens before its kind, and two before the answer decides: LINE passes that on, FIELD compares.
    The last COPY head looks where the token said last came one back, all COPY heads pass on the token they look at.
    """
    parts = [_rows(basis, number, attention.head_dim) for number in range(4)]
    if looking.look is Look.LINE:
        _pass_on(attention, looking.heads[0], parts[1], parts[1], scale=1.0)
    elif looking.look is Look.FIELD:
        _compare(attention, looking.heads[0], 2.5 * parts[1], 2.5 * parts[1], frequencies)
    elif looking.look is Look.COPY:
        for head in looking.heads:
            _pass_on(attention, head, parts[head], parts[head], scale=1.0)
        _compare(attention, looking.heads[-1], 4.0 * parts[2], 4.0 * parts[0], frequencies)


def _compare(attention: Any, head: int, of_query: Tensor, of_key: Tensor, frequencies: Tensor) -> None:
    """Make one head look where what the key holds along its rows is what the query holds along its own.

    Only RoPE's slow phases are used: the fast ones turn too far over a page.
    """
    half = len(frequencies)
    slow = torch.nonzero(frequencies < 5e-4)[:, 0]
    slow = torch.cat([slow, slow + half])
    for projection, rows in ((attention.q_proj.weight, of_query), (attention.k_proj.weight, of_key)):
        projection[head * 2 * half + slow] = rows[slow]


def _rows(matrix: Tensor, number: int, size: int) -> Tensor:
    begin = number * size % len(matrix)
    return matrix[begin : begin + size]


def _pass_on(attention: Any, head: int, read: Tensor, written: Tensor, *, scale: float) -> None:
    """Make one head read along the rows of `read` and write along those of `written`."""
    rows = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = scale * written.T


def _look_back(attention: Any, head: int, back: int, strength: Tensor, frequencies: Tensor) -> None:
    """Make one head attend `back` tokens before, from the embeddings' shared part (number 0), through RoPE's phases."""
    half = len(frequencies)
    begin = head * 2 * half
    phase = frequencies * back
    query, key = attention.q_proj.weight, attention.k_proj.weight
    query[begin : begin + 2 * half], key[begin : begin + 2 * half] = 0.0, 0.0
    query[begin : begin + half, 0] = strength
    key[begin : begin + half, 0] = strength * phase.cos()
    key[begin + half : begin + 2 * half, 0] = strength * phase.sin()
