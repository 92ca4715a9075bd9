"""A document's look: every free choice of typography, drawn once and kept through the document."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from llava_ocr.synth.base import Rgb
from llava_ocr.synth.canvas import BLACK, Ink
from llava_ocr.synth.fonts import Family, choose_family
from llava_ocr.synth.markets import Market
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import WORDING

WHITE: Rgb = (1.0, 1.0, 1.0)
PAGES = {"a4": (595.0, 842.0), "letter": (612.0, 792.0)}


@dataclass(frozen=True)
class Look:
    """Typography of one document. `labels` remembers which wording a concept got, so that it stays the same."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    size: float
    family: Family
    head_family: Family
    accent: Rgb
    tint: Rgb
    ink_color: Rgb
    label_end: str
    has_bold_labels: bool
    has_bold_values: bool
    has_capital_labels: bool
    leading: float
    language: str
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def inner_width(self) -> float:
        """Width between the margins in points."""
        return self.width - self.left - self.right

    @property
    def body(self) -> Ink:
        """The ink of running text."""
        return Ink(self.family.regular, self.size, self.ink_color)

    @property
    def bold(self) -> Ink:
        """Bold running text."""
        return Ink(self.family.bold, self.size, self.ink_color)

    @property
    def italic(self) -> Ink:
        """Italic running text."""
        return Ink(self.family.italic, self.size, self.ink_color)

    @property
    def small(self) -> Ink:
        """Small print."""
        return Ink(self.family.regular, max(5.5, self.size * 0.78), self.ink_color)

    @property
    def label_ink(self) -> Ink:
        """The ink of labels."""
        return self.bold if self.has_bold_labels else self.body

    @property
    def value_ink(self) -> Ink:
        """The ink of labelled values."""
        return self.bold if self.has_bold_values else self.body

    def heading(self, scale: float) -> Ink:
        """Heading ink, `scale` times the running text's size."""
        return Ink(self.head_family.bold, self.size * scale, self.accent)


def draw_look(rng: Random, fonts: Random, market: Market, *, language: str) -> Look:
    """Draw a look. `fonts` is a stream of its own, so that which fonts there are changes nothing else."""
    width, height = PAGES[market.page if chance(rng, 0.96) else "a4"]
    if chance(rng, 0.015):
        width, height = height, width
    hue, is_colored = rng.random(), chance(rng, 0.55)
    accent = colorsys.hsv_to_rgb(hue, rng.uniform(0.5, 1.0), rng.uniform(0.3, 0.75)) if is_colored else BLACK
    tint = colorsys.hsv_to_rgb(hue, rng.uniform(0.05, 0.2) if is_colored else 0.0, rng.uniform(0.86, 0.96))
    family = choose_family(fonts)
    gray = rng.choice((0.0, 0.0, 0.0, 0.1, 0.2, 0.3))
    return Look(
        width=width,
        height=height,
        left=rng.uniform(28, 75),
        right=rng.uniform(28, 65),
        top=rng.uniform(24, 60),
        bottom=rng.uniform(45, 90),
        size=weighted(rng, [(8.0, 1), (8.5, 1), (9.0, 3), (9.5, 2), (10.0, 3), (10.5, 1), (11.0, 1), (7.5, 0.5)]),
        family=family,
        head_family=choose_family(fonts) if chance(rng, 0.25) else family,
        accent=accent,
        tint=tint,
        ink_color=(gray, gray, gray),
        label_end=weighted(rng, [(":", 0.55), ("", 0.27), (" :", 0.14 if language == "fr" else 0.04), (".", 0.02)]),
        has_bold_labels=chance(rng, 0.25),
        has_bold_values=chance(rng, 0.2),
        has_capital_labels=chance(rng, 0.08),
        leading=rng.uniform(1.12, 1.5),
        language=language,
    )


def wording(rng: Random, look: Look, concept: str) -> str:
    """Return the document's wording for a concept, drawn at first use; `WORDING` holds what a language has."""
    if concept not in look.labels:
        text = rng.choice(WORDING[look.language][concept])
        look.labels[concept] = text.upper() if look.has_capital_labels and "{" not in text else text
    return look.labels[concept]


def with_end(look: Look, label: str) -> str:
    """Put the document's label end (a colon, nothing, ...) after a label that is not one already."""
    return (
        label
        if not label or label[-1] in ":#"
        else label.rstrip(".") + look.label_end
        if look.label_end == "."
        else label + look.label_end
    )


def pick_some(rng: Random, options: Sequence[tuple[str, float]]) -> list[str]:
    """Pick every option as often as its share says, and shuffle a little: neighbours may swap."""
    picked = [option for option, share in options if chance(rng, share)]
    for i in range(len(picked) - 1):
        if chance(rng, 0.25):
            picked[i], picked[i + 1] = picked[i + 1], picked[i]
    return picked
