"""The paper of a till: text line by line, at both edges, in columns; rules made of signs; bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llava_ocr.synth.canvas import Canvas, Ink, phrase_width
from llava_ocr.synth.look import Look
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.purchase import Receipt
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance
from llava_ocr.synth.vocabulary import read_words

SLIP_WORDS: dict[str, Any] = {
    language: words | read_words("slips")[language] for language, words in read_words("till").items()
}


class Slip:
    """Puts a receipt line by line; `y` is the next free height, `align` how the head and the foot are set."""

    def __init__(self, canvas: Canvas, speech: Speech, receipt: Receipt, y: float) -> None:
        self.canvas, self.speech, self.receipt, self.y = canvas, speech, receipt, y
        self.look: Look = speech.look
        self.rng = speech.rng
        self.words: dict[str, list[Any]] = SLIP_WORDS[self.look.language]
        self.align = 0.5 if chance(self.rng, 0.75) else 0.0
        self.sign = self.rng.choice(("-", "=", "*", "", "line"))

    def word(self, concept: str) -> str:
        """Draw a wording."""
        return str(self.rng.choice(self.words[concept]))

    def line(self, phrase: Phrase, ink: Ink | None = None, *, align: float = 0.0) -> None:
        """Put a phrase, over several lines where it is long."""
        ink = ink or self.look.body
        look, baseline = self.look, self.y + ink.size
        low = self.canvas.paragraph(
            look.left, baseline, phrase, ink, width=look.inner_width, leading=ink.size * look.leading, align=align
        )
        self.y = low - ink.size

    def split(self, left: Phrase, right: Phrase, ink: Ink | None = None, *, indent: float = 0.0) -> None:
        """Put a phrase at the left and one at the right edge of the same line."""
        ink = ink or self.look.body
        edge, baseline = self.look.left + self.look.inner_width, self.y + ink.size
        wide = self.canvas.text(edge, baseline, right, ink, align=1.0)
        room = max(self.look.inner_width - wide - ink.size - indent, 30.0)
        leading = ink.size * self.look.leading
        low = self.canvas.paragraph(self.look.left + indent, baseline, left, ink, width=room, leading=leading)
        self.y = low - ink.size

    def columns(self, cells: Sequence[Phrase], *, ink: Ink | None = None, first_left: bool = False) -> None:
        """Put cells into equal columns, each at its column's right edge, the first maybe at the left."""
        ink, step = ink or self.look.body, self.look.inner_width / len(cells)
        leading, low = ink.size * self.look.leading, self.y
        for number, cell in enumerate(cells):
            x, align = self.look.left + step * number, 0.0 if first_left and number == 0 else 1.0
            end = self.canvas.paragraph(x, self.y + ink.size, cell, ink, width=step - 3, leading=leading, align=align)
            low = max(low, end - ink.size)
        self.y = low

    def pairs(self, pairs: Sequence[tuple[str, Phrase]]) -> None:
        """Put labels and values in two columns with colons between, as tills with typed forms do."""
        ink = self.look.body
        widest = max(phrase_width((label,), ink) for label, _ in pairs) + ink.size * 0.8
        start = self.look.left + min(widest, self.look.inner_width * 0.5)
        for label, phrase in pairs:
            baseline = self.y + ink.size
            self.canvas.text(self.look.left, baseline, (label,), ink)
            room = self.look.left + self.look.inner_width - start
            leading = ink.size * self.look.leading
            self.y = (
                self.canvas.paragraph(start, baseline, (": ", *phrase), ink, width=room, leading=leading) - ink.size
            )

    def rule(self) -> None:
        """Part two sections."""
        sign = self.sign if chance(self.rng, 0.7) else self.rng.choice(("-", "=", "*", "", "line"))
        ink, middle = self.look.body, self.y + self.look.size * 0.7
        if sign == "line":
            self.canvas.rule(self.look.left, middle, self.look.left + self.look.inner_width, middle)
        elif sign:
            count = int(self.look.inner_width / ink.width(sign))
            self.canvas.text(self.look.left, middle + 2, (sign * count,), ink)
        self.y += ink.size * self.look.leading

    def gap(self, lines: float = 0.5) -> None:
        """Leave some lines blank."""
        self.y += self.look.size * self.look.leading * lines

    def bars(self, code: str) -> None:
        """Put a bar code with its digits below."""
        look, rng = self.look, self.rng
        x, height = look.left + look.inner_width * 0.15, rng.uniform(18, 36)
        end = look.left + look.inner_width * 0.85
        while x < end:
            wide = rng.choice((0.8, 0.8, 1.6, 2.4))
            self.canvas.shade(x, self.y, min(x + wide, end), self.y + height, color=(0.0, 0.0, 0.0))
            x += wide + rng.choice((0.8, 1.6, 2.4))
        self.y += height + 2
        self.line((code,), align=0.5)
