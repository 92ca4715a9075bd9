"""Lessons in reading: tiles full of random print, from one font in lines that follow the patches to any print anywhere.

Reading does not emerge from all fonts and places at once (see LOG.md); it does when these grow.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from llava_ocr.geometry import Size
from llava_ocr.schema import Kind
from llava_ocr.synth.base import PaintedPage, Rgb
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.fonts import choose_family, open_family
from llava_ocr.train.drills import LOCALES, value_of, words_of
from llava_ocr.train.pixel_recipes import ASCII, LATIN

# A4 in 3 rows of 2 tiles of 384 pixels is drawn at 93 dots an inch.
PX_PER_PT = 93 / 72
_FIRST_FAMILY = "Helvetica"
# Characters that words and values hold too few of.
_RARE = "0123456789" * 2 + ASCII + LATIN
_INKS: tuple[Rgb, ...] = ((0.0, 0.0, 0.0), (0.2, 0.2, 0.2), (0.1, 0.1, 0.45), (0.45, 0.45, 0.45), (0.5, 0.1, 0.1))


@dataclass(frozen=True)
class Difficulty:
    """How varied a lesson is. Shares are of lines; sizes in points."""

    font_share: float
    smallest_pt: float
    largest_pt: float
    loose_share: float
    clutter_share: float

    @classmethod
    def at(cls, grown: float) -> Difficulty:
        """The difficulty after a share of the curriculum, 0 to 1: fonts first, then sizes, then places."""
        fonts, sizes, places = (min(1.0, max(0.0, (grown - start) / 0.4)) for start in (0.1, 0.2, 0.3))
        return cls(
            font_share=fonts,
            smallest_pt=10 - 3 * sizes,
            largest_pt=11 + 15 * sizes,
            loose_share=places,
            clutter_share=0.3 * places,
        )


def paint_lesson(rng: random.Random, *, grown: float, size: Size, patch_px: int) -> PaintedPage:
    """Paint a page of `size` (at 93 dpi) full of lines of print. Whatever is drawn is also among its words."""
    difficulty = Difficulty.at(grown)
    canvas = Canvas(size.width / PX_PER_PT, size.height / PX_PER_PT)
    if rng.random() < difficulty.clutter_share:
        _clutter(canvas, rng)
    y_px, is_first = 0.0, True
    # Boxes of print reach over the line before, as they do on dense pages.
    step_share = rng.choice((0.86, 0.86, 0.95, 1.1, 1.5))
    while True:
        ink = _ink(rng, difficulty)
        height_px = (ink.face.ascender - ink.face.descender) * ink.size * PX_PER_PT
        is_loose = rng.random() < difficulty.loose_share
        y_px += rng.uniform(0, height_px / 2) if is_loose or is_first else 0.0
        middle_px = y_px + height_px / 2
        if not is_loose:
            # In the middle of the first row of patches that leaves the line before it alone.
            middle_px = (-(-(middle_px - patch_px / 2) // patch_px) + 0.5) * patch_px
        if middle_px + height_px / 2 > size.height:
            return canvas.finish()[0][0]
        baseline_px = middle_px + (ink.face.ascender + ink.face.descender) / 2 * ink.size * PX_PER_PT
        _line(canvas, rng, ink, baseline_px / PX_PER_PT)
        y_px, is_first = middle_px + height_px * (step_share - 0.5), False


def _ink(rng: random.Random, difficulty: Difficulty) -> Ink:
    is_any = rng.random() < difficulty.font_share
    family = choose_family(rng) if is_any else open_family(_FIRST_FAMILY)
    face = rng.choice((family.regular, family.regular, family.bold, family.italic)) if is_any else family.regular
    # Large print is drawn less often by lines, as it is on pages, and still a third of all sizes.
    span = difficulty.largest_pt - difficulty.smallest_pt
    size_pt = difficulty.smallest_pt + span * rng.random() ** 2
    return Ink(face, size_pt, rng.choice(_INKS) if is_any else _INKS[0])


def _line(canvas: Canvas, rng: random.Random, ink: Ink, y_pt: float) -> None:
    """Fill a line with texts, gaps of a space or a column between them."""
    x = rng.uniform(0, 6 * ink.size) if rng.random() < 0.5 else rng.uniform(0, 3)
    language = rng.choice(tuple(LOCALES))
    while x < canvas.width - 2 * ink.size:
        text = _text(rng, language)
        while text and x + ink.width(text) > canvas.width:
            text = text[: len(text) * 3 // 4].rstrip()
        if not text:
            return
        x += canvas.text(x, y_pt, (text,), ink)
        x += ink.size * (rng.uniform(0.25, 0.4) if rng.random() < 0.7 else rng.uniform(0.5, 8))


def _text(rng: random.Random, language: str) -> str:
    """Some words, a value as documents print them, or characters at random: those that are rare in words."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice((str, str.title, str.upper))(words_of(rng, language, rng.randint(1, 4)))
    if draw < 0.8:
        return value_of(rng, rng.choice(tuple(kind for kind in Kind if kind is not Kind.CHOICE)), language)
    return "".join(rng.choice(_RARE) for _ in range(rng.randint(2, 12)))


def _clutter(canvas: Canvas, rng: random.Random) -> None:
    """Rules and light areas behind the print."""
    for _ in range(rng.randint(1, 8)):
        x, y = rng.uniform(0, canvas.width), rng.uniform(0, canvas.height)
        if rng.random() < 0.7:
            is_level = rng.random() < 0.6
            end = (canvas.width, y) if is_level else (x, canvas.height)
            canvas.rule(x, y, *end, width=rng.uniform(0.3, 1.5), color=(0.4, 0.4, 0.4))
        else:
            light = rng.uniform(0.8, 0.97)
            canvas.shade(x, y, x + rng.uniform(20, 200), y + rng.uniform(8, 60), color=(light, light, light))
