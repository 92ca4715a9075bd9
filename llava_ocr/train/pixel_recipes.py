"""Recipes of the model that reads pixels: a tower taught patch by patch, then questions about tiles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from llava_ocr.geometry import Grid
from llava_ocr.train.recipes import SHEET, Look, Looking, ModelRecipe, StageName, StageRecipe, tune_small

ASCII = "".join(chr(number) for number in range(33, 127))
LATIN = "ÄÖÜäöüßÀÂÆÇÈÉÊËÎÏÔŒÙÛàâæçèéêëîïôœùûÿáíóúñ"
SIGNS = "€£§°·•–—’‘“”„«»²³½×©®"


@dataclass(frozen=True)
class CharacterRecipe:
    """What is told of every patch: up to `slots` characters of `alphabet`, in order.

    A patch that is empty counts `blank_weight` of what a character counts: most patches are.
    """

    alphabet: str
    slots: int
    blank_weight: float

    @property
    def num_classes(self) -> int:
        """Classes of a slot: nothing, or one of the alphabet."""
        return len(self.alphabet) + 1

    def class_of(self, char: str) -> int | None:
        """The class of a character, None for one outside the alphabet."""
        return self._classes.get(char)

    @cached_property
    def _classes(self) -> dict[str, int]:
        return {char: number for number, char in enumerate(self.alphabet, start=1)}


@dataclass(frozen=True)
class ReadingStage:
    """Tower and projector learn to say every patch's characters; the decoder rests. An example is a few tiles.

    Over `pace.grow_steps` lessons grow from one font in lines that follow the patches to any print anywhere. Then
    `page_share` of the tiles are cut from painted documents, and `worn_share` of all are worn by scanning. Of `pace`,
    what asks for words and fields plays no part.
    """

    pace: StageRecipe
    tiles_per_example: int
    page_share: float
    worn_share: float


@dataclass(frozen=True)
class AskingStage:
    """Everything learns to answer questions from tiles, without words in the prompt.

    Over `pace.grow_steps` bands of painted pages grow to whole ones. Patches go on being told their characters, at
    `character_weight`. An empty `pace.looking` leaves attention alone; else POINT and COPY look at patches.
    """

    pace: StageRecipe
    character_weight: float
    worn_share: float


@dataclass(frozen=True)
class PixelRecipe:
    """A model that reads pixels and the stages that make it, in order."""

    model: ModelRecipe
    characters: CharacterRecipe
    reading: tuple[ReadingStage, ...]
    asking: tuple[AskingStage, ...]


def pixels() -> PixelRecipe:
    """About 9 million parameters: A4 in 3 rows of 2 tiles at 93 dpi, 2 to 3 characters of 10 pt a patch."""
    return PixelRecipe(
        model=pixel_model(),
        characters=CharacterRecipe(ASCII + LATIN + SIGNS, slots=6, blank_weight=0.1),
        reading=(first_letters(), any_print()),
        asking=(bands(), whole_pages()),
    )


def pixel_model() -> ModelRecipe:
    """The network's shape; the character tokenizer decides its vocabulary."""
    return ModelRecipe(
        tile_px=384,
        patch_px=16,
        vision_width=256,
        vision_layers=6,
        vision_heads=4,
        width=256,
        layers=5,
        heads=4,
        mlp_width=768,
        context_tokens=8192,
        rope_theta=1_000_000.0,
        num_pieces=608,
        grids=(Grid(1, 1), Grid(1, 2), Grid(2, 1), Grid(2, 2), Grid(3, 1), Grid(1, 3), Grid(3, 2), Grid(2, 3)),
    )


def first_letters() -> ReadingStage:
    """The curriculum: print alone, growing from one font in lines that follow the patches to any print anywhere."""
    pace = replace(
        tune_small(),
        name=StageName.TUNE,
        steps=1_500,
        examples_per_step=2,
        lr=2e-3,
        embedding_lr=2e-3,
        weight_decay=0.05,
        warmup_steps=20,
        decay_steps=500,
        grow_steps=700,
        shares={"invoice": 0.3, "receipt": 0.2, "statement": 0.2, SHEET: 0.3},
        looking=(),
        checkpoint_every_s=150.0,
        first_seed=10_000_000,
    )
    return ReadingStage(pace, tiles_per_example=8, page_share=0.3, worn_share=0.2)


def any_print() -> ReadingStage:
    """Painted documents and wear at larger steps, annealed again: the gain is in the decay."""
    first = first_letters()
    pace = replace(first.pace, steps=3_000, examples_per_step=4, decay_steps=2_000, grow_steps=1, lr=1.5e-3)
    return replace(first, pace=replace(pace, first_seed=20_000_000), page_share=0.6, worn_share=0.4)


def bands() -> AskingStage:
    """A few lines of a page, growing to more than half of one; the decoder is told which patches to look at."""
    pace = replace(
        tune_small(),
        steps=4_000,
        examples_per_step=8,
        max_tokens=3_000,
        lr=1e-3,
        embedding_lr=1e-3,
        warmup_steps=50,
        decay_steps=2_000,
        grow_steps=8_000,
        drill_share=0.0,
        shares={SHEET: 0.4, "receipt": 0.3, "invoice": 0.2, "statement": 0.1},
        noise_share=0.0,
        null_share=0.15,
        looking=(
            Looking(Look.FIELD, layer=1, heads=(0,), weight=0.2),
            Looking(Look.POINT, layer=2, heads=(0, 1), weight=0.3),
            Looking(Look.COPY, layer=3, heads=(0, 1), weight=0.5),
        ),
        first_seed=30_000_000,
    )
    return AskingStage(pace, character_weight=0.5, worn_share=0.3)


def whole_pages() -> AskingStage:
    """Whole pages in their full grid, annealed to nothing."""
    first = bands()
    pace = replace(first.pace, max_tokens=8_000, steps=3_000, decay_steps=2_900, grow_steps=1, first_seed=40_000_000)
    return replace(first, pace=pace)
