"""Small plots as numbers for SVG templates: where bars and points stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 420, 220
LEFT, BOTTOM, TOP, RIGHT = 44, 26, 12, 10
# A month alone would else fill the plot.
WIDEST_BAR = 48.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its label; all in the units of the plot."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str
    is_labelled: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """One point; `radius` grows with what it stands for."""

    x: float
    y: float
    radius: float
    title: str


def bars(labels: Sequence[str], values: Sequence[float], shown: Sequence[str]) -> list[Bar]:
    """Place bars side by side, the largest at full height; what is below zero has none."""
    if not values:
        return []
    top = max(max(values), 0.0) or 1.0
    step = (WIDTH - LEFT - RIGHT) / len(values)
    full = HEIGHT - TOP - BOTTOM
    every = max(1, -(-len(values) // 6))
    width = min(step * 0.76, WIDEST_BAR)
    placed = []
    for number, (label, value, text) in enumerate(zip(labels, values, shown, strict=True)):
        height = max(0.0, value / top) * full
        x = LEFT + number * step + (step - width) / 2
        placed.append(
            Bar(
                round(x, 2),
                round(HEIGHT - BOTTOM - height, 2),
                round(width, 2),
                round(height, 2),
                label,
                text,
                number % every == 0,
            )
        )
    return placed


def curve(points: Sequence[tuple[float, float, int]]) -> list[Dot]:
    """Place points of (promised, right, count), both from 0 to 1."""
    total = sum(count for _, _, count in points) or 1
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return [
        Dot(
            round(LEFT + promised * wide, 2),
            round(HEIGHT - BOTTOM - right * high, 2),
            round(3 + 6 * (count / total) ** 0.5, 2),
            f"{count} fields said to be {promised:.0%} sure, {right:.0%} right",
        )
        for promised, right, count in points
    ]


def trend(shares: Sequence[float | None]) -> list[tuple[float, float]]:
    """Place shares (0 to 1) from left to right, as a line has them; what is not known leaves its place empty."""
    step = (WIDTH - LEFT - RIGHT) / max(len(shares), 1)
    high = HEIGHT - TOP - BOTTOM
    return [
        (round(LEFT + (number + 0.5) * step, 2), round(HEIGHT - BOTTOM - share * high, 2))
        for number, share in enumerate(shares)
        if share is not None
    ]
