"""Train a model that reads pixels from nothing: tower, then questions. Killed and called again, it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from llava_ocr.grounding.candidates import spans
from llava_ocr.schema import GroupNode
from llava_ocr.train.asking_data import AskingPainter
from llava_ocr.train.characters import Reader
from llava_ocr.train.data import MakesExamples, stream
from llava_ocr.train.loop import Run, resume, start_as_it_is, train
from llava_ocr.train.model import build_model
from llava_ocr.train.pixel_losses import asking_losses, reading_losses
from llava_ocr.train.pixel_recipes import PixelRecipe, ReadingStage
from llava_ocr.train.reading_data import LessonPainter
from llava_ocr.train.ship import profile, save_folder
from llava_ocr.train.tokenizer import character_tokenizer

MODEL_SEED = 0
# Examples painted ahead of need: each holds megabytes of tiles.
NUM_AHEAD = 8


def train_pixels_from_nothing(recipe: PixelRecipe, *, known: Mapping[str, GroupNode], folder: Path, name: str) -> Path:
    """Run all stages, each in its own folder below `folder`; return the shipped folder.

    `known` are the trees of the schema files that are to be asked as they are.
    """
    # One thread: on shared cores the barriers between threads cost more than the second core gives.
    torch.set_num_threads(1)
    tokenizer = character_tokenizer()
    reader = build_reader(recipe, tokenizer)
    for number, reading in enumerate(recipe.reading):
        train_reading(reader, recipe, reading, folder / f"{number}-reading")
    for number, asking in enumerate(recipe.asking, start=len(recipe.reading)):
        painter = AskingPainter(recipe, asking, tokenizer, spans=spans, known=known)
        train_asking(reader, painter, folder / f"{number}-asking")
    shipped = folder / name
    save_folder(reader.model, tokenizer, recipe.model, pixel_profile(recipe, name=name), shipped)
    return shipped


def build_reader(recipe: PixelRecipe, tokenizer: Any) -> Reader:
    """Make a reader with fresh weights, always the same."""
    assert len(tokenizer) == recipe.model.num_pieces, (len(tokenizer), recipe.model.num_pieces)
    return Reader(build_model(recipe.model, tokenizer, seed=MODEL_SEED), recipe.characters)


def train_reading(reader: Reader, recipe: PixelRecipe, stage: ReadingStage, folder: Path) -> None:
    """Take a reading stage's remaining steps; the decoder rests."""
    reader.requires_grad_(False)
    for part in (reader.model.model.vision_tower, reader.model.model.multi_modal_projector, reader.characters):
        part.requires_grad_(True)
    _train_on(start_as_it_is(reader, stage.pace, reading_losses), LessonPainter(recipe, stage), folder)


def train_asking(reader: Reader, painter: AskingPainter, folder: Path) -> None:
    """Take an asking stage's remaining steps; everything learns."""
    reader.requires_grad_(True)
    stage = painter.stage
    _train_on(start_as_it_is(reader, stage.pace, asking_losses(stage)), painter, folder)


def pixel_profile(recipe: PixelRecipe, *, name: str) -> dict[str, Any]:
    """Say what pages must look like for the model: tiles in the recipe's grids, and no words in the prompt."""
    grids = [[grid.rows, grid.cols] for grid in recipe.model.grids]
    return profile(recipe.model, name=name) | {"grids": grids, "anchored_grids": grids, "takes_words": False}


def _train_on(run: Run, painter: MakesExamples[Any], folder: Path) -> None:
    """Go on from the folder's checkpoint, where there is one, to the end of the stage."""
    path = folder / "checkpoint.pt"
    run = resume(run, path) if path.exists() else run
    if run.position.step < run.recipe.steps:
        train(run, stream(painter, start=run.position.examples, num_ahead=NUM_AHEAD), folder)
