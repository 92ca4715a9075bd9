"""What is minimized: the answer's next tokens, and where the supervised heads look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlavaNextForConditionalGeneration
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from llava_ocr.train.examples import Example, Looks
from llava_ocr.train.recipes import Looking, StageRecipe

LEAST_NONE_WEIGHT = 0.1
# L tokens of the sequence, A tokens of the answer, Q looks, H heads, D width, K width of a head


@dataclass(frozen=True)
class Losses:
    """One example's loss and its parts; `right` and `asked` count the chosen tokens, and each look's queries."""

    total: Tensor
    parts: dict[str, float]
    right: dict[str, int]
    asked: dict[str, int]


def embed(model: LlavaNextForConditionalGeneration, example: Example) -> Tensor:
    """Embed the tokens, with the overview's features (as LLaVA packs a single tile) in the places held for it."""
    core = model.model
    pixels_NCHW = torch.from_numpy(example.overview_HWC).permute(2, 0, 1)[None].float().div(255).sub(1.0).div(0.5)
    hidden = core.vision_tower(pixels_NCHW, output_hidden_states=True).hidden_states[model.config.vision_feature_layer]
    features_PD = core.multi_modal_projector(hidden[:, 1:])[0]
    features_PD = torch.cat([features_PD, core.image_newline[None]])
    tokens_L = torch.from_numpy(example.tokens).long()
    embedded_LD = model.get_input_embeddings()(tokens_L)
    first = 1
    return torch.cat([embedded_LD[:first], features_PD.to(embedded_LD.dtype), embedded_LD[first + len(features_PD) :]])


def losses(model: LlavaNextForConditionalGeneration, example: Example, recipe: StageRecipe) -> Losses:
    """Compute one example's losses, its page shown as the overview."""
    return answer_losses(model, embed(model, example), example, recipe)


def answer_losses(
    model: LlavaNextForConditionalGeneration, embedded_LD: Tensor, example: Example, recipe: StageRecipe
) -> Losses:
    """Compute one example's losses from its embedded tokens."""
    decoder = model.model.language_model
    seen: dict[int, Tensor] = {}
    hooks = [_keep_input(decoder, looking.layer, seen) for looking in recipe.looking]
    try:
        hidden_LD = decoder(inputs_embeds=embedded_LD[None], use_cache=False).last_hidden_state[0]
    finally:
        for hook in hooks:
            hook.remove()
    targets_A = torch.from_numpy(example.tokens[example.start :]).long()
    weights_A = torch.from_numpy(example.weights)
    logits_AV = model.lm_head(hidden_LD[example.start - 1 : -1]).float()
    total = (F.cross_entropy(logits_AV, targets_A, reduction="none") * weights_A).sum() / weights_A.sum()
    chosen = weights_A == 1
    parts = {"answer": float(total.detach())}
    right = {"answer": int(((logits_AV.argmax(-1) == targets_A) & chosen).sum())}
    asked = {"answer": int(chosen.sum())}
    for looking in recipe.looking:
        loss, right[looking.look], asked[looking.look] = _look_loss(decoder, seen, looking, example.looks[looking.look])
        parts[looking.look] = float(loss.detach())
        total = total + looking.weight * loss
    return Losses(total, parts, right, asked)


def _keep_input(decoder: Any, layer: int, seen: dict[int, Tensor]) -> Any:
    def keep(_module: Any, _positional: Any, named: dict[str, Any]) -> None:
        seen[layer] = named["hidden_states"]

    return decoder.layers[layer].self_attn.register_forward_pre_hook(keep, with_kwargs=True)


def _look_loss(decoder: Any, seen: dict[int, Tensor], looking: Looking, looks: Looks) -> tuple[Tensor, int, int]:
    """Cross-entropy of each supervised head's attention with the places that would do; how many heads were right."""
    if not len(looks.query):
        return torch.zeros(()), 0, 0
    hidden_LD = seen[looking.layer][0]
    attention = decoder.layers[looking.layer].self_attn
    unique, row_of = torch.unique(torch.from_numpy(looks.query).long(), return_inverse=True)
    length, last = len(hidden_LD), int(unique.max()) + 1
    cos, sin = decoder.rotary_emb(hidden_LD[None], torch.arange(length)[None])
    size = attention.head_dim
    rows = torch.cat([torch.arange(head * size, (head + 1) * size) for head in looking.heads])
    keys = F.linear(hidden_LD[:last], attention.k_proj.weight[rows]).view(1, last, -1, size).transpose(1, 2)
    queries = F.linear(hidden_LD[unique], attention.q_proj.weight[rows]).view(1, len(unique), -1, size).transpose(1, 2)
    keys, _ = apply_rotary_pos_emb(keys, keys, cos[:, :last], sin[:, :last])
    queries, _ = apply_rotary_pos_emb(queries, queries, cos[:, unique], sin[:, unique])
    scores_HQL = (queries[0] @ keys[0].transpose(1, 2)).float() * attention.scaling
    scores_HQL = scores_HQL.masked_fill(torch.arange(last)[None] > unique[:, None], float("-inf"))
    would_do_QL = torch.zeros(len(unique), last, dtype=torch.bool)
    would_do_QL[row_of, torch.from_numpy(looks.source).long()] = True
    log_shares_HQL = scores_HQL.log_softmax(-1)
    found_HQ = log_shares_HQL.masked_fill(~would_do_QL, float("-inf")).logsumexp(-1)
    loss = -(found_HQ * _balance(would_do_QL[:, 0])).mean()
    best = log_shares_HQL[0].argmax(-1)
    return loss, int(would_do_QL[torch.arange(len(unique)), best].sum()), len(unique)


def _balance(is_none_Q: Tensor) -> Tensor:
    """Weigh the queries that should find nothing no more than the others together: most words are no value."""
    num_none = int(is_none_Q.sum())
    weight = min(1.0, (len(is_none_Q) - num_none) / max(1, num_none))
    weights_Q = torch.where(is_none_Q, max(weight, LEAST_NONE_WEIGHT), 1.0)
    return weights_Q / weights_Q.mean()
