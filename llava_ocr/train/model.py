"""Build a LLaVA-NeXT from a recipe, and start it where copying is near: plain transformers, nothing subclassed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextForConditionalGeneration

from llava_ocr.prompts import GUESS_MARK, IMAGE_MARK
from llava_ocr.train.recipes import Look, Looking, ModelRecipe
from llava_ocr.train.tokenizer import MAX_GAP

# Parts of the residual stream that `start_copying` gives a meaning: what a token is; what stood one, and two or three
# tokens before it; of which line of the question it is a part; the value of which line it begins.
CONTENT, ONE_BACK, FURTHER_BACK, LINE_OF, VALUE_OF = range(5)
NUM_PARTS = 5
_CONTENT_NORM, _SHARED = 3.2, 1.6
# Numbers of a head that do not compare but say how welcome a token is to any query.
_PREFERRING = 4


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

    A token's content lives in one part of the residual stream (CONTENT), small for punctuation; gaps of like width
    have like contents. All tokens share one more number, from which the first layer's heads can tell positions: they
    bring what stood one, two and three tokens back into parts of their own. The supervised heads then compare such
    contents: see `_start_looking`. Everything else starts nearly silent.
    """
    decoder = model.model.language_model
    embedding: Tensor = decoder.embed_tokens.weight
    parts = _parts(embedding.shape[1])
    frequencies: Tensor = decoder.rotary_emb.inv_freq
    drawn = _contents(tokenizer, parts, num_names=len(_slow(frequencies)) - _PREFERRING)
    contents = _CONTENT_NORM * nn.functional.normalize(drawn, dim=1)
    embedding.copy_(contents @ parts[CONTENT])
    embedding[:, 0] = _SHARED
    decoder.norm.weight.fill_(0.25)
    for layer in decoder.layers:
        layer.self_attn.o_proj.weight.mul_(0.1)
        layer.mlp.down_proj.weight.mul_(0.1)
    backs = ((1, ONE_BACK, 0.2), (2, FURTHER_BACK, 0.25), (3, FURTHER_BACK, 0.25))
    for head, (back, part, scale) in enumerate(backs):
        _look_back(decoder.layers[0].self_attn, head, back, 5.0 * frequencies.sqrt(), frequencies)
        _pass_on(decoder.layers[0].self_attn, head, parts[CONTENT], parts[part], scale=scale)
    known = _Known(
        parts,
        frequencies,
        begin=contents[tokenizer.bos_token_id] / _CONTENT_NORM,
        newline=contents[tokenizer.convert_tokens_to_ids("Ċ")],
        mark=contents[tokenizer.convert_tokens_to_ids(GUESS_MARK.strip())] / _CONTENT_NORM,
        number=contents[[i for i, text in enumerate(_texts(tokenizer)) if text.isdigit()]].mean(0),
    )
    for looking in supervised:
        _start_looking(decoder.layers[looking.layer].self_attn, looking, known)


@dataclass(frozen=True, eq=False)
class _Known:
    """The residual stream's parts, RoPE's frequencies, and the contents of tokens that mark places."""

    parts: Tensor
    frequencies: Tensor
    begin: Tensor
    newline: Tensor
    number: Tensor
    mark: Tensor


def _texts(tokenizer: Any) -> list[str]:
    return [str(tokenizer.decode([i])) for i in range(len(tokenizer))]


def _is_gap(text: str) -> bool:
    return len(text) > 1 and not text.strip(" ")


def _contents(tokenizer: Any, parts: Tensor, *, num_names: int) -> Tensor:
    """Draw each token's content, `[token, size]`; only its first `num_names` numbers are compared.

    What has no letter or digit keeps out of those. In the others gaps have something in common, and are the more alike
    the nearer their widths (random features of the width); and so have numbers.
    """
    texts, size = _texts(tokenizer), parts.shape[1]
    content = torch.randn(len(texts), size)
    turns, phases, common = torch.randn(size) * 30.0, torch.rand(size) * 6.2832, torch.randn(size)
    digits = torch.randn(size)
    is_name = torch.arange(size) < num_names
    for i, text in enumerate(texts):
        if _is_gap(text):
            content[i] = (turns * len(text) / MAX_GAP + phases).cos() + 0.7 * common
        content[i] *= torch.where(is_name == any(c.isalnum() for c in text), 1.5, 0.15)
        if text.isdigit():
            content[i] += torch.where(is_name, 0.0, 1.0) * digits
    return content


def _parts(width: int) -> Tensor:
    """Cut the residual stream into orthogonal parts, `[part, size, width]`, with its first number left out."""
    size = (width - 1) // NUM_PARTS
    directions = torch.randn(width, width)
    directions[0] = 0.0
    orthogonal: Tensor = torch.linalg.qr(directions)[0].T
    return orthogonal[: NUM_PARTS * size].reshape(NUM_PARTS, size, width)


def _start_looking(attention: Any, looking: Looking, known: _Known) -> None:
    """Start the heads that will be told where to look.

    LINE brings the content of a line's number to the line's tokens. FIELD compares the name said in the answer, TAG
    what stands before a word, with what stands in the question; both bring the line's number along. POINT and COPY's
    first head compare the numbers that answer and page have come by; COPY's last looks where the token said last came
    one back. Those two pass on what they look at. What finds nothing looks at the first token of all.
    """
    parts, frequencies = known.parts, known.frequencies
    first = looking.heads[0]
    if looking.look is Look.LINE:
        _look_at_line_start(attention, first, known.newline @ parts[ONE_BACK], frequencies)
        _pass_on(attention, first, parts[CONTENT], parts[LINE_OF], scale=0.35)
    elif looking.look is Look.FIELD:
        _compare(attention, first, 8.0 * parts[FURTHER_BACK], parts[CONTENT], frequencies)
        _prefer(attention, first, 15.0 * known.number @ parts[LINE_OF], frequencies)
        _pass_on(attention, first, parts[LINE_OF], parts[LINE_OF], scale=1.5)
    elif looking.look is Look.TAG:
        before = parts[ONE_BACK] + parts[FURTHER_BACK]
        for head in looking.heads:
            _compare(attention, head, 6.0 * before, parts[CONTENT], frequencies)
            _prefer(attention, head, 60.0 * known.begin @ parts[CONTENT], frequencies)
            _prefer(attention, head, 20.0 * known.number @ parts[LINE_OF], frequencies)
            _pass_on(attention, head, parts[LINE_OF], parts[VALUE_OF], scale=0.5)
    elif looking.look is Look.GUESS:
        _compare(attention, first, 1.5 * parts[LINE_OF], parts[LINE_OF], frequencies)
        _prefer(attention, first, 20.0 * (known.mark @ parts[FURTHER_BACK] + known.begin @ parts[CONTENT]), frequencies)
        _pass_on(attention, first, parts[CONTENT], parts[CONTENT], scale=0.7)
    elif looking.look is Look.POINT:
        for head in looking.heads:
            _compare(attention, head, 1.5 * parts[LINE_OF], parts[VALUE_OF], frequencies)
            _prefer(attention, head, 20.0 * known.begin @ parts[CONTENT], frequencies)
        _pass_on(attention, first, parts[CONTENT], parts[CONTENT], scale=0.5)
    else:
        for head in looking.heads:
            _pass_on(attention, head, parts[CONTENT], parts[CONTENT], scale=0.7)
        _compare(attention, first, 1.5 * parts[LINE_OF], parts[VALUE_OF], frequencies)
        _prefer(attention, first, 20.0 * known.begin @ parts[CONTENT], frequencies)
        _compare(attention, looking.heads[-1], 9.0 * parts[CONTENT], parts[ONE_BACK], frequencies)


def _slow(frequencies: Tensor) -> Tensor:
    """Return the numbers of a head that RoPE hardly turns over a page: with these alone, contents are compared."""
    return torch.nonzero((frequencies < 5e-4).repeat(2))[:, 0]


def _compare(attention: Any, head: int, of_query: Tensor, of_key: Tensor, frequencies: Tensor) -> None:
    """Make one head look where what the key holds along its rows is what the query holds along its own."""
    slow = _slow(frequencies)
    begin = head * attention.head_dim
    for projection, rows in ((attention.q_proj.weight, of_query), (attention.k_proj.weight, of_key)):
        projection[begin : begin + attention.head_dim] *= 0.1
        projection[begin + slow[_PREFERRING:]] = rows[: len(slow) - _PREFERRING]
        projection[begin + slow[:_PREFERRING]] = 0.0


def _prefer(attention: Any, head: int, direction: Tensor, frequencies: Tensor) -> None:
    """Make one head look at tokens along `direction` the more, whatever is sought: number 0, which all share, asks."""
    rows = head * attention.head_dim + _slow(frequencies)[:_PREFERRING]
    attention.q_proj.weight[rows, 0] = 1.0
    attention.k_proj.weight[rows] += 0.1 * direction


def _pass_on(attention: Any, head: int, read: Tensor, written: Tensor, *, scale: float) -> None:
    """Make one head read along the rows of `read` and write along those of `written`."""
    rows = slice(head * attention.head_dim, head * attention.head_dim + len(read))
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = scale * written.T


def _look_at_line_start(attention: Any, head: int, after_newline: Tensor, frequencies: Tensor) -> None:
    """Make one head look at the nearest token that follows a newline: slow phases find such, middle ones the nearest.

    Queries are made of the embeddings' shared part (number 0) alone.
    """
    half = len(frequencies)
    begin = head * 2 * half
    slow = _slow(frequencies)
    middle = torch.nonzero((frequencies > 0.01) & (frequencies < 0.2))[:, 0]
    query, key = attention.q_proj.weight, attention.k_proj.weight
    query[begin : begin + 2 * half], key[begin : begin + 2 * half] = 0.0, 0.0
    query[begin + slow, 0] = 0.5
    key[begin + slow] = 0.25 * after_newline
    query[begin + middle, 0], key[begin + middle, 0] = 1.0, 1.0


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
