"""Save and resume a training run, to the step and to the bit; a crash while saving leaves the last one whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Position:
    """How far a run has come: optimizer updates made and examples consumed."""

    step: int
    examples: int


def save_checkpoint(path: Path, position: Position, state: dict[str, Any]) -> None:
    """Write weights and optimizer states; the file appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"step": position.step, "examples": position.examples, **state}, partial)
    partial.replace(path)


def load_checkpoint(path: Path) -> tuple[Position, dict[str, Any]]:
    """Read what `save_checkpoint` wrote."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return Position(state.pop("step"), state.pop("examples")), state
