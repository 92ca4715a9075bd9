"""What every patch of a page's tiles says: the characters whose middle lies in it, in reading order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import OVERVIEW_ONLY
from llava_ocr.synth.base import PaintedPage
from llava_ocr.synth.glyphs import glyphs
from llava_ocr.synth.scan import ScannedPage
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.train.pixel_recipes import CharacterRecipe

# G characters of a page, T tiles (row by row, without the overview), P patches of a tile, S slots of a patch

# Classes of a slot: nothing more is printed, then the alphabet from 1 on. IGNORED slots are not judged.
NOTHING, IGNORED = 0, -100


@dataclass(frozen=True, eq=False)
class Print:
    """A page's characters: `middle_G2` and `height_G` (ascender to descender) in shares of the page's width and height.

    `word_G` is the index of the page's word that each belongs to, `text` is all of them in drawing order.
    """

    text: str
    middle_G2: NDArray[np.float64]
    height_G: NDArray[np.float64]
    word_G: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PatchTruth:
    """Classes of every patch's slots, the print's heights there (0 where none), and each character's patch.

    `place_G` counts patches over the tiles, tile by tile; it is -1 for characters that are in no tile.
    """

    classes_TPS: NDArray[np.int64]
    height_px_TPS: NDArray[np.float32]
    place_G: NDArray[np.int64]


def print_of(page: PaintedPage) -> Print:
    """Find a painted page's characters. Its words must be spelled by what is drawn, in drawing order."""
    found = list(glyphs(page))
    text = "".join(glyph.text for glyph in found)
    assert text == "".join(word.text for word in page.words), f"{len(text)} characters drawn do not spell the words"
    middle_G2 = np.array([(glyph.box.center_x, glyph.box.center_y) for glyph in found], np.float64).reshape(-1, 2)
    lengths = [len(word.text) for word in page.words]
    word_G = np.repeat(np.arange(len(lengths)), lengths)
    return Print(text, middle_G2, np.array([glyph.box.height for glyph in found], np.float64), word_G)


def worn(flat: Print, scan: ScannedPage) -> Print:
    """Carry a flat page's characters onto its worn image."""
    half = np.c_[np.zeros(len(flat.height_G)), flat.height_G / 2]
    top_G2, middle_G2, foot_G2 = (
        _carried(flat.middle_G2 + shift * half, scan) for shift in (-1.0, 0.0, 1.0)
    )  # fmt: skip
    height_px_G = np.linalg.norm((foot_G2 - top_G2) * [scan.size.width, scan.size.height], axis=1)
    return replace(flat, middle_G2=middle_G2, height_G=height_px_G / scan.size.height)


def _carried(points_G2: NDArray[np.float64], scan: ScannedPage) -> NDArray[np.float64]:
    paper_px = points_G2 * [scan.paper.width, scan.paper.height]
    moved_G3 = np.c_[paper_px, np.ones(len(paper_px))] @ scan.forth.T
    image_px: NDArray[np.float64] = moved_G3[:, :2] / moved_G3[:, 2:]
    return image_px / [scan.size.width, scan.size.height]


def truth_of(page: Print, raster: TiledRaster, recipe: CharacterRecipe, *, patch_px: int) -> PatchTruth:
    """Tell every patch of a page's tiles its characters.

    A patch that holds more of them than there are slots, or one outside the alphabet, is not judged from there on.
    """
    side = raster.tile_px // patch_px
    shape = raster.num_tiles, side**2, recipe.slots
    classes_TPS = np.full(shape, IGNORED, np.int64)
    classes_TPS[:, :, 0] = NOTHING
    height_px_TPS = np.zeros(shape, np.float32)
    place_G, middle_px_G2 = _places(page, raster, patch_px=patch_px)
    height_px_G = page.height_G * raster.size.height
    for members in _by_patch(place_G):
        patch = divmod(int(place_G[members[0]]), side**2)
        ordered = _in_reading_order(members, middle_px_G2, height_px_G)
        said = [recipe.class_of(page.text[index]) for index in ordered]
        height_px_TPS[patch][: len(ordered)] = height_px_G[ordered[: recipe.slots]]
        classes_TPS[patch] = _slots(said, recipe.slots)
    return PatchTruth(classes_TPS, height_px_TPS, place_G)


def _places(page: Print, raster: TiledRaster, *, patch_px: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find each character's patch, and its middle in pixels of the grid."""
    size, edge, side = raster.size, raster.tile_px, raster.tile_px // patch_px
    bound = raster.grid.size(edge)
    margin = [(bound.width - size.width) // 2, (bound.height - size.height) // 2]
    middle_px_G2 = page.middle_G2 * [size.width, size.height] + margin
    is_inside = ((page.middle_G2 >= 0) & (page.middle_G2 < 1)).all(axis=1) & (raster.grid != OVERVIEW_ONLY)
    col, row = np.floor(middle_px_G2 / patch_px).astype(np.int64).T
    tile = (row // side) * raster.grid.cols + col // side
    place_G = tile * side**2 + (row % side) * side + col % side
    return np.where(is_inside, place_G, -1), middle_px_G2


def _by_patch(place_G: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Group the indices of the characters that are in a patch."""
    order = np.argsort(place_G, kind="stable")
    order = order[place_G[order] >= 0]
    if not len(order):
        return []
    return np.split(order, np.flatnonzero(np.diff(place_G[order])) + 1)


def _in_reading_order(
    members: NDArray[np.int64], middle_px_G2: NDArray[np.float64], height_px_G: NDArray[np.float64]
) -> list[int]:
    """Sort a patch's characters into lines, and each line from left to right."""
    downward = sorted(members.tolist(), key=lambda index: middle_px_G2[index, 1])
    lines: list[list[int]] = []
    for index in downward:
        before = lines[-1][-1] if lines else None
        # A skewed line falls by far less over one patch than the distance of two lines.
        if before is None or middle_px_G2[index, 1] - middle_px_G2[before, 1] > height_px_G[index] / 3:
            lines.append([])
        lines[-1].append(index)
    return [index for line in lines for index in sorted(line, key=lambda index: middle_px_G2[index, 0])]


def _slots(said: list[int | None], num_slots: int) -> list[int]:
    """The classes of one patch's slots: its characters, nothing after the last, and then what is not judged."""
    if len(said) > num_slots:
        return [IGNORED] * num_slots
    if None in said:
        said = said[: said.index(None)]
        known = [each for each in said if each is not None]
        return known + [IGNORED] * (num_slots - len(known))
    known = [each for each in said if each is not None]
    return (known + [NOTHING] + [IGNORED] * num_slots)[:num_slots]
