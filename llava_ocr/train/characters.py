"""The auxiliary head: every patch's characters, read off the features that the language model gets.

It stands after the projector and outside the saved model: what it can read linearly, the decoder can read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import LlavaNextForConditionalGeneration

from llava_ocr.train.patch_truth import IGNORED, NOTHING, PatchTruth
from llava_ocr.train.pixel_recipes import CharacterRecipe

# T tiles, P patches of a tile, S slots of a patch, K classes of a slot, D width of the language model

# Heights of print, from ascender to descender, by which reading is told apart: a point is 1.3 pixels at 93 dpi.
HEIGHT_EDGES_PX = (0.0, 12.0, 15.0, 18.0, 24.0, 100.0)


class CharacterHead(nn.Module):
    """Scores each slot's classes from a patch's projected features."""

    def __init__(self, width: int, recipe: CharacterRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.norm = nn.LayerNorm(width)
        self.slots = nn.Linear(width, recipe.slots * recipe.num_classes)

    def forward(self, features_TPD: Tensor) -> Tensor:
        """Return scores `[T, P, S, K]`."""
        scores: Tensor = self.slots(self.norm(features_TPD))
        return scores.view(*features_TPD.shape[:2], self.recipe.slots, self.recipe.num_classes)


class Reader(nn.Module):
    """What is trained: a LLaVA-NeXT and, beside it, the head that only training has."""

    def __init__(self, model: LlavaNextForConditionalGeneration, recipe: CharacterRecipe) -> None:
        super().__init__()
        self.model = model
        self.characters = CharacterHead(model.config.text_config.hidden_size, recipe)


@dataclass(frozen=True)
class CharacterLoss:
    """The loss over all judged slots, and how many characters were right of how many printed ones."""

    total: Tensor
    num_right: int
    num_printed: int


def character_loss(scores_TPSK: Tensor, classes_TPS: Tensor, recipe: CharacterRecipe) -> CharacterLoss:
    """Cross-entropy of the judged slots. Those that end a patch's characters count, empty patches count less."""
    flat_NK, classes_N = scores_TPSK.flatten(0, 2).float(), classes_TPS.flatten()
    is_judged = classes_N != IGNORED
    is_blank_TPS = torch.zeros_like(classes_TPS, dtype=torch.bool)
    is_blank_TPS[:, :, 0] = classes_TPS[:, :, 0] == NOTHING
    weights_N = torch.where(is_blank_TPS.flatten(), recipe.blank_weight, 1.0) * is_judged
    losses_N = F.cross_entropy(flat_NK, classes_N, ignore_index=IGNORED, reduction="none")
    total = (losses_N * weights_N).sum() / weights_N.sum().clamp(min=1.0)
    is_printed = classes_N > NOTHING
    num_right = int(((flat_NK.argmax(-1) == classes_N) & is_printed).sum())
    return CharacterLoss(total, num_right, int(is_printed.sum()))


@dataclass
class Reading:
    """How much of some print was read: characters right in their own slot, by the print's height in pixels."""

    right: NDArray[np.int64]
    printed: NDArray[np.int64]
    num_patches: int = 0
    num_patches_right: int = 0

    @classmethod
    def empty(cls) -> Reading:
        """Nothing read yet."""
        num_heights = len(HEIGHT_EDGES_PX) - 1
        return cls(np.zeros(num_heights, np.int64), np.zeros(num_heights, np.int64))

    def add(self, scores_TPSK: Tensor, truth: PatchTruth) -> None:
        """Count one page's tiles. A patch with print is right when all its judged slots are."""
        said_TPS = scores_TPSK.argmax(-1).cpu().numpy()
        is_printed = truth.classes_TPS > NOTHING
        is_right = said_TPS == truth.classes_TPS
        heights = truth.height_px_TPS
        self.printed += np.histogram(heights[is_printed], HEIGHT_EDGES_PX)[0]
        self.right += np.histogram(heights[is_printed & is_right], HEIGHT_EDGES_PX)[0]
        has_print_TP = is_printed.any(-1)
        all_right_TP = (is_right | (truth.classes_TPS == IGNORED)).all(-1)
        self.num_patches += int(has_print_TP.sum())
        self.num_patches_right += int((has_print_TP & all_right_TP).sum())

    def shares(self) -> Mapping[str, float]:
        """Shares of characters right, in all and by height, and of patches wholly right."""
        by_height = {
            f"{low:.0f}-{high:.0f} px": right / printed
            for low, high, right, printed in zip(
                HEIGHT_EDGES_PX, HEIGHT_EDGES_PX[1:], self.right.tolist(), self.printed.tolist(), strict=False
            )
            if printed
        }
        total = self.right.sum() / max(1, self.printed.sum())
        return {"characters": float(total), "patches": self.num_patches_right / max(1, self.num_patches)} | by_height
