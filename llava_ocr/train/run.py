"""Train the shipped model from nothing: tokenizer, stages, checkpoint folder. Killed and called again, it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from llava_ocr.grounding.candidates import spans
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import GroupNode
from llava_ocr.train.corpus import tokenizer_texts
from llava_ocr.train.data import Painter, stream
from llava_ocr.train.loop import Run, resume, start, train
from llava_ocr.train.model import build_model, start_copying
from llava_ocr.train.recipes import ModelRecipe, StageRecipe
from llava_ocr.train.ship import ship
from llava_ocr.train.tokenizer import train_tokenizer

MODEL_SEED = 0


def train_from_nothing(
    model_recipe: ModelRecipe,
    stages: tuple[StageRecipe, ...],
    *,
    known: Mapping[str, GroupNode],
    folder: Path,
    name: str,
) -> Path:
    """Run all stages, each in its own folder below `folder`; return the shipped folder.

    `known` are the trees of the schema files that are to be asked as they are.
    """
    # One thread: on shared cores the barriers between threads cost more than the second core gives.
    torch.set_num_threads(1)
    tokenizer = train_tokenizer(tokenizer_texts(), num_pieces=model_recipe.num_pieces)
    model = build_model(model_recipe, tokenizer, seed=MODEL_SEED)
    start_copying(model, tokenizer, stages[0].looking)
    for number, stage in enumerate(stages):
        place = folder / f"{number}-{stage.name}"
        run = _at_checkpoint(start(model, stage), place)
        if run.position.step < stage.steps:
            painter = Painter(model_recipe, stage, tokenizer, spans=spans, guess=guesses, known=known)
            train(run, stream(painter, start=run.position.examples), place)
    shipped = folder / name
    ship(model, tokenizer, model_recipe, name=name, folder=shipped)
    return shipped


def _at_checkpoint(run: Run, place: Path) -> Run:
    path = place / "checkpoint.pt"
    return resume(run, path) if path.exists() else run
