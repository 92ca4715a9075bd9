"""The loss of a LLaVA-NeXT's answers about whole pages, through the tiles and the packing that the engine uses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from llava_ocr.engines.vision import Vision
from llava_ocr.models.load import LoadedModel
from llava_ocr.train.loop import LossOf
from llava_ocr.train.losses import Losses
from llava_ocr.train.turns import TiledExample

# Tiles that go through the vision tower at once.
_MAX_TILES = 8
# L tokens of the sequence, D the decoder's width, A tokens of the answers, V the vocabulary


def answer_loss(model: LoadedModel) -> LossOf:
    """Return the loss of the answers' tokens: their weighted mean in each example."""
    vision = Vision(model.network, pixel_mean=model.pixel_mean, pixel_std=model.pixel_std, max_tiles=_MAX_TILES)

    def loss_of(network: Any, example: TiledExample, _recipe: object) -> Losses:
        hidden_LD = network.model.language_model(
            inputs_embeds=embed(network, vision, example)[None], use_cache=False
        ).last_hidden_state[0]
        weights_L = torch.from_numpy(example.weights).to(hidden_LD.device)
        places_A = torch.nonzero(weights_L)[:, 0]
        targets_A = torch.from_numpy(example.tokens).long().to(hidden_LD.device)[places_A]
        weights_A = weights_L[places_A]
        logits_AV = network.lm_head(hidden_LD[places_A - 1]).float()
        total = (F.cross_entropy(logits_AV, targets_A, reduction="none") * weights_A).sum() / weights_A.sum()
        chosen_A = weights_A == 1
        right = int(((logits_AV.argmax(-1) == targets_A) & chosen_A).sum())
        return Losses(total, {"answer": float(total.detach())}, {"answer": right}, {"answer": int(chosen_A.sum())})

    return loss_of


def embed(network: Any, vision: Vision, example: TiledExample) -> Tensor:
    """Embed the tokens `[L, D]`, with the pages' visual tokens in the places held for them."""
    embedding = network.get_input_embeddings()
    tokens_L = torch.from_numpy(example.tokens).long().to(embedding.weight.device)
    is_visual_L = tokens_L == network.config.image_token_id
    # The image token may lie beyond the vocabulary that the decoder was trained with.
    embedded_LD: Tensor = embedding(tokens_L.masked_fill(is_visual_L, 0))
    if not example.rasters:
        return embedded_LD
    features_LD = torch.cat(vision.encode(example.rasters)).to(embedded_LD.dtype)
    assert len(features_LD) == int(is_visual_L.sum()), (len(features_LD), int(is_visual_L.sum()))
    return embedded_LD.masked_scatter(is_visual_L[:, None], features_LD)
