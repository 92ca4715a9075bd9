"""Painted pages as inference would cut them, clean or worn, with the print that is then on their tiles."""

from __future__ import annotations

import random
from dataclasses import dataclass

from llava_ocr.geometry import Grid, Size
from llava_ocr.raster.image import PictureSheet, Resolution
from llava_ocr.raster.page import em_height
from llava_ocr.synth.base import PaintedDocument, PaintedPage
from llava_ocr.synth.draw import draw_pixels
from llava_ocr.synth.scan import Wear, paint_scan
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.grid import GridBudget, choose_grid
from llava_ocr.tiles.plan import raster_size, visual_token_budget
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.train.patch_truth import Print, print_of, worn
from llava_ocr.train.recipes import ModelRecipe

_POINTS_PER_INCH = 72.0


@dataclass(frozen=True, eq=False)
class SeenPage:
    """A page's tiles and the characters on them."""

    raster: TiledRaster
    print: Print


def draw_clean(page: PaintedPage, grid: Grid, *, tile_px: int) -> SeenPage:
    """Draw a page straight at its grid's size, as a digital PDF is."""
    size = raster_size(shape_of(page), grid, tile_px)
    raster = cut(draw_pixels(page, size), grid, tile_px=tile_px, dpi=size.height * _POINTS_PER_INCH / page.height_pt)
    return SeenPage(raster, print_of(page))


def draw_worn(page: PaintedPage, grid: Grid, *, tile_px: int, wear: Wear, seed: int) -> SeenPage:
    """Draw a page as a scan, and scale that to its grid as an image file is."""
    sheet = PaintedDocument("page", seed, "en", {}, (page,), ())
    [scan] = paint_scan(sheet, wear)
    size = raster_size(scan.size, grid, tile_px)
    pixels_HWC = PictureSheet(scan.image.convert("RGB"), Resolution(wear.dpi, wear.dpi)).draw(size)
    raster = cut(pixels_HWC, grid, tile_px=tile_px, dpi=wear.dpi * size.height / scan.size.height)
    return SeenPage(raster, worn(print_of(page), scan))


def choose_page_grid(page: PaintedPage, recipe: ModelRecipe, *, rng: random.Random) -> Grid:
    """Pick the grid that inference picks; half the time its text's height is not known, as on a scan without words."""
    em = em_height(page.words, page.width_pt / page.height_pt) if rng.random() < 0.5 else None
    budget = GridBudget(
        tile_px=recipe.tile_px,
        patches_per_side=recipe.patches_per_side,
        max_tiles=max(grid.num_tiles for grid in recipe.grids),
        max_visual_tokens=visual_token_budget(recipe.context_tokens, recipe.context_tokens),
    )
    return choose_grid(shape_of(page), em, grids=recipe.grids, budget=budget)


def shape_of(page: PaintedPage) -> Size:
    """A page's shape in hundredths of a point, as a size."""
    return Size(round(page.width_pt * 100), round(page.height_pt * 100))
