"""One opened sheet to one `PageRead`: words, then the grid, then pixels at just that grid's size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import quantiles

import numpy as np
from numpy.typing import NDArray

from llava_ocr.engines.base import Blanks
from llava_ocr.geometry import Grid, Size
from llava_ocr.raster.base import OcrMode, PageRead, ReadOptions
from llava_ocr.raster.blank import is_blank
from llava_ocr.raster.drawer import Sheet
from llava_ocr.raster.limits import PaperSize, dpi_of, ocr_size, shrunk_to
from llava_ocr.records import NO_WORDS, PageOutcome, PageState, PageWords, Word, WordReader
from llava_ocr.tiles.cut import cut
from llava_ocr.tiles.grid import GridBudget, choose_grid
from llava_ocr.tiles.plan import raster_size, visual_token_budget
from llava_ocr.tiles.squeeze import Squeeze, plan_squeeze, probe_size
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.commands import command_words
from llava_ocr.words.layout import Layout, lay_out
from llava_ocr.words.sanity import fault_of
from llava_ocr.words.text_layer import clean_words
from llava_ocr.words.visible import Seen, Unseen, disagrees, unseen_words, weigh

BLANK = "blank"
# Word boxes run from ascender to descender: about 1.3 em in MuPDF's fonts and in the OCR reader's lines.
_EM_OF_BOX = 0.77
# Where words show: 6 pt print is 8 px high, and drawing takes a few milliseconds.
SEEN_DPI = 100.0
# Where no ink was seen, and on scans, whose print has to be told from other pictures: the letters one by one.
FINE_DPI = 200.0
SEEN_MAX_PIXELS = 4_000_000

ReadWords = Callable[[NDArray[np.uint8]], list[Word]]


def read_sheet(sheet: Sheet, page_index: int, options: ReadOptions, read_words: ReadWords) -> PageRead:
    """Read a page. `read_words` is the OCR reader, called at most once. Raises InputError or MemoryError."""
    words = _text_layer(sheet, options) if options.ocr is not OcrMode.ALWAYS else NO_WORDS
    if not words and options.ocr is not OcrMode.NEVER:
        seen = sheet.draw(ocr_size(sheet.paper, sheet.native, options.limits))
        if is_blank(seen):
            return _blank(page_index)
        words = _ocr(read_words(seen), of=words)
        del seen
    words, layout = _laid_out(words, sheet.paper.aspect, keeps_commands=options.keeps_commands)
    squeeze = _squeeze(sheet, options)
    grid = _grid(sheet.paper, words, options, squeeze)
    drawn = _draw(sheet, grid, options, squeeze)
    if not words and is_blank(drawn):
        return _blank(page_index)
    dpi = dpi_of(_size_of(drawn), sheet.paper)
    raster = cut(squeeze.apply(drawn) if squeeze else drawn, grid, tile_px=options.profile.tile_px, dpi=dpi)
    image_hash = hash_of(raster)
    return PageRead(
        outcome=PageOutcome(
            page_index, PageState.OK, message=_left_out(words), image_hash=image_hash, reader=words.reader
        ),
        raster=raster,
        layout=layout,
        reader=words.reader,
        words_note=words.note,
        remark=_left_out(words) if words.is_odd or words.num_commands else "",
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


def _text_layer(sheet: Sheet, options: ReadOptions) -> PageWords:
    stored = sheet.words()
    cleaned = clean_words(stored)
    fault = fault_of(stored, cleaned, sheet.image_cover)
    if fault or not cleaned:
        return replace(NO_WORDS, note=fault)
    return shown_words(stored, sheet, options)


def shown_words(stored: Sequence[Word], sheet: Sheet, options: ReadOptions) -> PageWords:
    """Return the words of a sound text layer that show on the page; none where the layer is another page's."""
    inks = sheet.inks()
    unseen: Mapping[int, Unseen] = {}
    is_scan = any(ink.is_doubtful and ink.is_on_picture for ink in inks)
    for dpi in (FINE_DPI,) if is_scan else (SEEN_DPI, FINE_DPI):
        unseen = unseen_words(stored, inks, _seen(sheet, dpi, options))
        if Unseen.NO_INK not in unseen.values():
            break
    words = clean_words(word for index, word in enumerate(stored) if index not in unseen)
    unread = weigh(stored, inks, unseen)
    if not words or disagrees(inks, unseen):
        note = f"text layer refused: {unread.num_words:,} of its {len(stored):,} words do not show on the page"
        return PageWords((), WordReader.NONE, note, *unread)
    return PageWords(tuple(words), WordReader.TEXT_LAYER, "", *unread)


def _seen(sheet: Sheet, dpi: float, options: ReadOptions) -> Seen:
    size = shrunk_to(sheet.paper.at_dpi(dpi), min(SEEN_MAX_PIXELS, options.limits.max_pixels))
    return Seen(sheet.draw(size), sheet.paper.width_pt, sheet.paper.height_pt)


def _laid_out(words: PageWords, aspect: float, *, keeps_commands: bool) -> tuple[PageWords, Layout]:
    """Lay out what may be evidence: lines that speak to a machine are no part of a document."""
    layout = lay_out(words.words, aspect=aspect)
    commands = frozenset[int]() if keeps_commands else command_words(layout)
    if not commands:
        return words, layout
    kept = tuple(word for index, word in enumerate(words.words) if index not in commands)
    return replace(words, words=kept, num_commands=len(commands)), lay_out(kept, aspect=aspect)


def _left_out(words: PageWords) -> str:
    """What a person is told of words that are left out; how many and never which."""
    told = []
    if words.num_unseen:
        told.append(f"{_words(words.num_unseen, 'does', 'do')} not show on the page: left out")
    if words.num_commands:
        told.append(f"{_words(words.num_commands, 'speaks', 'speak')} to a machine, not to a reader: left out")
    return "; ".join(told)


def _words(number: int, one: str, many: str) -> str:
    return f"1 word {one}" if number == 1 else f"{number:,} words {many}"


def _ocr(words: Sequence[Word], *, of: PageWords) -> PageWords:
    """What the OCR reader found in place of the text layer `of`."""
    cleaned = clean_words(words)
    if cleaned:
        return replace(of, words=tuple(cleaned), reader=WordReader.OCR)
    return replace(of, note="; ".join(filter(None, (of.note, "the OCR reader found no words"))))


def _squeeze(sheet: Sheet, options: ReadOptions) -> Squeeze | None:
    """The blank bands to take out, if that is ordered and there are any."""
    if options.profile.blanks is not Blanks.SQUEEZE:
        return None
    return plan_squeeze(sheet.draw(shrunk_to(probe_size(sheet.paper.shape), options.limits.max_pixels)))


def _grid(paper: PaperSize, words: PageWords, options: ReadOptions, squeeze: Squeeze | None) -> Grid:
    profile = options.profile
    budget = GridBudget(
        tile_px=profile.tile_px,
        patches_per_side=profile.patches_per_side,
        max_tiles=options.max_tiles,
        max_visual_tokens=visual_token_budget(options.max_visual_tokens, profile.context_tokens),
    )
    is_anchored = bool(words) and profile.takes_words
    em, shape = em_height(words.words, paper.aspect), paper.shape
    if squeeze is not None:
        left = squeeze.left_of(shape)
        em, shape = (em * shape.height / left.height if em else None), left
    return choose_grid(shape, em, grids=profile.anchored_grids if is_anchored else profile.grids, budget=budget)


def _draw(sheet: Sheet, grid: Grid, options: ReadOptions, squeeze: Squeeze | None) -> NDArray[np.uint8]:
    shape, tile_px = sheet.paper.shape, options.profile.tile_px
    if squeeze is None:
        size = raster_size(shape, grid, tile_px)
    else:
        size = squeeze.whole_of(raster_size(squeeze.left_of(shape), grid, tile_px))
    return sheet.draw(shrunk_to(size, options.limits.max_pixels))


def _blank(page_index: int) -> PageRead:
    return PageRead(PageOutcome(page_index, PageState.SKIPPED, BLANK))
