"""Save and resume a training run, to the step and to the bit; a crash while saving leaves the last one whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch


@dataclass(frozen=True)
class Position:
    """How far a run has come: optimizer updates made and examples consumed."""

    step: int
    examples: int


def save_checkpoint(path: Path, position: Position, state: dict[str, Any]) -> None:
    """Write weights and optimizer states; the file appears under its name only when it is complete and on the disk."""
    write_whole(path, lambda file: torch.save({"step": position.step, "examples": position.examples, **state}, file))


def load_checkpoint(path: Path) -> tuple[Position, dict[str, Any]]:
    """Read what `save_checkpoint` wrote."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return Position(state.pop("step"), state.pop("examples")), state


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that, killed or cut from power at any moment, is the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    # The new name is on the disk only when the folder is.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
