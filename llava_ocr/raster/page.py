"""One opened sheet to one `PageRead`: words, then the grid, then pixels at just that grid's size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import quantiles

import numpy as np
from numpy.typing import NDArray

from llava_ocr.engines.base import Blanks
from llava_ocr.geometry import Grid, Size
from llava_ocr.raster.base import PageRead, ReadOptions
from llava_ocr.raster.blank import is_blank
from llava_ocr.raster.drawer import Draws, Sheet
from llava_ocr.raster.limits import PaperSize, dpi_of, shrunk_to
from llava_ocr.raster.sheet_words import ReadPixels, words_of
from llava_ocr.raster.turned import TurnedSheet
from llava_ocr.records import Finding, PageOutcome, PageState, PageWords, Word
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.grid import GridBudget, choose_grid
from llava_ocr.tiles.plan import raster_size, visual_token_budget
from llava_ocr.tiles.squeeze import Squeeze, plan_squeeze, probe_size
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.commands import command_words
from llava_ocr.words.layout import Layout
from llava_ocr.words.turned import lay_out_page

BLANK = "blank"
# Word boxes run from ascender to descender: about 1.3 em in MuPDF's fonts and in the OCR reader's lines.
_EM_OF_BOX = 0.77
# The checks that a page may fail.
UNSEEN_WORDS = "unseen_words"
UNCLEAR_TURN = "unclear_orientation"
UNREAD_PICTURE = "unread_picture"


def read_sheet(sheet: Sheet, page_index: int, options: ReadOptions, read_pixels: ReadPixels) -> PageRead:
    """Read a page. `read_pixels` is the OCR reader. Raises InputError or MemoryError."""
    found = words_of(sheet, options, read_pixels)
    if found is None:
        return _blank(page_index)
    words, layout = _laid_out(found, sheet.paper.aspect, keeps_commands=options.keeps_commands)
    upright = TurnedSheet(sheet, words.turn) if words.turn else sheet
    squeeze = _squeeze(upright, options)
    grid = _grid(upright.paper, layout, options, squeeze)
    drawn = _draw(upright, grid, options, squeeze)
    if not words and is_blank(drawn):
        return _blank(page_index)
    dpi = dpi_of(_size_of(drawn), upright.paper)
    raster = cut(squeeze.apply(drawn) if squeeze else drawn, grid, tile_px=options.profile.tile_px, dpi=dpi)
    image_hash = hash_of(raster)
    return PageRead(
        outcome=PageOutcome(
            page_index,
            PageState.OK,
            message=_left_out(words),
            image_hash=image_hash,
            reader=words.reader,
            turn=words.turn,
        ),
        raster=raster,
        layout=layout,
        reader=words.reader,
        words_note=words.note,
        findings=tuple(_findings(words, page_index)),
        image_hash=image_hash,
    )


def em_height(words: Sequence[Word], aspect: float) -> float | None:
    """Return the em of the page's smaller words (lower quartile) as a fraction of its height, None without words.

    `aspect` is the page's width over its height. Words that stand on end are left out.
    """
    heights = [word.box.height for word in words if word.box.width * aspect >= word.box.height or len(word.text) == 1]
    if len(heights) < 2:
        return heights[0] * _EM_OF_BOX if heights else None
    return quantiles(heights, n=4, method="inclusive")[0] * _EM_OF_BOX


def hash_of(raster: TiledRaster) -> str:
    """Hash a page's pixels as the engine gets them (hex)."""
    digest = hashlib.blake2b(f"{raster.grid} {raster.size}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(raster.overview_HWC).data)
    digest.update(np.ascontiguousarray(raster.tiles_NHWC).data)
    return digest.hexdigest()


def _size_of(raster_HWC: NDArray[np.uint8]) -> Size:
    return Size(raster_HWC.shape[1], raster_HWC.shape[0])


def _laid_out(words: PageWords, aspect: float, *, keeps_commands: bool) -> tuple[PageWords, Layout]:
    """Lay out what may be evidence: lines that speak to a machine are no part of a document."""
    layout = lay_out_page(words, aspect=aspect)
    commands = frozenset[int]() if keeps_commands else command_words(layout)
    if not commands:
        return words, layout
    kept = [index for index in range(len(words.words)) if index not in commands]
    words = replace(
        words,
        words=tuple(words.words[index] for index in kept),
        turns=tuple(words.turns[index] for index in kept) if words.turns else (),
        num_commands=len(commands),
    )
    return words, lay_out_page(words, aspect=aspect)


def _findings(words: PageWords, page_index: int) -> Iterator[Finding]:
    """What a person should know before trusting the page."""
    page = f"page {page_index + 1}"
    if words.is_odd or words.num_commands:
        yield Finding(UNSEEN_WORDS, f"{page}: {_left_out(words)}", ())
    if not words.is_turn_clear:
        yield Finding(UNCLEAR_TURN, f"{page}: it is not clear which way up it is read", ())
    if words.num_unread_pictures:
        yield Finding(UNREAD_PICTURE, f"{page}: {_unread(words)}", ())


def _left_out(words: PageWords) -> str:
    """What a person is told of words that are left out; how many and never which."""
    told = []
    if words.num_unseen:
        told.append(f"{_words(words.num_unseen, 'does', 'do')} not show on the page: left out")
    if words.num_commands:
        told.append(f"{_words(words.num_commands, 'speaks', 'speak')} to a machine, not to a reader: left out")
    if words.num_unread_pictures:
        told.append(_unread(words))
    return "; ".join(told)


def _unread(words: PageWords) -> str:
    number = words.num_unread_pictures
    what = "a picture that looks like text was" if number == 1 else f"{number} pictures that look like text were"
    return f"{what} not read, because OCR is off"


def _words(number: int, one: str, many: str) -> str:
    return f"1 word {one}" if number == 1 else f"{number:,} words {many}"


def _squeeze(sheet: Draws, options: ReadOptions) -> Squeeze | None:
    """The blank bands to take out, if that is ordered and there are any."""
    if options.profile.blanks is not Blanks.SQUEEZE:
        return None
    return plan_squeeze(sheet.draw(shrunk_to(probe_size(sheet.paper.shape), options.limits.max_pixels)))


def _grid(paper: PaperSize, layout: Layout, options: ReadOptions, squeeze: Squeeze | None) -> Grid:
    profile = options.profile
    budget = GridBudget(
        tile_px=profile.tile_px,
        patches_per_side=profile.patches_per_side,
        max_tiles=options.max_tiles,
        max_visual_tokens=visual_token_budget(options.max_visual_tokens, profile.context_tokens),
    )
    is_anchored = bool(layout.words) and profile.takes_words
    em, shape = em_height(layout.words, paper.aspect), paper.shape
    if squeeze is not None:
        left = squeeze.left_of(shape)
        em, shape = (em * shape.height / left.height if em else None), left
    return choose_grid(shape, em, grids=profile.anchored_grids if is_anchored else profile.grids, budget=budget)


def _draw(sheet: Draws, grid: Grid, options: ReadOptions, squeeze: Squeeze | None) -> NDArray[np.uint8]:
    shape, tile_px = sheet.paper.shape, options.profile.tile_px
    if squeeze is None:
        size = raster_size(shape, grid, tile_px)
    else:
        size = squeeze.whole_of(raster_size(squeeze.left_of(shape), grid, tile_px))
    return sheet.draw(shrunk_to(size, options.limits.max_pixels))


def _blank(page_index: int) -> PageRead:
    return PageRead(PageOutcome(page_index, PageState.SKIPPED, BLANK))
