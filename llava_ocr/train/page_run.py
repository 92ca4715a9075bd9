"""Train a small pre-trained decoder on pages with several questions each. Killed and called again, it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW

from llava_ocr.catalog import Catalog
from llava_ocr.models.load import LoadedModel, load
from llava_ocr.schema import tree
from llava_ocr.train.checkpoint import Position, load_checkpoint
from llava_ocr.train.choice_loss import choice_loss
from llava_ocr.train.loop import CHECKPOINT_NAME, Run, begin, resume, train
from llava_ocr.train.merged import take_weights
from llava_ocr.train.page_maker import PageMaker
from llava_ocr.train.page_questions import QuestionEncoder
from llava_ocr.train.page_recipes import PageRecipe
from llava_ocr.train.questions import Question
from llava_ocr.train.recipes import StageName
from llava_ocr.train.sources import feed
from llava_ocr.train.world import World

_ADAPTED = "q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj"
_KNOWN = ("invoice", "receipt", "statement")
_SEED = 0


def train_pages(
    world: World, init: str, recipe: PageRecipe, out: Path, real: Sequence[Question] = (), after: Path | None = None
) -> None:
    """Be one of the processes that train. `after` is an earlier stage's checkpoint, whose weights this one begins with;
    where it trained the same weights, the optimizer goes on, too."""
    # One thread: on shared cores the barriers between threads cost more than the second core gives.
    torch.set_num_threads(1)
    model = load(init, precision="fp32", device="cpu")
    prepare(model.network, recipe)
    run = begin(model.network, recipe, (_optimizer(model.network, recipe),), choice_loss(model), is_cast=False)
    checkpoint = out / CHECKPOINT_NAME
    if checkpoint.exists():
        run = resume(run, checkpoint)
    elif after is not None:
        run = _follow(run, after)
    if run.position.step < recipe.steps:
        examples = feed(open_maker(model, recipe, real).example, start=run.position.examples, world=world)
        train(run, examples, out, world=world)


def _follow(run: Run, checkpoint: Path) -> Run:
    weights = load_checkpoint(checkpoint)[1]["model"]
    if weights.keys() == run.trained.keys():
        return replace(resume(run, checkpoint), position=Position(0, 0))
    take_weights(run.model, weights)
    return run


def open_maker(model: LoadedModel, recipe: PageRecipe, real: Sequence[Question] = ()) -> PageMaker:
    """Open the stream of a recipe's pages for a model."""
    catalog = Catalog()
    side = model.profile.patches_per_side
    return PageMaker(
        recipe.mix,
        QuestionEncoder(model),
        known={name: tree(catalog.get(name)) for name in _KNOWN},
        real=real,
        tile_px=model.profile.tile_px,
        num_visual=side * side + 1,
    )


def prepare(network: Any, recipe: PageRecipe) -> None:
    """Freeze what the recipe leaves alone, and put adapters in."""
    network.requires_grad_(False)
    if recipe.name is StageName.TUNE:
        # Optional: only adapters need it.
        from peft import LoraConfig, inject_adapter_in_model

        numbers = range(recipe.first_layer, network.config.text_config.num_hidden_layers)
        layers = "|".join(str(number) for number in numbers)
        torch.manual_seed(_SEED)
        shape = recipe.lora
        inject_adapter_in_model(
            LoraConfig(
                r=shape.rank,
                lora_alpha=shape.alpha,
                lora_dropout=shape.dropout,
                target_modules=rf".*language_model\.layers\.({layers})\..*\.({_ADAPTED})",
            ),
            network,
        )
    network.model.multi_modal_projector.requires_grad_(True)


def _optimizer(network: Any, recipe: PageRecipe) -> AdamW:
    projector: list[nn.Parameter] = []
    adapters: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            (projector if "multi_modal_projector" in name else adapters).append(weight)
    groups = [{"params": projector, "lr": recipe.projector_lr}]
    if adapters:
        groups.append({"params": adapters, "lr": recipe.lr})
    return AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)
