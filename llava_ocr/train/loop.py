"""The training loop: a stage's steps, from a checkpoint or from the start."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from transformers import LlavaNextForConditionalGeneration

from llava_ocr.train.checkpoint import Position, load_checkpoint, save_checkpoint
from llava_ocr.train.examples import Example
from llava_ocr.train.losses import Losses, losses
from llava_ocr.train.recipes import StageName, StageRecipe


@dataclass
class Run:
    """A model in training with its optimizers and how far it is."""

    model: LlavaNextForConditionalGeneration
    recipe: StageRecipe
    optimizers: tuple[Optimizer, ...]
    position: Position = field(default_factory=lambda: Position(0, 0))

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {"model": self.model.state_dict(), "optimizers": [each.state_dict() for each in self.optimizers]}


def start(model: LlavaNextForConditionalGeneration, recipe: StageRecipe) -> Run:
    """Freeze what the stage leaves alone, and give the rest its optimizers: Muon for matrices, AdamW for the others."""
    if recipe.name is StageName.ALIGN:
        model.requires_grad_(False)
        model.model.multi_modal_projector.requires_grad_(True)
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            is_matrix = weight.ndim == 2 and "embed" not in name and "lm_head" not in name
            (matrices if is_matrix else others).append(weight)
    muon = Muon(matrices, lr=recipe.lr, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw")
    adamw = AdamW(others, lr=recipe.embedding_lr, betas=(0.9, 0.98), weight_decay=0.0)
    return Run(model, recipe, (muon, adamw))


def resume(run: Run, path: Path) -> Run:
    """Load a checkpoint into a run just started."""
    position, state = load_checkpoint(path)
    run.model.load_state_dict(state["model"])
    for optimizer, saved in zip(run.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    run.position = position
    return run


def train(run: Run, examples: Iterator[Example], folder: Path) -> None:
    """Take the remaining steps. Writes `checkpoint.pt` now and then and at the end, a line of `curve.jsonl` a step."""
    folder.mkdir(parents=True, exist_ok=True)
    saved_at = time.monotonic()
    run.model.train()
    with (folder / "curve.jsonl").open("a") as curve:
        while run.position.step < run.recipe.steps:
            began = time.process_time()
            parts = step(run, examples)
            curve.write(json.dumps(_summary(run.position.step, parts, time.process_time() - began)) + "\n")
            curve.flush()
            is_last = run.position.step == run.recipe.steps
            if is_last or time.monotonic() - saved_at > run.recipe.checkpoint_every_s:
                save_checkpoint(folder / "checkpoint.pt", run.position, run.state())
                saved_at = time.monotonic()


def step(run: Run, examples: Iterator[Example]) -> list[Losses]:
    """Make one update from the next examples."""
    for optimizer, lr in zip(run.optimizers, (run.recipe.lr, run.recipe.embedding_lr), strict=True):
        optimizer.zero_grad()
        for group in optimizer.param_groups:
            group["lr"] = lr * schedule(run.position.step, run.recipe)
    # One autocast for all, so that the weights are cast once.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts = [_backward(run, next(examples)) for _ in range(run.recipe.examples_per_step)]
    nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    for optimizer in run.optimizers:
        optimizer.step()
    run.position = Position(run.position.step + 1, run.position.examples + len(parts))
    return parts


def schedule(step_index: int, recipe: StageRecipe) -> float:
    """Share of the full learning rate at a step: up, level, and linearly down to nothing."""
    up = (step_index + 1) / recipe.warmup_steps
    down = (recipe.steps - step_index) / recipe.decay_steps
    return min(1.0, up, down)


def _backward(run: Run, example: Example) -> Losses:
    parts = losses(run.model, example, run.recipe)
    torch.autograd.backward(parts.total / run.recipe.examples_per_step)
    return parts


def _summary(step_index: int, parts: list[Losses], seconds: float) -> dict[str, float]:
    summary: dict[str, float] = {"step": step_index, "cpu_s": round(seconds, 2)}
    for name in parts[0].parts:
        asked = max(1, sum(part.asked[name] for part in parts))
        summary[name] = round(sum(part.parts[name] for part in parts) / len(parts), 3)
        summary[f"{name}_right"] = round(sum(part.right[name] for part in parts) / asked, 3)
    return summary
