"""Random streams: everything painted is a pure function of the schema's name and the seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def stream(*names: object) -> Random:
    """Open the stream that `names` stand for; equal names give equal draws on every machine."""
    return Random("/".join(str(name) for name in names))


def chance(rng: Random, share: float) -> bool:
    """Come out true in `share` of the draws."""
    return rng.random() < share


def weighted(rng: Random, options: Sequence[tuple[T, float]]) -> T:
    """Pick one option, each as often as its weight says."""
    return rng.choices([option for option, _ in options], [weight for _, weight in options])[0]
