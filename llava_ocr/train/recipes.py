"""Complete training configs: frozen dataclasses built by functions. A variant is a function that replaces fields."""

from __future__ import annotations

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


class StageName(StrEnum):
    """The two stages of LLaVA's recipe."""

    ALIGN = "align"
    TUNE = "tune"


class Look(StrEnum):
    """What a supervised attention head looks for.

    LINE: the end of a field's line in the question looks at the field's kind, and so at its name.
    FIELD: the answer, where it decides on a leaf, looks at the end of the leaf's line.
    POINT: the answer, there, looks at the first token of the value on the page, or at the first token of all for null.
    COPY: the answer, there and inside a value, looks at the page's token that comes next.
    """

    LINE = "line"
    FIELD = "field"
    POINT = "point"
    COPY = "copy"


@dataclass(frozen=True)
class Looking:
    """Attention heads that are told where to look while training: all `heads` of `layer`, at `weight` in the loss."""

    look: Look
    layer: int
    heads: tuple[int, ...]
    weight: float


@dataclass(frozen=True)
class StageRecipe:
    """One stage of training. Steps are optimizer updates of `examples_per_step` examples each.

    Over the first `grow_steps` pages grow from a few lines to full length. `drill_share` of the examples are drills,
    the others painted documents, `sheet_share` of them sheets with a schema of their own, `noise_share` misread.
    Of the fields that a page does not say, `null_share` are asked for: more of them teach to say null to everything.
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
    sheet_share: float
    noise_share: float
    null_share: float
    looking: tuple[Looking, ...]
    checkpoint_every_s: float
    first_seed: int


def _looking(*, line_weight: float) -> tuple[Looking, ...]:
    return (
        Looking(Look.LINE, layer=1, heads=(0,), weight=line_weight),
        Looking(Look.FIELD, layer=2, heads=(0,), weight=0.2),
        Looking(Look.POINT, layer=3, heads=(0, 1), weight=0.5),
        Looking(Look.COPY, layer=4, heads=(0, 1), weight=0.5),
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
        num_pieces=3072,
        # The stock processor needs a grid; our engine shows the overview alone.
        grids=(Grid(1, 1), Grid(2, 2)),
    )


def small_stages() -> tuple[StageRecipe, ...]:
    """The stages that made the shipped checkpoint, in order."""
    return drill_small(), crop_small(), tune_small(), retune_small()


def drill_small() -> StageRecipe:
    """Three minutes of drills: copying and label matching emerge from tiny pages, everything trained at once."""
    return StageRecipe(
        name=StageName.TUNE,
        steps=59,
        examples_per_step=16,
        max_tokens=2600,
        lr=3e-3,
        embedding_lr=3e-3,
        weight_decay=0.05,
        warmup_steps=10,
        decay_steps=1,
        grow_steps=200,
        drill_share=1.0,
        sheet_share=0.0,
        noise_share=0.0,
        null_share=0.15,
        looking=_looking(line_weight=0.1),
        checkpoint_every_s=150.0,
        first_seed=1_000_000,
    )


def crop_small() -> StageRecipe:
    """Seven minutes of parts of painted invoices and sheets, asked for whole schemas: the names of fields are found."""
    return replace(
        drill_small(),
        steps=128,
        examples_per_step=8,
        warmup_steps=5,
        grow_steps=230,
        drill_share=0.25,
        sheet_share=0.4,
        noise_share=0.25,
        null_share=1.0,
        looking=_looking(line_weight=0.3),
    )


def tune_small() -> StageRecipe:
    """Nine minutes of painted pages, asked mostly for what they say, until the learning rate is nothing."""
    return replace(
        crop_small(), steps=185, warmup_steps=3, decay_steps=170, grow_steps=140, drill_share=0.2, null_share=0.15
    )


def retune_small() -> StageRecipe:
    """Pages again from the weights so far, at a fresh learning rate and with more absent fields asked for.

    The run that made the shipped weights was stopped for time after 249 of these steps.
    """
    return replace(
        tune_small(),
        steps=290,
        lr=2e-3,
        embedding_lr=2e-3,
        warmup_steps=10,
        decay_steps=230,
        grow_steps=240,
        drill_share=0.15,
        sheet_share=0.3,
        null_share=0.3,
        first_seed=3_000_000,
    )
