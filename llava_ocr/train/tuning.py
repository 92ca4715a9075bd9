"""Recipes for LLaVA-NeXT checkpoints that others trained: what is trained, how weights are held, for how long.

A variant is a function that replaces fields. Learning rates are those of LLaVA's training scripts (1e-3 to align; 1e-5
to tune, 2e-6 for the tower; 2e-4 with 2e-5 for the projector with LoRA); steps, batches and ranks are ours. What a
recipe needs of a card is computed, not measured (docs/training.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from llava_ocr.errors import ConfigError
from llava_ocr.train.recipes import StageName


class Decoder(StrEnum):
    """What of the decoder is trained. QLORA is LORA over weights that are held in 4 bits (nf4)."""

    NOTHING = "nothing"
    FULL = "full"
    LORA = "lora"
    QLORA = "qlora"


class Projector(StrEnum):
    """What of the projector is trained. FIRST_LAYER keeps a linear one linear: its second layer is the identity."""

    ALL = "all"
    FIRST_LAYER = "first_layer"


@dataclass(frozen=True)
class LoraShape:
    """Size of the adapters on every linear layer of the decoder."""

    rank: int
    alpha: int
    dropout: float


@dataclass(frozen=True)
class TuneRecipe:
    """One stage on a checkpoint. Steps are optimizer updates of `examples_per_step` examples, taken one by one.

    The projector is always trained, at `projector_lr`; the decoder at `lr`, the vision tower, where it is not frozen,
    at `vision_lr`. Longer examples than `max_tokens` are left out. `words_share` of the pages are asked with their
    words in the prompt, `scan_share` of the painted documents are worn scans. `saves_memory` computes activations
    twice. Decoder weights that are trained are held in fp32, the others in bf16 on a GPU.
    """

    name: StageName
    decoder: Decoder
    projector: Projector
    lora: LoraShape
    is_vision_trained: bool
    saves_memory: bool
    steps: int
    examples_per_step: int
    max_tokens: int
    lr: float
    projector_lr: float
    vision_lr: float
    weight_decay: float
    warmup_steps: int
    decay_steps: int
    words_share: float
    scan_share: float
    checkpoint_every_s: float
    seed: int


def align() -> TuneRecipe:
    """Feature alignment: the projector alone, at LLaVA's rate."""
    return TuneRecipe(
        name=StageName.ALIGN,
        decoder=Decoder.NOTHING,
        projector=Projector.ALL,
        lora=LoraShape(rank=64, alpha=128, dropout=0.05),
        is_vision_trained=False,
        saves_memory=True,
        steps=2000,
        examples_per_step=64,
        max_tokens=4096,
        lr=1e-3,
        projector_lr=1e-3,
        vision_lr=2e-6,
        weight_decay=0.0,
        warmup_steps=60,
        decay_steps=1900,
        words_share=0.0,
        scan_share=0.5,
        checkpoint_every_s=900.0,
        seed=0,
    )


def align_vision() -> TuneRecipe:
    """`align` with the vision tower learning along, gently."""
    return replace(align(), is_vision_trained=True)


def align_linear() -> TuneRecipe:
    """`align` for a linear projector (`assemble --projector linear`): the identity behind it stays."""
    return replace(align(), projector=Projector.FIRST_LAYER)


def tune_full() -> TuneRecipe:
    """Visual instruction tuning of projector and decoder, at LLaVA's rate."""
    return replace(
        align(),
        name=StageName.TUNE,
        decoder=Decoder.FULL,
        steps=1000,
        examples_per_step=32,
        lr=1e-5,
        projector_lr=1e-5,
        warmup_steps=30,
        decay_steps=950,
        words_share=0.7,
    )


def tune_full_vision() -> TuneRecipe:
    """`tune_full` with the vision tower, as LLaVA-NeXT was tuned."""
    return replace(tune_full(), is_vision_trained=True)


def tune_lora() -> TuneRecipe:
    """Adapters on the decoder, the projector as a whole: one card of 48 GB for a 7B model."""
    return replace(tune_full(), decoder=Decoder.LORA, lr=2e-4, projector_lr=2e-5)


def tune_qlora() -> TuneRecipe:
    """`tune_lora` over a decoder held in 4 bits."""
    return replace(tune_lora(), decoder=Decoder.QLORA)


def tune_24gb() -> TuneRecipe:
    """`tune_qlora` on one 24 GB card: smaller adapters, shorter examples."""
    return replace(tune_qlora(), lora=LoraShape(rank=32, alpha=64, dropout=0.05), max_tokens=3072)


RECIPES: Mapping[str, Callable[[], TuneRecipe]] = {
    recipe.__name__: recipe
    for recipe in (
        align,
        align_vision,
        align_linear,
        tune_full,
        tune_full_vision,
        tune_lora,
        tune_qlora,
        tune_24gb,
    )
}


def recipe_named(name: str, stage: StageName) -> TuneRecipe:
    """Return the recipe of that name and stage. Raises ConfigError."""
    fitting = [known for known, make in RECIPES.items() if make().name is stage]
    if name not in fitting:
        raise ConfigError(f"no recipe of stage {stage} is called {name!r}; there are {', '.join(fitting)}")
    return RECIPES[name]()


def shortened(recipe: TuneRecipe, steps: int | None) -> TuneRecipe:
    """Give the recipe another number of steps; warm-up and decay keep their shares."""
    if steps is None:
        return recipe
    share = steps / recipe.steps
    return replace(
        recipe,
        steps=steps,
        warmup_steps=max(1, round(recipe.warmup_steps * share)),
        decay_steps=max(1, round(recipe.decay_steps * share)),
    )
