"""The training loop: a stage's steps, from a checkpoint or from the start. It knows no model and no kind of example."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from transformers import LlavaNextForConditionalGeneration

from llava_ocr.errors import ConfigError
from llava_ocr.train.checkpoint import Position, load_checkpoint, save_checkpoint
from llava_ocr.train.curve import CURVE_NAME, draw_beside, forget_after
from llava_ocr.train.losses import Losses, losses
from llava_ocr.train.recipes import StageName, StageRecipe
from llava_ocr.train.world import ALONE, World

CHECKPOINT_NAME = "checkpoint.pt"
# A parameter group's learning rate before the schedule.
FULL_LR = "full_lr"


class Pace(Protocol):
    """What the loop reads of a recipe."""

    @property
    def steps(self) -> int:
        """Optimizer updates in all."""
        ...

    @property
    def examples_per_step(self) -> int:
        """Examples whose gradients make one update, over all processes."""
        ...

    @property
    def warmup_steps(self) -> int:
        """Updates over which the learning rate rises."""
        ...

    @property
    def decay_steps(self) -> int:
        """Last updates, over which the learning rate falls to nothing."""
        ...

    @property
    def checkpoint_every_s(self) -> float:
        """Seconds between checkpoints."""
        ...


# What a step minimizes: model, example and recipe to losses.
LossOf = Callable[[Any, Any, Any], Losses]


@dataclass
class Run:
    """A model in training with its optimizers and how far it is."""

    model: nn.Module
    recipe: Pace
    optimizers: tuple[Optimizer, ...]
    loss_of: LossOf
    position: Position = field(default_factory=lambda: Position(0, 0))
    # Whether products are computed in bf16; on a CPU that has none that is slow.
    is_cast: bool = True

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The weights that change, by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs: of the weights those that change."""
        weights = {name: weight.detach() for name, weight in self.trained.items()}
        return {"model": weights, "optimizers": [each.state_dict() for each in self.optimizers]}


def start(model: LlavaNextForConditionalGeneration, recipe: StageRecipe) -> Run:
    """Freeze what the stage leaves alone, and give the rest its optimizers."""
    if recipe.name is StageName.ALIGN:
        model.requires_grad_(False)
        model.model.multi_modal_projector.requires_grad_(True)
    for looking in recipe.looking:
        if looking.is_held:
            _hold(model.model.language_model.layers[looking.layer].self_attn, looking.heads)
    return start_as_it_is(model, recipe, losses)


def start_as_it_is(model: nn.Module, recipe: StageRecipe, loss_of: LossOf) -> Run:
    """Give all weights that are not frozen their optimizers: Muon for matrices, AdamW for the others."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            is_matrix = weight.ndim == 2 and "embed" not in name and "lm_head" not in name
            (matrices if is_matrix else others).append(weight)
    muon = Muon(matrices, lr=recipe.lr, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw")
    adamw = AdamW(others, lr=recipe.embedding_lr, betas=(0.9, 0.98), weight_decay=0.0)
    return begin(model, recipe, (muon, adamw), loss_of)


def _hold(attention: Any, heads: Sequence[int]) -> None:
    """Keep updates from what heads pass on. Rows and columns without a gradient stay so in Muon's update."""
    size = attention.head_dim
    held = torch.cat([torch.arange(head * size, (head + 1) * size) for head in heads])
    for weight, dimension in ((attention.v_proj.weight, 0), (attention.o_proj.weight, 1)):
        if weight.requires_grad:
            weight.register_hook(lambda gradient, dimension=dimension: gradient.index_fill(dimension, held, 0.0))


def begin(
    model: nn.Module, recipe: Pace, optimizers: tuple[Optimizer, ...], loss_of: LossOf, *, is_cast: bool = True
) -> Run:
    """Make a run of optimizers whose learning rates are the full ones."""
    for group in _groups(optimizers):
        group[FULL_LR] = group["lr"]
    return Run(model, recipe, optimizers, loss_of, is_cast=is_cast)


def resume(run: Run, path: Path) -> Run:
    """Load a checkpoint into a run just started. Raises ConfigError where it is of another model or recipe."""
    position, state = load_checkpoint(path)
    rates = [group[FULL_LR] for group in _groups(run.optimizers)]
    try:
        with torch.no_grad():
            for name, weight in run.trained.items():
                weight.copy_(state["model"][name])
        for optimizer, saved in zip(run.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
    except (KeyError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{path} is a checkpoint of another model or recipe") from error
    for group, rate in zip(_groups(run.optimizers), rates, strict=True):
        group[FULL_LR] = rate
    run.position = position
    return run


def train(run: Run, examples: Iterator[Any], folder: Path, *, world: World = ALONE) -> None:
    """Take the remaining steps. `examples` are this process's own: of the run's, every `world.size`-th.

    Writes `checkpoint.pt` now and then and at the end, a line of `curve.jsonl` a step, and the curve's drawing.
    """
    world.share_of(run.recipe.examples_per_step)
    if world.is_first:
        folder.mkdir(parents=True, exist_ok=True)
        forget_after(folder / CURVE_NAME, run.position.step)
    saved_at = time.monotonic()
    run.model.train()
    while run.position.step < run.recipe.steps:
        began = time.process_time()
        parts = step(run, examples, world=world)
        if not world.is_first:
            continue
        with (folder / CURVE_NAME).open("a") as curve:
            curve.write(json.dumps(_summary(run.position.step, parts, time.process_time() - began)) + "\n")
        is_last = run.position.step == run.recipe.steps
        if is_last or time.monotonic() - saved_at > run.recipe.checkpoint_every_s:
            save_checkpoint(folder / CHECKPOINT_NAME, run.position, run.state())
            draw_beside(folder, title=f"{folder.name}, loss a step")
            saved_at = time.monotonic()


def step(run: Run, examples: Iterator[Any], *, world: World = ALONE) -> list[Losses]:
    """Make one update from the next examples; return the losses of all processes' examples."""
    for group in _groups(run.optimizers):
        group["lr"] = group[FULL_LR] * schedule(run.position.step, run.recipe)
    for optimizer in run.optimizers:
        optimizer.zero_grad()
    num_own = world.share_of(run.recipe.examples_per_step)
    own: list[Losses] = []
    # One autocast for all, so that the weights are cast once.
    with torch.autocast(next(run.model.parameters()).device.type, dtype=torch.bfloat16, enabled=run.is_cast):
        for number in range(num_own):
            # Dropout is drawn anew for each example, whichever process takes it and however often the run is resumed.
            torch.manual_seed(run.position.examples + number * world.size + world.rank)
            own.append(_backward(run, next(examples)))
    weights = list(run.trained.values())
    world.add_gradients(weights)
    nn.utils.clip_grad_norm_(weights, 1.0)
    for optimizer in run.optimizers:
        optimizer.step()
    run.position = Position(run.position.step + 1, run.position.examples + run.recipe.examples_per_step)
    return world.gather(own)


def schedule(step_index: int, recipe: Pace) -> float:
    """Share of the full learning rate at a step: up, level, and linearly down to nothing."""
    up = (step_index + 1) / recipe.warmup_steps
    down = (recipe.steps - step_index) / recipe.decay_steps
    return min(1.0, up, down)


def _groups(optimizers: tuple[Optimizer, ...]) -> list[dict[str, Any]]:
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def _backward(run: Run, example: Any) -> Losses:
    """Add one example's share to the gradients; what is returned holds no graph."""
    parts = run.loss_of(run.model, example, run.recipe)
    torch.autograd.backward(parts.total / run.recipe.examples_per_step)
    return Losses(parts.total.detach().cpu(), parts.parts, parts.right, parts.asked)


def _summary(step_index: int, parts: list[Losses], seconds: float) -> dict[str, float]:
    summary: dict[str, float] = {"step": step_index, "cpu_s": round(seconds, 2)}
    for name in parts[0].parts:
        asked = max(1, sum(part.asked[name] for part in parts))
        summary[name] = round(sum(part.parts[name] for part in parts) / len(parts), 3)
        summary[f"{name}_right"] = round(sum(part.right[name] for part in parts) / asked, 3)
    return summary
