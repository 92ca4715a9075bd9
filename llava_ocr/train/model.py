"""Build a LLaVA-NeXT from a recipe, and start it where copying is near: plain transformers, nothing subclassed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextForConditionalGeneration

from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.train.recipes import Look, Looking, ModelRecipe

# Parts of the residual stream that `start_copying` gives a meaning: what a token is, and what stood before it.
ONE_BACK, TWO_BACK, THREE_BACK, CONTENT = range(4)
_CONTENT_NORM, _SHARED = 3.2, 1.6


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
def start_copying(model: LlavaNextForConditionalGeneration, tokenizer: Any, supervised: tuple[Looking, ...]) -> None:
    """Start the heads that finding and copying need, and that are slow to emerge from nothing.

    A token's content lives in one part of the residual stream (CONTENT), small for punctuation and gaps. All tokens
    share one more number, from which the first layer's heads can tell positions: they bring what stood one, two and
    three tokens back into parts of their own. The supervised heads then compare such contents: see `_start_looking`.
    Everything else starts nearly silent.
    """
    decoder = model.model.language_model
    embedding: Tensor = decoder.embed_tokens.weight
    parts = _parts(embedding.shape[1], decoder.layers[0].self_attn.head_dim)
    frequencies: Tensor = decoder.rotary_emb.inv_freq
    content = torch.randn(len(embedding), parts.shape[1])
    quiet = [i for i in range(len(embedding)) if not any(c.isalnum() for c in tokenizer.decode([i]))]
    content[quiet] *= torch.where(_slow(frequencies), 0.2, 1.5)
    embedding.copy_(_CONTENT_NORM * nn.functional.normalize(content, dim=1) @ parts[CONTENT])
    embedding[:, 0] = _SHARED
    decoder.norm.weight.fill_(0.25)
    for layer in decoder.layers:
        layer.self_attn.o_proj.weight.mul_(0.1)
        layer.mlp.down_proj.weight.mul_(0.1)
    for head, (back, part) in enumerate(((1, ONE_BACK), (2, TWO_BACK), (3, THREE_BACK))):
        _look_back(decoder.layers[0].self_attn, head, back, 5.0 * frequencies.sqrt(), frequencies)
        _pass_on(decoder.layers[0].self_attn, head, parts[CONTENT], parts[part], scale=0.4)
    for looking in supervised:
        _start_looking(decoder.layers[looking.layer].self_attn, looking, parts, frequencies)


def _parts(width: int, size: int) -> Tensor:
    """Cut the residual stream into orthogonal parts, `[part, size, width]`, with its first number left out."""
    directions = torch.randn(width, width)
    directions[0] = 0.0
    orthogonal: Tensor = torch.linalg.qr(directions)[0].T
    return orthogonal[: 4 * size].reshape(4, size, width)


def _start_looking(attention: Any, looking: Looking, parts: Tensor, frequencies: Tensor) -> None:
    """Start the heads that will be told where to look, by comparing what stands before.

    A field's name ends two tokens before its kind: LINE brings it to the end of the line, whose own content is small.
    It ends two tokens before the answer decides, too: FIELD compares the two. A line of the question ends in labels, as
    what stands before a value on the page does: FIELD brings them to the answer, POINT compares, and COPY's first head.
    COPY's last head looks where the token said last came one back; both pass on what they look at.
    """
    before = (parts[ONE_BACK] + parts[TWO_BACK] + parts[THREE_BACK]) / 3**0.5
    name = parts[TWO_BACK] + 0.7 * parts[THREE_BACK]
    first = looking.heads[0]
    if looking.look is Look.LINE:
        _pass_on(attention, first, name, parts[CONTENT], scale=0.5)
    elif looking.look is Look.FIELD:
        _compare(attention, first, 2.0 * name, 2.0 * parts[CONTENT], frequencies)
        _pass_on(attention, first, before, parts[ONE_BACK], scale=0.5)
    elif looking.look is Look.POINT:
        for head in looking.heads:
            _compare(attention, head, 2.0 * parts[ONE_BACK], 2.0 * before, frequencies)
    else:
        for head in looking.heads:
            _pass_on(attention, head, parts[CONTENT], parts[CONTENT], scale=0.7)
        _compare(attention, first, 2.0 * parts[ONE_BACK], 2.0 * before, frequencies)
        _compare(attention, looking.heads[-1], 3.0 * parts[CONTENT], 3.0 * parts[ONE_BACK], frequencies)


def _slow(frequencies: Tensor) -> Tensor:
    """Mark the numbers of a head that RoPE hardly turns over a page; punctuation and gaps keep out of them."""
    is_slow: Tensor = frequencies < 5e-4
    return is_slow.repeat(2)


def _compare(attention: Any, head: int, of_query: Tensor, of_key: Tensor, frequencies: Tensor) -> None:
    """Make one head look where what the key holds along its rows is what the query holds along its own.

    Only RoPE's slow phases are used: the fast ones turn too far over a page.
    """
    half = len(frequencies)
    slow = torch.nonzero(_slow(frequencies))[:, 0]
    for projection, rows in ((attention.q_proj.weight, of_query), (attention.k_proj.weight, of_key)):
        projection[head * 2 * half + slow] = rows[slow]


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
