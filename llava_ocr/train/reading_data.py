"""The stream of lessons: a position gives the same tiles after every resume, and wherever the fonts are the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Grid, Size
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.paint import paint
from llava_ocr.synth.scan import draw_wear
from llava_ocr.synth.sheets import sheets
from llava_ocr.train.lessons import paint_lesson
from llava_ocr.train.patch_truth import NOTHING, PatchTruth, truth_of
from llava_ocr.train.pixel_recipes import PixelRecipe, ReadingStage
from llava_ocr.train.recipes import SHEET
from llava_ocr.train.seen_pages import SeenPage, choose_page_grid, draw_clean, draw_worn

_ONE_TILE = Grid(1, 1)
# Painted documents and wear come once lessons have this share of their variety.
_PAGES_FROM = 0.6


@dataclass(frozen=True, eq=False)
class Lesson:
    """Some tiles, `[T, H, W, C]`, and what their patches say."""

    tiles_THWC: NDArray[np.uint8]
    truth: PatchTruth


class LessonPainter:
    """Makes the lesson at a position of a reading stage's stream."""

    def __init__(self, recipe: PixelRecipe, stage: ReadingStage) -> None:
        self.recipe, self.stage = recipe, stage

    def example(self, position: int) -> Lesson:
        """Paint `tiles_per_example` tiles of print, or cut them from painted documents."""
        rng = random.Random(f"lesson {self.stage.pace.first_seed} {position}")
        pace = self.stage.pace
        grown = min(1.0, position / (pace.grow_steps * pace.examples_per_step))
        late = max(0.0, (grown - _PAGES_FROM) / (1 - _PAGES_FROM))
        is_pages = rng.random() < self.stage.page_share * late
        drawn = self._from_pages(rng, late) if is_pages else self._from_lessons(rng, grown, late)
        tiles: list[tuple[NDArray[np.uint8], PatchTruth]] = []
        while len(tiles) < self.stage.tiles_per_example:
            tiles.extend(_printed_tiles(next(drawn), self.recipe, rng))
        tiles = tiles[: self.stage.tiles_per_example]
        return Lesson(np.stack([tile for tile, _ in tiles]), _joined([truth for _, truth in tiles]))

    def _from_lessons(self, rng: random.Random, grown: float, late: float) -> Iterator[SeenPage]:
        edge = self.recipe.model.tile_px
        while True:
            page = paint_lesson(rng, grown=grown, size=Size(edge, edge), patch_px=self.recipe.model.patch_px)
            if rng.random() < self.stage.worn_share * late:
                yield draw_worn(page, _ONE_TILE, tile_px=edge, wear=draw_wear(rng), seed=rng.getrandbits(32))
            else:
                yield draw_clean(page, _ONE_TILE, tile_px=edge)

    def _from_pages(self, rng: random.Random, late: float) -> Iterator[SeenPage]:
        while True:
            document = paint_any(rng, first_seed=self.stage.pace.first_seed, shares=self.stage.pace.shares)
            page = rng.choice(document.pages)
            grid = choose_page_grid(page, self.recipe.model, rng=rng)
            if rng.random() < self.stage.worn_share * late:
                wear, seed = draw_wear(rng), rng.getrandbits(32)
                yield draw_worn(page, grid, tile_px=self.recipe.model.tile_px, wear=wear, seed=seed)
            else:
                yield draw_clean(page, grid, tile_px=self.recipe.model.tile_px)


def paint_any(rng: random.Random, *, first_seed: int, shares: Mapping[str, float]) -> PaintedDocument:
    """Paint a document of a schema by `shares`, SHEET standing for one with a schema of its own."""
    [schema] = rng.choices(tuple(shares), tuple(shares.values()))
    seed = first_seed + rng.randrange(10**9)
    return sheets(seed) if schema == SHEET else paint(schema, seed)


def _printed_tiles(
    page: SeenPage, recipe: PixelRecipe, rng: random.Random
) -> Iterator[tuple[NDArray[np.uint8], PatchTruth]]:
    """Yield the tiles of a page that have print, up to four of them in random order."""
    truth = truth_of(page.print, page.raster, recipe.characters, patch_px=recipe.model.patch_px)
    with_print = np.flatnonzero((truth.classes_TPS > NOTHING).any(axis=(1, 2))).tolist()
    for tile in rng.sample(with_print, min(4, len(with_print))):
        one = slice(tile, tile + 1)
        empty = np.empty(0, np.int64)
        yield page.raster.tiles_NHWC[tile], PatchTruth(truth.classes_TPS[one], truth.height_px_TPS[one], empty)


def _joined(truths: list[PatchTruth]) -> PatchTruth:
    return PatchTruth(
        np.concatenate([truth.classes_TPS for truth in truths]),
        np.concatenate([truth.height_px_TPS for truth in truths]),
        np.empty(0, np.int64),
    )
