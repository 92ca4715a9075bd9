"""Recipes for a small pre-trained decoder that reads words: adapters, several questions a page, synthetic pages first.

Frozen dataclasses built by functions; a variant replaces fields. LOG.md says what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from llava_ocr.train.page_maker import REAL, PageMix
from llava_ocr.train.recipes import StageName
from llava_ocr.train.tuning import LoraShape


@dataclass(frozen=True)
class PageRecipe:
    """One stage. Steps are optimizer updates of `examples_per_step` pages with their questions.

    The projector is trained at `projector_lr`; in the stage TUNE also adapters on the decoder's layers from number
    `first_layer` on, at `lr`. The learning rate rises over `warmup_steps` and falls to nothing over the last
    `decay_steps`.
    """

    name: StageName
    mix: PageMix
    lora: LoraShape
    first_layer: int
    steps: int
    examples_per_step: int
    lr: float
    projector_lr: float
    warmup_steps: int
    decay_steps: int
    checkpoint_every_s: float


def _mix() -> PageMix:
    return PageMix(
        shares={
            "sheet": 0.25,
            "notice": 0.3,
            "form": 0.1,
            "invoice": 0.15,
            "receipt": 0.06,
            "statement": 0.02,
            REAL: 0.12,
        },
        max_page_tokens=450,
        max_tokens=1000,
        max_questions=6,
        noise_share=0.15,
        crop_share=0.35,
        all_share=0.25,
        null_share=0.3,
        told_share=0.9,
        overview_share=0.3,
        renamed_share=0.08,
        seed=0,
    )


def pages_align() -> PageRecipe:
    """The projector of a small model, pages at a glance."""
    return PageRecipe(
        name=StageName.ALIGN,
        mix=replace(_mix(), overview_share=1.0, max_questions=3, seed=1),
        lora=LoraShape(rank=16, alpha=32, dropout=0.0),
        first_layer=6,
        steps=12,
        examples_per_step=2,
        lr=0.0,
        projector_lr=1e-3,
        warmup_steps=2,
        decay_steps=9,
        checkpoint_every_s=300.0,
    )


def pages_learn() -> PageRecipe:
    """Adapters on short pages, at the full rate: a state from which to cool down, or to go on."""
    return replace(
        pages_align(),
        name=StageName.TUNE,
        mix=_mix(),
        steps=1500,
        lr=8e-4,
        projector_lr=1e-4,
        warmup_steps=8,
        decay_steps=1,
        checkpoint_every_s=600.0,
    )


def pages_cool() -> PageRecipe:
    """The end of `pages_learn`: longer pages, all fields at once more often, the rate falling to nothing."""
    longer = replace(_mix(), max_page_tokens=1000, max_tokens=1600, all_share=0.35, crop_share=0.2, seed=2)
    return replace(pages_learn(), mix=longer, steps=400, warmup_steps=1, decay_steps=400)


PAGE_RECIPES: Mapping[str, Callable[[], PageRecipe]] = {
    recipe.__name__: recipe for recipe in (pages_align, pages_learn, pages_cool)
}
