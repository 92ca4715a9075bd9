"""Complete training configs: frozen dataclasses built by functions. A variant is a function that replaces fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from llava_ocr.geometry import Grid


@dataclass(frozen=True)
class ModelRecipe:
    """The shape of a LLaVA-NeXT built from nothing."""

    tile_px: int
    patch_px: int
    vision_width: int
    vision_layers: int
    vision_heads: int
    width: int
    layers: int
    heads: int
    mlp_width: int
    context_tokens: int
    rope_theta: float
    num_pieces: int
    grids: tuple[Grid, ...]

    @property
    def patches_per_side(self) -> int:
        """Patches along one edge of a tile."""
        return self.tile_px // self.patch_px

    @property
    def num_overview_tokens(self) -> int:
        """Visual tokens of a page shown as its overview alone: its patches and one newline."""
        return self.patches_per_side**2 + 1


# Stands for painted sheets among the names of schemas.
SHEET = "sheet"


class StageName(StrEnum):
    """The two stages of LLaVA's recipe."""

    ALIGN = "align"
    TUNE = "tune"


class Look(StrEnum):
    """What a supervised attention head looks for.

    LINE: a field's line in the question looks at the line's number; words of the page look at the first token of all.
    FIELD: the answer, where it decides on a leaf, looks at the leaf's line.
    TAG: a word of a value looks at its field's line, a word of none at the first token of all.
    GUESS: the answer, there, looks at the first token of what rules guess if that is right, else at the first of all.
    POINT: the answer, there, looks at the first token of the value on the page, or at the first token of all for null.
    COPY: the answer, there and inside a value, looks at the page's token that comes next.
    """

    LINE = "line"
    FIELD = "field"
    TAG = "tag"
    GUESS = "guess"
    POINT = "point"
    COPY = "copy"


@dataclass(frozen=True)
class Looking:
    """Attention heads that are told where to look while training: all `heads` of `layer`, at `weight` in the loss.

    What heads that are held pass on stays as `start_copying` made it: later layers learn to use it only when these
    heads look right, and until then every update would wear it away.
    """

    look: Look
    layer: int
    heads: tuple[int, ...]
    weight: float
    is_held: bool = False


@dataclass(frozen=True)
class StageRecipe:
    """One stage of training. Steps are optimizer updates of `examples_per_step` examples each.

    Over the first `grow_steps` pages grow from a few lines to full length. `drill_share` of the examples are drills,
    the others painted documents of schemas by `shares` (SHEET: with a schema of their own), `noise_share` misread.
    Of the fields that a page does not say, in the end `null_share` are asked for, few at first: else all that is
    learned is to say null.
    Painted tables are asked for only where `asks_rows`; where `spoils_guesses` some of what rules guess is made wrong.
    The learning rate rises over `warmup_steps` and falls linearly to nothing over the last `decay_steps`.
    """

    name: StageName
    steps: int
    examples_per_step: int
    max_tokens: int
    lr: float
    embedding_lr: float
    weight_decay: float
    warmup_steps: int
    decay_steps: int
    grow_steps: int
    drill_share: float
    shares: Mapping[str, float]
    noise_share: float
    null_share: float
    asks_rows: bool
    spoils_guesses: bool
    looking: tuple[Looking, ...]
    checkpoint_every_s: float
    first_seed: int


def _looking(*, line_weight: float) -> tuple[Looking, ...]:
    return (
        Looking(Look.LINE, layer=1, heads=(0,), weight=line_weight, is_held=True),
        Looking(Look.FIELD, layer=2, heads=(0,), weight=0.2, is_held=True),
        Looking(Look.TAG, layer=3, heads=(0, 1), weight=1.0, is_held=True),
        Looking(Look.POINT, layer=4, heads=(0, 1), weight=0.5),
        Looking(Look.GUESS, layer=4, heads=(2,), weight=1.0, is_held=True),
        Looking(Look.COPY, layer=5, heads=(0, 1), weight=0.5),
    )


def small() -> ModelRecipe:
    """The shipped model: about 7 million parameters; reads words, sees the page at a glance."""
    return ModelRecipe(
        tile_px=224,
        patch_px=28,
        vision_width=128,
        vision_layers=4,
        vision_heads=4,
        width=256,
        layers=6,
        heads=4,
        mlp_width=768,
        context_tokens=8192,
        rope_theta=100_000_000.0,
        num_pieces=4096,
        # The stock processor needs a grid; our engine shows the overview alone.
        grids=(Grid(1, 1), Grid(2, 2)),
    )


def small_stages() -> tuple[StageRecipe, ...]:
    """The stages that made the shipped checkpoint, in order."""
    return drill_small(), crop_small(), page_small(), tune_small(), doubt_small()


def drill_small() -> StageRecipe:
    """Drills: copying and label matching emerge from tiny pages, everything trained at once."""
    return StageRecipe(
        name=StageName.TUNE,
        steps=60,
        examples_per_step=16,
        max_tokens=2600,
        lr=3e-3,
        embedding_lr=3e-3,
        weight_decay=0.05,
        warmup_steps=10,
        decay_steps=1,
        grow_steps=150,
        drill_share=1.0,
        shares={SHEET: 1.0},
        noise_share=0.0,
        null_share=0.15,
        asks_rows=True,
        spoils_guesses=False,
        looking=_looking(line_weight=0.3),
        checkpoint_every_s=150.0,
        first_seed=1_000_000,
    )


def crop_small() -> StageRecipe:
    """Parts of painted pages, asked mostly for what they say: the names of fields are found."""
    return replace(
        drill_small(),
        steps=120,
        warmup_steps=5,
        grow_steps=600,
        drill_share=0.2,
        shares={"invoice": 0.5, SHEET: 0.3, "receipt": 0.15, "statement": 0.05},
        noise_share=0.15,
        null_share=0.3,
    )


def page_small() -> StageRecipe:
    """Whole pages, asked for more and more that they do not say, tables among them."""
    return replace(
        crop_small(),
        steps=400,
        lr=1.5e-3,
        embedding_lr=1.2e-3,
        grow_steps=100,
        drill_share=0.05,
        null_share=0.6,
        first_seed=9_000_000,
    )


def tune_small() -> StageRecipe:
    """Whole pages of every kind without their tables, until the learning rate is nothing."""
    return replace(
        page_small(),
        steps=600,
        lr=1e-3,
        embedding_lr=0.8e-3,
        decay_steps=80,
        grow_steps=1,
        shares={"invoice": 0.52, SHEET: 0.15, "form": 0.18, "receipt": 0.15},
        null_share=0.7,
        asks_rows=False,
        first_seed=40_000_000,
    )


def doubt_small() -> StageRecipe:
    """The same pages with guesses made wrong, so that the model looks before it agrees."""
    return replace(
        tune_small(),
        steps=150,
        lr=8e-4,
        embedding_lr=6e-4,
        decay_steps=100,
        noise_share=0.2,
        spoils_guesses=True,
        shares={"invoice": 0.55, SHEET: 0.13, "form": 0.15, "receipt": 0.17},
        first_seed=70_000_000,
    )
