"""What is minimized where pixels are read: every patch's characters, and answers that have no words to copy from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llava_ocr.train.asking_data import Asked
from llava_ocr.train.characters import CharacterLoss, Reader, Reading, character_loss
from llava_ocr.train.loop import LossOf
from llava_ocr.train.losses import Losses, answer_losses
from llava_ocr.train.pixel_recipes import AskingStage
from llava_ocr.train.reading_data import Lesson
from llava_ocr.train.recipes import StageRecipe
from llava_ocr.train.seeing import embed_with_tiles, normalized, pixels_of, see

# The name of this loss on curves, beside those of the answer and of what attention looks at.
CHARACTERS = "characters"


def reading_losses(reader: Reader, lesson: Lesson, _pace: StageRecipe) -> Losses:
    """Compute the loss of a lesson's tiles; nothing but characters is asked."""
    features_TPD = see(reader.model, normalized(torch.from_numpy(lesson.tiles_THWC)))
    told = told_characters(reader, features_TPD, lesson.truth.classes_TPS)
    parts = {CHARACTERS: float(told.total.detach())}
    return Losses(told.total, parts, {CHARACTERS: told.num_right}, {CHARACTERS: told.num_printed})


def asking_losses(stage: AskingStage) -> LossOf:
    """Return the loss of an asking stage: the answer, where it looks, and the tiles' characters."""

    def losses_of(reader: Reader, asked: Asked, pace: StageRecipe) -> Losses:
        features_TPD = see(reader.model, pixels_of(asked.raster))
        tokens_L = torch.from_numpy(asked.example.tokens).long()
        embedded_LD = embed_with_tiles(reader.model, tokens_L, features_TPD, asked.raster)
        said = answer_losses(reader.model, embedded_LD, asked.example, pace)
        # The overview comes first; it is too small to be told what it says.
        told = told_characters(reader, features_TPD[1:], asked.truth.classes_TPS)
        return Losses(
            said.total + stage.character_weight * told.total,
            said.parts | {CHARACTERS: float(told.total.detach())},
            said.right | {CHARACTERS: told.num_right},
            said.asked | {CHARACTERS: told.num_printed},
        )

    return losses_of


def told_characters(reader: Reader, features_TPD: Tensor, classes_TPS: NDArray[np.int64]) -> CharacterLoss:
    """Compute the auxiliary loss of tiles' features."""
    head = reader.characters
    return character_loss(head(features_TPD), torch.from_numpy(classes_TPS), head.recipe)


@torch.no_grad()
def measure_reading(reader: Reader, lessons: Iterable[Lesson]) -> Reading:
    """Read lessons, and count what is right."""
    reading = Reading.empty()
    reader.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for lesson in lessons:
            features_TPD = see(reader.model, normalized(torch.from_numpy(lesson.tiles_THWC)))
            reading.add(reader.characters(features_TPD), lesson.truth)
    reader.train()
    return reading
