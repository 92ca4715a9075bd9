"""One blank's space on a form: its caption, its border, and what was filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.blocks import Frame
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.flow import num_lines
from llava_ocr.synth.form_plan import Blank, BlankShape
from llava_ocr.synth.hand import Hand
from llava_ocr.synth.look import Look
from llava_ocr.synth.marks import CheckStyle, draw_check_style, put_check
from llava_ocr.synth.phrases import Phrase, tokens
from llava_ocr.synth.streams import chance, weighted

PLACES = (("top", 4.0), ("left", 1.6), ("outside", 1.4), ("below", 0.8))
BORDERS = (("box", 3.0), ("rules", 2.0), ("shade", 1.0), ("underline", 1.2))


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How all blanks of a form look.

    `place` is where captions stand: at the top of the box, left in it, outside above it, below its line.
    """

    place: str
    border: str
    comb: str
    padding: float
    air: float
    has_bold_captions: bool
    has_hanging_numbers: bool
    options_in_column: bool
    check: CheckStyle


def draw_cell_style(rng: Random) -> CellStyle:
    """Draw a form's style."""
    place = weighted(rng, PLACES)
    return CellStyle(
        place=place,
        border="underline" if place == "below" else weighted(rng, BORDERS),
        comb=rng.choice(("boxes", "boxes", "ticks", "dashes")),
        padding=rng.uniform(1.5, 4.5),
        air=rng.choice((0.0, 0.0, 1.5, 4.0)),
        has_bold_captions=chance(rng, 0.2),
        has_hanging_numbers=chance(rng, 0.5),
        options_in_column=chance(rng, 0.25),
        check=draw_check_style(rng),
    )


@dataclass(frozen=True)
class CellPainter:
    """Paints blanks. Captions and borders are the form's own print, the rest is `hand`'s."""

    canvas: Canvas
    look: Look
    style: CellStyle
    hand: Hand

    @property
    def caption_ink(self) -> Ink:
        """The small print of captions."""
        return replace(self.look.small, face=self.look.bold.face) if self.style.has_bold_captions else self.look.small

    def height(self, blank: Blank, width: float) -> float:
        """Return how high a blank's space must be, in points."""
        style = self.style
        said, filled = self._caption_height(blank, width), self._filled_height(blank, self._filled_width(blank, width))
        beside = max(said, filled) if self._place(blank, width) == "left" else said + filled
        return beside + 2 * style.padding + style.air

    def put(self, blank: Blank, frame: Frame, *, height: float) -> None:
        """Paint a blank into a frame `height` points high."""
        pad, place = self.style.padding, self._place(blank, frame.width)
        said = self._caption_height(blank, frame.width)
        low = frame.y + height - self.style.air
        filled = self._filled_height(blank, self._filled_width(blank, frame.width))
        if place == "below":
            self._border(Frame(frame.x, frame.y, frame.width), low - said - pad, place)
            self._caption(blank, Frame(frame.x + pad, low - said - pad, frame.width - 2 * pad))
            self._fill(blank, Frame(frame.x + pad, low - said - filled - pad, frame.width - 2 * pad))
            return
        top = frame.y + said + pad if place == "outside" else frame.y
        self._border(Frame(frame.x, top, frame.width), low, place)
        left = frame.width * 0.42 if place == "left" else 0.0
        caption_width = (left or frame.width) - 2 * pad
        self._caption(blank, Frame(frame.x + pad, frame.y + (0 if place == "outside" else pad * 0.6), caption_width))
        x = frame.x + pad + left
        self._fill(blank, Frame(x, low - filled - pad * 0.6, frame.x + frame.width - pad - x))

    def _place(self, blank: Blank, width: float) -> str:
        """Where a blank's caption stands: choices and narrow blanks have it above them where others have not."""
        place = self.style.place
        is_choice = blank.shape is BlankShape.CHOICES
        has_no_room = place == "left" and width < self.look.size * 16
        return "top" if has_no_room or (is_choice and place in ("below", "outside")) else place

    def _filled_width(self, blank: Blank, width: float) -> float:
        return (width * 0.58 if self._place(blank, width) == "left" else width) - 2 * self.style.padding

    def _caption_height(self, blank: Blank, width: float) -> float:
        room = (width * 0.42 if self._place(blank, width) == "left" else width) - 2 * self.style.padding
        number, phrase = self._caption_parts(blank)
        indent = self._indent(number)
        return num_lines(phrase, self.caption_ink, width=room - indent) * self.caption_ink.leading

    def _caption_parts(self, blank: Blank) -> tuple[str, Phrase]:
        if self.style.has_hanging_numbers or not blank.number:
            return blank.number, (f"{blank.caption}{blank.tail}",)
        return "", (f"{blank.number} {blank.caption}{blank.tail}",)

    def _indent(self, number: str) -> float:
        return self.look.bold.width(number) * 0.85 + 5 if number else 0.0

    def _caption(self, blank: Blank, frame: Frame) -> None:
        number, phrase = self._caption_parts(blank)
        ink, indent = self.caption_ink, self._indent(number)
        y = frame.y + ink.size
        if number:
            self.canvas.text(frame.x, y, (number,), replace(self.look.bold, size=ink.size))
        self.canvas.paragraph(frame.x + indent, y, phrase, ink, width=frame.width - indent)

    def _border(self, frame: Frame, low: float, place: str) -> None:
        x0, x1, y0 = frame.x, frame.x + frame.width, frame.y
        color, border = self.look.ink_color, self.style.border
        if border == "shade":
            inset = 1.5
            self.canvas.shade(x0 + inset, y0 + inset, x1 - inset, low - inset, color=self.look.tint)
        elif border == "box":
            self.canvas.frame(x0, y0, x1, low, width=0.5, color=color)
        else:
            self.canvas.rule(x0 + (2 if place == "below" else 0), low, x1, low, width=0.5, color=color)
            if border == "rules":
                self.canvas.rule(x0, y0, x0, low, width=0.5, color=color)

    def _filled_height(self, blank: Blank, width: float) -> float:
        size = self.hand.ink.size
        if blank.shape is BlankShape.COMB:
            return size * 1.75
        if blank.shape is BlankShape.CHOICES:
            return len(list(self._option_rows(blank, width))) * self._option_leading
        ink = self.hand.fitted(blank.phrase, width)
        return max(1, num_lines(blank.phrase, ink, width=width)) * ink.leading + size * 0.25

    def _fill(self, blank: Blank, frame: Frame) -> None:
        if blank.shape is BlankShape.COMB:
            self._comb(blank, frame)
        elif blank.shape is BlankShape.CHOICES:
            self._options(blank, frame)
        elif blank.phrase:
            indent = min(self.hand.rng.uniform(0, 10), frame.width * 0.05)
            self.hand.write(
                self.canvas, frame.x + indent, frame.y + self.hand.ink.size, blank.phrase, width=frame.width - indent
            )

    def _comb(self, blank: Blank, frame: Frame) -> None:
        """Draw the cells and put each character into its own."""
        canvas, color, ink = self.canvas, self.look.ink_color, self.hand.ink
        num_cells, num_gaps = sum(blank.groups), len(blank.groups) - 1
        cell = min(ink.size * 1.5, frame.width / (num_cells + 0.7 * num_gaps))
        ink = replace(ink, size=min(ink.size, cell / 1.15))
        top, low = frame.y, frame.y + self.hand.ink.size * 1.5
        x, starts = frame.x, list[float]()
        for number, length in enumerate(blank.groups):
            for place in range(length):
                starts.append(x + place * cell)
                self._comb_cell(starts[-1], starts[-1] + cell, top, low)
            x += length * cell
            if number < num_gaps:
                if self.style.comb != "ticks":
                    middle = (top + low) / 2
                    canvas.rule(x + cell * 0.2, middle, x + cell * 0.5, middle, width=0.8, color=color)
                x += cell * 0.7
        base = (top + low) / 2 + ink.size * 0.35
        letters = [token.text for token in tokens(blank.phrase)]
        spots = [(start + (cell - ink.width(c)) / 2, base) for start, c in zip(starts, letters, strict=False)]
        canvas.scatter(spots, blank.phrase, ink)

    def _comb_cell(self, x0: float, x1: float, top: float, low: float) -> None:
        canvas, color = self.canvas, self.look.ink_color
        if self.style.comb == "boxes":
            canvas.frame(x0, top, x1, low, width=0.5, color=color)
        elif self.style.comb == "ticks":
            canvas.rule(x0, low, x1, low, width=0.5, color=color)
            for x in (x0, x1):
                canvas.rule(x, low - (low - top) * 0.35, x, low, width=0.5, color=color)
        else:
            canvas.rule(x0 + 1, low, x1 - 1, low, width=0.7, color=color)

    @property
    def _option_leading(self) -> float:
        return self.look.size * 1.45

    def _option_rows(self, blank: Blank, width: float) -> Iterator[list[tuple[float, str]]]:
        """Part the choices into rows, each choice with where it begins."""
        row: list[tuple[float, str]] = []
        x = 0.0
        for choice in blank.choices:
            wide = self.look.body.width(choice) + self.style.check.width(self.look.size) + self.look.size * 1.2
            if row and (self.style.options_in_column or x + wide > width):
                yield row
                row, x = [], 0.0
            row.append((x, choice))
            x += wide
        yield row

    def _options(self, blank: Blank, frame: Frame) -> None:
        y = frame.y + self.look.size
        for row in self._option_rows(blank, frame.width):
            for x, choice in row:
                is_picked = bool(blank.phrase) and choice == blank.picked
                phrase: Phrase = blank.phrase if is_picked else (choice,)
                put_check(
                    self.canvas, (frame.x + x, y), phrase, self.look.body, self.hand.ink,
                    style=self.style.check, is_picked=is_picked,
                )  # fmt: skip
            y += self._option_leading
