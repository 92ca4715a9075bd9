"""Complete training configs: frozen dataclasses built by functions. A variant is a function that replaces fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True)
class Looking:
    """Attention heads that are told where to look while training: all `heads` of `layer`, at `weight` in the loss."""

    layer: int
    heads: tuple[int, ...]
    weight: float


@dataclass(frozen=True)
class StageRecipe:
    """One stage of training. Steps are optimizer updates of `examples_per_step` examples each.

    Over the first `grow_steps` the share of drills falls from 1 to `drill_share` and pages grow to full length.
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
    copy_looks: Looking
    field_looks: Looking
    checkpoint_every_s: float
    first_seed: int


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
        rope_theta=1_000_000.0,
        num_pieces=3072,
    )


def tune_small() -> StageRecipe:
    """Everything at once on painted pages with their words in the prompt, for about an hour on one CPU core."""
    return StageRecipe(
        name=StageName.TUNE,
        steps=1000,
        examples_per_step=16,
        max_tokens=3000,
        lr=3e-3,
        embedding_lr=3e-3,
        weight_decay=0.05,
        warmup_steps=20,
        decay_steps=500,
        grow_steps=300,
        drill_share=0.15,
        copy_looks=Looking(layer=4, heads=(0, 1), weight=0.5),
        field_looks=Looking(layer=2, heads=(0,), weight=0.2),
        checkpoint_every_s=180.0,
        first_seed=1_000_000,
    )
