"""Blocks of known height flow down columns and over pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llava_ocr.synth.blocks import Frame
from llava_ocr.synth.canvas import Canvas, Ink, wrap
from llava_ocr.synth.phrases import Phrase, tokens


@dataclass(frozen=True, slots=True)
class Block:
    """Something `height` points high; `put` draws it into a frame that is as wide as the block was planned for.

    A block that `leads` stands in the same column as the next one, as headings do.
    """

    height: float
    put: Callable[[Frame], None]
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """How blocks flow: in `count` columns `gap` apart, from `top` to `bottom` on pages after the first."""

    count: int
    gap: float
    top: float
    bottom: float

    def width(self, frame: Frame) -> float:
        """Width of one column of a frame."""
        return (frame.width - self.gap * (self.count - 1)) / self.count


def flow(canvas: Canvas, frame: Frame, blocks: Sequence[Block], columns: Columns) -> Frame:
    """Put blocks, column after column, in columns of like height; returns what is left below them."""
    left = list(blocks)
    while left:
        room = columns.bottom - frame.y
        even = sum(block.height for block in left) / columns.count
        low = frame.y
        for number in range(columns.count):
            is_last = number == columns.count - 1
            spot = Frame(frame.x + number * (columns.width(frame) + columns.gap), frame.y, columns.width(frame))
            low = max(low, _fill(spot, left, room=room if is_last else min(room, even * 1.05), whole=room))
        if left and low == frame.y and frame.y <= columns.top:
            # Higher than a whole page: it is put all the same, as printers' software does.
            block = left.pop(0)
            block.put(Frame(frame.x, frame.y, columns.width(frame)))
        if left:
            canvas.add_page()
            frame = frame.moved(columns.top)
        else:
            frame = frame.moved(low)
    return frame


def _fill(spot: Frame, left: list[Block], *, room: float, whole: float) -> float:
    """Put as many blocks as fit into one column, at least one if the page has room for it; returns how low it is."""
    y = spot.y
    while left:
        count = _num_together(left)
        height = sum(block.height for block in left[:count])
        if y + height > spot.y + (whole if y == spot.y else room):
            break
        for block in left[:count]:
            block.put(spot.moved(y))
            y += block.height
        del left[:count]
    return y


def _num_together(blocks: Sequence[Block]) -> int:
    """Count the first blocks that stand in one column: those that lead, and what they lead to."""
    return next((number for number, block in enumerate(blocks, 1) if not block.leads), len(blocks))


def num_lines(phrase: Phrase, ink: Ink, *, width: float) -> int:
    """Count the lines of a phrase in a column."""
    return len(wrap(tokens(phrase), ink, width=width))
