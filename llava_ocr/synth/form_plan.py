"""What a form says, in no place yet: blanks to fill in, in sections, with prose around them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sheet_page import Grid


class BlankShape(StrEnum):
    """How a blank is filled in: anywhere in its space, one character a cell, or by a mark beside one of its choices."""

    SPACE = "space"
    COMB = "comb"
    CHOICES = "choices"


@dataclass(frozen=True, slots=True)
class Blank:
    """One thing to fill in; `phrase` is empty while nobody did.

    `tail` is what the form adds to the caption. `width` is the share of the page's width that it would like.
    A comb has as many cells as `groups` says, the groups set apart.
    """

    number: str
    caption: str
    tail: str
    phrase: Phrase
    width: float
    shape: BlankShape = BlankShape.SPACE
    groups: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()
    picked: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Blanks under a heading, which may be empty."""

    heading: str
    blanks: tuple[Blank, ...]


@dataclass(frozen=True, slots=True)
class Guidance:
    """One paragraph of instructions; `heading` may be empty."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class FormPlan:
    """All of a form. `guidance` begins with a title of its own and may fill pages."""

    title: str
    name: str
    revised: str
    office: str
    subtitle: str
    give_to: str
    sections: tuple[Section, ...]
    grid: Grid | None
    declaration: str
    signature: Section
    guidance_title: str
    guidance: tuple[Guidance, ...]
    foot: tuple[str, ...]
