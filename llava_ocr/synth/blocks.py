"""Blocks of a page: stacked lines and label/value pairs in many shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from llava_ocr.synth.canvas import Canvas, Ink, phrase_width, wrap
from llava_ocr.synth.look import Look, with_end
from llava_ocr.synth.phrases import Phrase, join, tokens
from llava_ocr.synth.streams import weighted

Line = tuple[Phrase, Ink]
Pair = tuple[str, Phrase]
# Between pairs that stand on one line.
INLINE_GAP = "  ·  "
PAIR_SHAPES: tuple[tuple[str, float], ...] = (
    ("colon", 2.5),
    ("columns", 3.0),
    ("right", 1.5),
    ("above", 1.2),
    ("grid", 0.8),
    ("strip", 1.0),
    ("both_right", 0.8),
    ("inline", 0.7),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a block may stand: from `x` on, `width` points wide, from `y` downward."""

    x: float
    y: float
    width: float

    def moved(self, y: float) -> Frame:
        """The same column from another height on."""
        return Frame(self.x, y, self.width)


def choose_shape(rng: Random) -> str:
    """Pick a shape for label/value pairs."""
    return weighted(rng, PAIR_SHAPES)


def put_lines(canvas: Canvas, frame: Frame, lines: Sequence[Line], look: Look, *, align: float = 0.0) -> float:
    """Stack lines, wrapping long ones. Returns the height reached."""
    y = frame.y
    for phrase, ink in lines:
        leading = ink.size * look.leading
        if not phrase:
            y += leading * 0.5
            continue
        y = canvas.paragraph(frame.x, y + ink.size, phrase, ink, width=frame.width, leading=leading, align=align)
        y -= ink.size
    return y


def lines_height(lines: Sequence[Line], look: Look, width: float) -> float:
    """Return the height that `put_lines` would take."""
    return sum(
        ink.size * look.leading * (len(wrap(tokens(phrase), ink, width=width)) if phrase else 0.5)
        for phrase, ink in lines
    )


def put_pairs(canvas: Canvas, frame: Frame, pairs: Sequence[Pair], look: Look, *, shape: str) -> float:
    """Put label/value pairs in one of `PAIR_SHAPES`. Returns the height reached."""
    if not pairs:
        return frame.y
    if shape == "strip" and len(pairs) <= max(2, int(frame.width / 75)):
        return put_strip(canvas, frame, pairs, look)
    if shape == "above":
        lines: list[Line] = []
        for label, phrase in pairs:
            lines += [
                ((with_end(look, label),), look.small if not look.has_bold_labels else look.bold),
                (phrase, look.value_ink),
            ]
        return put_lines(canvas, frame, lines, look)
    if shape == "inline":
        said = [(with_end(look, label) + " ", *phrase) for label, phrase in pairs]
        return put_lines(canvas, frame, [(join(said, INLINE_GAP), look.body)], look)
    if shape == "colon":
        lines = [((with_end(look, label) + " ", *phrase), look.body) for label, phrase in pairs]
        return put_lines(canvas, frame, lines, look)
    return _aligned(canvas, frame, pairs, look, shape=shape)


def _aligned(canvas: Canvas, frame: Frame, pairs: Sequence[Pair], look: Look, *, shape: str) -> float:
    label_ink, ink = look.label_ink, look.value_ink
    leading = ink.size * max(look.leading, 1.5 if shape == "grid" else 1.0)
    widest = max(label_ink.width(with_end(look, label)) for label, _ in pairs) + ink.size
    split = min(widest, frame.width * 0.6)
    y = frame.y
    for label, phrase in pairs:
        top = y
        text = (with_end(look, label),)
        if shape == "both_right":
            end = canvas.paragraph(
                frame.x, y + ink.size, text, label_ink, width=split - ink.size, leading=leading, align=1.0
            )
        else:
            end = canvas.paragraph(
                frame.x, y + ink.size, text, label_ink, width=max(split - ink.size * 0.5, 20), leading=leading
            )
        align = 1.0 if shape in ("right", "both_right") else 0.0
        room = max(frame.width - split, 30)
        y = canvas.paragraph(frame.x + split, y + ink.size, phrase, ink, width=room, leading=leading, align=align)
        y = max(y, end) - ink.size
        if shape == "grid":
            canvas.frame(frame.x - 3, top - 1, frame.x + frame.width, y - 1, color=look.accent)
    return y


def put_strip(canvas: Canvas, frame: Frame, pairs: Sequence[Pair], look: Look) -> float:
    """Labels in one row, their values in the row below."""
    cell = frame.width / len(pairs)
    leading = look.size * 1.5
    label_ink = look.label_ink if look.has_bold_labels else look.small
    low = 0.0
    for column, (label, _) in enumerate(pairs):
        x = frame.x + column * cell
        y = canvas.paragraph(x + 2, frame.y + look.size, (label,), label_ink, width=cell - 4, leading=look.size * 1.1)
        low = max(low, y)
    end = low
    for column, (_, phrase) in enumerate(pairs):
        x = frame.x + column * cell
        end = max(end, canvas.paragraph(x + 2, low + 2, phrase, look.value_ink, width=cell - 4, leading=leading))
    if look.has_bold_labels:
        canvas.frame(frame.x - 2, frame.y - 2, frame.x + frame.width, end - look.size, color=look.accent)
    return end - look.size * 0.5


def fits(phrase: Phrase, ink: Ink, width: float) -> bool:
    """Whether a phrase fits on one line of `width` points."""
    return phrase_width(phrase, ink) <= width
