import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import Grid, Size
from llava_ocr.synth.draw import draw_pixels
from llava_ocr.synth.paint import PAINTERS, paint
from llava_ocr.synth.scan import Wear, paint_scan
from llava_ocr.synth.sheets import sheets
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.train.lessons import PX_PER_PT, paint_lesson
from llava_ocr.train.patch_truth import IGNORED, NOTHING, Print, print_of, truth_of, worn
from llava_ocr.train.pixel_recipes import pixels
from llava_ocr.train.seen_pages import draw_clean, draw_worn

RECIPE = pixels().characters
TILE_PX, PATCH_PX = 64, 16
FAR_SKEW = Wear(dpi=60, skew_deg=3, margin=0.05, bend=0.02)


def blank(grid: Grid, size: Size) -> TiledRaster:
    return cut(np.full((size.height, size.width, 3), 255, np.uint8), grid, tile_px=TILE_PX, dpi=72)


def printed_at(text: str, points_px: list[tuple[float, float]], raster: TiledRaster) -> Print:
    """Characters of 12 px whose middles are these pixels of the raster."""
    size = raster.size
    middle_G2 = np.array(points_px) / [size.width, size.height]
    return Print(text, middle_G2, np.full(len(text), 12 / size.height), np.arange(len(text)))


def said(classes_S) -> str:
    return "".join(RECIPE.alphabet[number - 1] for number in classes_S if number > NOTHING)


def test_a_patch_says_its_lines_from_left_to_right() -> None:
    raster = blank(Grid(1, 1), Size(64, 64))
    page = printed_at("dcba", [(30, 30), (20, 29), (28, 20), (17, 21)], raster)
    assert said(truth_of(page, raster, RECIPE, patch_px=PATCH_PX).classes_TPS[0, 5]) == "abcd"


def test_an_empty_patch_says_nothing_and_no_more() -> None:
    raster = blank(Grid(1, 1), Size(64, 64))
    truth = truth_of(printed_at("a", [(40, 40)], raster), raster, RECIPE, patch_px=PATCH_PX)
    assert truth.classes_TPS[0, 0].tolist() == [NOTHING] + [IGNORED] * 5


def test_a_patch_with_more_characters_than_slots_is_not_judged() -> None:
    raster = blank(Grid(1, 1), Size(64, 64))
    page = printed_at("abcdefg", [(16.5 + 2 * i, 24) for i in range(7)], raster)
    assert set(truth_of(page, raster, RECIPE, patch_px=PATCH_PX).classes_TPS[0, 5]) == {IGNORED}


def test_an_unknown_character_ends_what_is_judged() -> None:
    raster = blank(Grid(1, 1), Size(64, 64))
    page = printed_at("a漢b", [(18, 24), (24, 24), (30, 24)], raster)
    classes = truth_of(page, raster, RECIPE, patch_px=PATCH_PX).classes_TPS[0, 5]
    assert classes.tolist() == [RECIPE.class_of("a")] + [IGNORED] * 5


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(20, 400), st.integers(20, 400), st.data())
def test_every_character_is_in_the_patch_that_shows_its_pixel(rows, cols, width, height, data) -> None:
    raster = blank(Grid(rows, cols), Size(width, height))
    x = data.draw(st.integers(0, raster.size.width - 1))
    y = data.draw(st.integers(0, raster.size.height - 1))
    page = printed_at("k", [(x + 0.5, y + 0.5)], raster)
    [place] = truth_of(page, raster, RECIPE, patch_px=PATCH_PX).place_G
    drawn = np.full((raster.size.height, raster.size.width, 3), 255, np.uint8)
    drawn[y, x] = 0
    marked = cut(drawn, raster.grid, tile_px=TILE_PX, dpi=72)
    tile, patch = divmod(int(place), 16)
    shown = marked.tiles_NHWC[tile].reshape(4, PATCH_PX, 4, PATCH_PX, 3).transpose(0, 2, 1, 3, 4).reshape(16, -1, 3)
    without = raster.tiles_NHWC[tile].reshape(4, PATCH_PX, 4, PATCH_PX, 3).transpose(0, 2, 1, 3, 4).reshape(16, -1, 3)
    assert (shown[patch] != without[patch]).any()


@pytest.mark.parametrize("schema", [*PAINTERS, "sheet"])
def test_print_spells_the_words_of_every_painter(schema) -> None:
    document = sheets(5) if schema == "sheet" else paint(schema, 5)
    for page in document.pages:
        found = print_of(page)
        own = [found.text[index] for index in np.flatnonzero(found.word_G == len(page.words) - 1)]
        assert "".join(own) == page.words[-1].text


def test_characters_go_with_the_worn_page() -> None:
    page = paint("receipt", 4).pages[0]
    [scan] = paint_scan(paint("receipt", 4), FAR_SKEW)
    moved = worn(print_of(page), scan)
    for number, word in enumerate(scan.words):
        xs, ys = moved.middle_G2[moved.word_G == number].T
        assert word.box.x0 - 0.01 <= xs.min() <= xs.max() <= word.box.x1 + 0.01
        assert word.box.y0 - 0.01 <= ys.min() <= ys.max() <= word.box.y1 + 0.01


@pytest.mark.parametrize("is_worn", [False, True])
def test_there_is_ink_where_characters_are(is_worn) -> None:
    page = paint_lesson(random.Random(2), grown=0.0, size=Size(384, 384), patch_px=16)
    wear = Wear(dpi=150, skew_deg=2, margin=0.03, bend=0.01)
    if is_worn:
        seen = draw_worn(page, Grid(2, 2), tile_px=192, wear=wear, seed=1)
    else:
        seen = draw_clean(page, Grid(2, 2), tile_px=192)
    truth = truth_of(seen.print, seen.raster, RECIPE, patch_px=16)
    patches = seen.raster.tiles_NHWC.reshape(4, 12, 16, 12, 16, 3).transpose(0, 1, 3, 2, 4, 5).reshape(4, 144, -1)
    darkest_TP = patches.min(-1)
    # Full stops and the like may lie with most of their ink in the patch below.
    has_letters = truth.classes_TPS[:, :, 1] > NOTHING
    assert (darkest_TP[has_letters] < 160).mean() > 0.98


def test_lessons_begin_in_the_middle_of_rows_of_patches() -> None:
    page = paint_lesson(random.Random(1), grown=0.0, size=Size(384, 384), patch_px=16)
    middle_px = print_of(page).middle_G2[:, 1] * page.height_pt * PX_PER_PT
    assert np.allclose(middle_px % 16, 8, atol=0.01)


def test_pixels_are_drawn_as_inference_draws_them(tmp_path) -> None:
    from llava_ocr.raster.base import Limits
    from llava_ocr.raster.pdf import open_pdf
    from llava_ocr.synth.pdf import paint_pdf

    document, size = paint("receipt", 3), Size(200, 300)
    path = tmp_path / "receipt.pdf"
    path.write_bytes(paint_pdf(document))
    paper = open_pdf(path, (), Limits())
    with paper.sheet(0) as sheet:
        drawn = sheet.draw(size)
    paper.close()
    far = np.abs(drawn.astype(int) - draw_pixels(document.pages[0], size).astype(int)) > 32
    assert far.mean() < 0.001
