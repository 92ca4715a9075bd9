"""Tiny shapes of the pixel mode: tiles of 64 pixels, patches of 16."""

from dataclasses import replace

from llava_ocr.geometry import Grid
from llava_ocr.train.pixel_recipes import AskingStage, PixelRecipe, ReadingStage, bands, first_letters, pixels
from llava_ocr.train.recipes import SHEET, Look, Looking, StageRecipe


def tiny_pixels() -> PixelRecipe:
    recipe = pixels()
    model = replace(
        recipe.model, tile_px=64, vision_width=32, vision_layers=2, vision_heads=2, width=32, layers=2, heads=2,
        mlp_width=32, grids=(Grid(1, 1), Grid(2, 2), Grid(1, 3), Grid(3, 2)),
    )  # fmt: skip
    return replace(recipe, model=model, reading=(tiny_reading(),), asking=(tiny_asking(),))


def tiny_reading() -> ReadingStage:
    stage = first_letters()
    return replace(stage, pace=_brief(stage.pace), tiles_per_example=2)


def tiny_asking() -> AskingStage:
    stage = bands()
    looking = (
        Looking(Look.POINT, layer=0, heads=(0,), weight=0.3),
        Looking(Look.COPY, layer=1, heads=(0,), weight=0.5),
    )
    shares = {SHEET: 0.7, "receipt": 0.3}
    return replace(stage, pace=replace(_brief(stage.pace), looking=looking, shares=shares), worn_share=0.5)


def _brief(pace: StageRecipe) -> StageRecipe:
    return replace(pace, steps=4, examples_per_step=1, warmup_steps=1, decay_steps=2, grow_steps=4)
