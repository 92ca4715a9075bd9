"""How blanks are filled in: typed, or by a hand whose words stand a little off the line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.base import Rgb
from llava_ocr.synth.canvas import BREAK, Canvas, Ink, phrase_width
from llava_ocr.synth.fonts import choose_family, find_script
from llava_ocr.synth.look import Look
from llava_ocr.synth.phrases import Phrase, tokens
from llava_ocr.synth.streams import chance, weighted

PENS: tuple[tuple[Rgb, float], ...] = (
    ((0.0, 0.0, 0.0), 3),
    ((0.05, 0.1, 0.5), 3),
    ((0.1, 0.2, 0.7), 1),
    ((0.25, 0.25, 0.25), 1),
)


@dataclass(frozen=True)
class Hand:
    """Who fills in a form: `sway` is how far words stray from the line, in shares of their size."""

    ink: Ink
    sway: float
    rng: Random

    def write(self, canvas: Canvas, x: float, y: float, phrase: Phrase, *, width: float) -> float:
        """Write from baseline `y` on within `width`, smaller where it is tight; returns the baseline after."""
        ink = self.fitted(phrase, width)
        if not self.sway or phrase_width(phrase, ink) > width or any(token.text == BREAK for token in tokens(phrase)):
            return canvas.paragraph(x, y, phrase, ink, width=width)
        spots: list[tuple[float, float]] = []
        for token in tokens(phrase):
            spots.append((x, y + self.rng.uniform(-1, 1) * self.sway * ink.size))
            x += ink.width(token.text) + ink.width(" ")
        canvas.scatter(spots, phrase, ink)
        return y + ink.leading

    def fitted(self, phrase: Phrase, width: float) -> Ink:
        """Write a little smaller where a phrase would else just not fit on one line."""
        wide = phrase_width(phrase, self.ink)
        if width < wide < width * 1.3:
            return replace(self.ink, size=self.ink.size * width / wide)
        return self.ink


def draw_hand(rng: Random, fonts: Random, look: Look) -> Hand:
    """Draw how a form is filled in: as its own print, in another face as typewriters and viewers do, or by hand."""
    how = weighted(rng, [("own", 1.0), ("typed", 2.0), ("written", 2.0)])
    size = look.size * rng.uniform(0.95, 1.25)
    # All faces are drawn before one is chosen: what is installed must not change what else is drawn.
    typed, script = choose_family(fonts), find_script(fonts)
    color = weighted(rng, PENS)
    sway = rng.uniform(0.02, 0.12)
    if how == "own":
        return Hand(Ink(look.family.bold if chance(rng, 0.3) else look.family.regular, size, look.ink_color), 0.0, rng)
    if how == "typed":
        return Hand(Ink(typed.regular, size, color if chance(rng, 0.4) else look.ink_color), 0.0, rng)
    return Hand(Ink(script or typed.italic, size * 1.1, color), sway, rng)
