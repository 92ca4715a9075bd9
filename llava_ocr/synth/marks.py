"""Boxes to check: how a form prints them, and how one is marked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.fonts import families, open_face
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.streams import chance, weighted

# What viewers put into a form's boxes is of this face.
DINGBATS = "zadb"


@dataclass(frozen=True, slots=True)
class CheckStyle:
    """How boxes are printed: `kind` is drawn (a square of lines), brackets, or signs; `mark` is what is put in."""

    kind: str
    mark: str
    is_after: bool

    def width(self, size: float) -> float:
        """Return the room a box takes beside its choice, at a text size."""
        # PDF readers part a sign such as a tick from the word after it only where the gap is wider than 0.8 em.
        return size * (2.0 if self.kind == "brackets" else 1.9)


def draw_check_style(rng: Random) -> CheckStyle:
    """Draw how a form's boxes look and are marked."""
    kind = weighted(rng, [("drawn", 4.0), ("brackets", 1.0), ("signs", 1.0)])
    marks = {"drawn": ("X", "x", "✔", "✘", "X"), "brackets": ("x", "X"), "signs": ("☒", "☑", "■")}
    mark = rng.choice(marks[kind])
    return CheckStyle(kind, mark, chance(rng, 0.15))


def put_check(
    canvas: Canvas,
    at: tuple[float, float],
    phrase: Phrase,
    ink: Ink,
    pen: Ink,
    *,
    style: CheckStyle,
    is_picked: bool,
) -> None:
    """Put a choice in `ink` with its box at a baseline, marked with `pen` if it is picked."""
    x, y = at
    room = style.width(ink.size)
    if style.is_after:
        room = canvas.text(x, y, phrase, ink) + ink.size * 0.6
        _box(canvas, x + room, y, ink, pen, style=style, is_picked=is_picked)
        return
    _box(canvas, x, y, ink, pen, style=style, is_picked=is_picked)
    canvas.text(x + room, y, phrase, ink)


def _box(canvas: Canvas, x: float, y: float, ink: Ink, pen: Ink, *, style: CheckStyle, is_picked: bool) -> None:
    if style.kind == "brackets":
        canvas.text(x, y, (f"[{style.mark}]" if is_picked else "[ ]",), ink)
        return
    if style.kind == "signs" and "DejaVuSans" in families():
        sign = style.mark if is_picked else "□" if style.mark == "■" else "☐"
        canvas.text(x, y, (sign,), replace(ink, face=open_face("DejaVuSans")))
        return
    side = ink.size * 0.85
    canvas.frame(x, y - side + 1, x + side, y + 1, width=0.6, color=ink.color)
    if is_picked:
        letter = style.mark if style.mark in "Xx" else ""
        mark_ink = replace(pen, size=ink.size) if letter else Ink(open_face(DINGBATS), ink.size, pen.color)
        mark = letter or (style.mark if style.mark in "✔✘" else "✘")
        canvas.text(x + side / 2, y, (mark,), mark_ink, align=0.5)
