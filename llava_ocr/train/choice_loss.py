"""The loss of several questions about a page in one pass, where only what the grammar allows competes."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from llava_ocr.engines.vision import Vision
from llava_ocr.models.load import LoadedModel
from llava_ocr.train.block_decoder import BlockDecoder
from llava_ocr.train.loop import LossOf
from llava_ocr.train.losses import Losses
from llava_ocr.train.page_questions import AskedTokens, PageQuestions

# N tokens of the pass, D width, C choices, U tokens that any of them allows


def choice_loss(model: LoadedModel) -> LossOf:
    """Return the loss: of each question what a field costs on average, of a page the mean over its questions.

    What the grammar forces costs nothing. The part "question" is the share of questions with any choice wrong.
    """
    decoder = BlockDecoder(model.network.model.language_model)
    vision = Vision(model.network, pixel_mean=model.pixel_mean, pixel_std=model.pixel_std, max_tiles=1)

    def loss_of(network: Any, example: PageQuestions, _recipe: object) -> Losses:
        lengths = [len(example.page), *(len(one.tokens) for one in example.asked)]
        hidden_ND = decoder(embed(network, vision, example), lengths)
        starts = list(accumulate(lengths, initial=0))[:-1]
        places = [
            start + choice.place - 1
            for start, one in zip(starts[1:], example.asked, strict=True)
            for choice in one.choices
        ]
        logits_CU, rights_C = choice_logits(network.lm_head.weight, hidden_ND[places], example)
        losses_C = F.cross_entropy(logits_CU, rights_C, reduction="none")
        total = (losses_C * _weights(example)).sum()
        is_right = (logits_CU.argmax(-1) == rights_C).tolist()
        whole = [all(part) for part in _parted(is_right, example.asked)]
        parts = {"answer": float(total.detach()), "question": 1 - sum(whole) / len(whole)}
        right = {"answer": sum(is_right), "question": sum(whole)}
        return Losses(total, parts, right, {"answer": len(is_right), "question": len(whole)})

    return loss_of


def choice_logits(head_VD: Tensor, hidden_CD: Tensor, example: PageQuestions) -> tuple[Tensor, Tensor]:
    """Score the tokens that any choice allows, those that this one does not at minus infinity; and which is right."""
    choices = [choice for one in example.asked for choice in one.choices]
    union_U = np.unique(np.concatenate([choice.allowed for choice in choices]))
    logits_CU = hidden_CD @ head_VD[torch.from_numpy(union_U).long()].t()
    barred_CU = np.ones(logits_CU.shape, np.bool_)
    for row, choice in enumerate(choices):
        barred_CU[row, np.searchsorted(union_U, choice.allowed)] = False
    rights = [int(np.searchsorted(union_U, choice.allowed[choice.right])) for choice in choices]
    return logits_CU.masked_fill(torch.from_numpy(barred_CU), float("-inf")), torch.tensor(rights)


def _weights(example: PageQuestions) -> Tensor:
    """How much each choice counts: a field costs the sum of its choices, fields and questions count alike."""
    weights = [1 / (one.num_fields * len(example.asked)) for one in example.asked for _ in one.choices]
    return torch.tensor(weights)


def _parted(listed: list[bool], asked: tuple[AskedTokens, ...]) -> list[list[bool]]:
    ends = list(accumulate(len(one.choices) for one in asked))
    return [listed[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def embed(network: Any, vision: Vision, example: PageQuestions) -> Tensor:
    """Embed the tokens `[N, D]`, with the overview's visual tokens in the places held for them."""
    tokens_N = torch.from_numpy(np.concatenate([example.page, *(one.tokens for one in example.asked)])).long()
    is_visual_N = tokens_N == network.config.image_token_id
    embedded_ND: Tensor = network.get_input_embeddings()(tokens_N.masked_fill(is_visual_N, 0))
    if example.overview_HWC is None:
        return embedded_ND
    return embedded_ND.masked_scatter(is_visual_N[:, None], vision.glance(example.overview_HWC))
