"""A run's curve: one JSON object a step in `curve.jsonl`, and the same as a drawing for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from llava_ocr.train.checkpoint import write_whole

CURVE_NAME, DRAWING_NAME = "curve.jsonl", "curve.svg"
# A line's value is drawn as the mean of about this share of the steps before it.
_SMOOTHED_SHARE = 0.02
_WIDTH, _HEIGHT, _MARGIN = 760.0, 360.0, 56.0
_COLORS = ("#1b6ca8", "#c44536", "#3a7d44", "#8e5ea2", "#b8860b", "#444444")
_NUM_TICKS = 5
_MAX_POINTS = 600

Curve = Sequence[Mapping[str, float]]


def read_curve(path: Path) -> list[dict[str, float]]:
    """Read a curve; a last line that was cut off by a crash is left out."""
    lines = path.read_text().split("\n") if path.exists() else []
    # What follows the last line's end was never finished.
    return [json.loads(line) for line in lines[:-1]]


def forget_after(path: Path, step: int) -> None:
    """Drop the steps that a crash undid, so that each stands once."""
    if path.exists():
        kept = [json.dumps(line) + "\n" for line in read_curve(path) if line["step"] <= step]
        write_whole(path, lambda file: file.write("".join(kept).encode()))


def draw_curve(curve: Curve, *, title: str) -> str:
    """Draw all losses of a curve over its steps as SVG; shares that were right (`..._right`) are left out."""
    names = [name for name in (curve[0] if curve else {}) if name not in ("step", "cpu_s") and "_right" not in name]
    smooth = {name: _smoothed([line[name] for line in curve]) for name in names}
    top = max((value for values in smooth.values() for value in values), default=0.0) or 1.0
    first, last = (curve[0]["step"], curve[-1]["step"]) if curve else (0.0, 1.0)
    parts = [_frame(title), *_ticks(first, last, top)]
    for number, (name, values) in enumerate(smooth.items()):
        color = _COLORS[number % len(_COLORS)]
        stride = max(1, len(values) // _MAX_POINTS)
        points = [
            f"{_x(line['step'], first, last):.1f},{_y(value, top):.1f}"
            for line, value in list(zip(curve, values, strict=True))[::stride]
        ]
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{" ".join(points)}"/>')
        parts.append(_text(f"{name} {values[-1]:.3g}", _WIDTH - _MARGIN, _MARGIN + 16 * number, color, anchor="end"))
    size = f'width="{_WIDTH:g}" height="{_HEIGHT:g}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(parts) + "\n</svg>\n"


def draw_beside(folder: Path, *, title: str) -> None:
    """Draw the folder's curve into a file beside it."""
    drawn = draw_curve(read_curve(folder / CURVE_NAME), title=title)
    write_whole(folder / DRAWING_NAME, lambda file: file.write(drawn.encode()))


def _smoothed(values: Sequence[float]) -> list[float]:
    width = max(1, round(len(values) * _SMOOTHED_SHARE))
    return [sum(values[max(0, end - width) : end]) / min(width, end) for end in range(1, len(values) + 1)]


def _frame(title: str) -> str:
    inner = f'width="{_WIDTH - 2 * _MARGIN:g}" height="{_HEIGHT - 2 * _MARGIN:g}"'
    box = f'<rect x="{_MARGIN:g}" y="{_MARGIN:g}" {inner} fill="none" stroke="#999999"/>'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join((paper, box, _text(title, _MARGIN, _MARGIN - 16, "#111111")))


def _ticks(first: float, last: float, top: float) -> list[str]:
    ticks: list[str] = []
    for number in range(_NUM_TICKS + 1):
        share = number / _NUM_TICKS
        step, value = first + share * (last - first), share * top
        ticks.append(_text(f"{step:.0f}", _x(step, first, last), _HEIGHT - _MARGIN + 18, "#555555", anchor="middle"))
        ticks.append(_text(f"{value:.3g}", _MARGIN - 6, _y(value, top) + 4, "#555555", anchor="end"))
    return ticks


def _text(text: str, x: float, y: float, color: str, *, anchor: str = "start") -> str:
    face = 'font-family="sans-serif" font-size="12"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {face} fill="{color}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(step: float, first: float, last: float) -> float:
    return _MARGIN + (step - first) / max(1.0, last - first) * (_WIDTH - 2 * _MARGIN)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _MARGIN - value / top * (_HEIGHT - 2 * _MARGIN)
