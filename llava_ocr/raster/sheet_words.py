"""The words of a sheet: of its text layer where that is sound, else as the OCR reader reads its pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Turn
from llava_ocr.raster.base import OcrMode, ReadOptions
from llava_ocr.raster.blank import is_blank
from llava_ocr.raster.drawer import Sheet
from llava_ocr.raster.limits import ocr_size, shrunk_to
from llava_ocr.records import NO_WORDS, PageWords, Word, WordReader
from llava_ocr.words.ocr import OcrPage
from llava_ocr.words.pictures import MIN_AREA, cut_out, is_known, on_page, with_text
from llava_ocr.words.sanity import fault_of, fault_of_order
from llava_ocr.words.text_layer import clean_words
from llava_ocr.words.turned import choose_turn, turned_words
from llava_ocr.words.visible import Seen, Unseen, disagrees, unseen_words, weigh

# Where words show: 6 pt print is 8 px high, and drawing takes a few milliseconds.
SEEN_DPI = 100.0
# Where no ink was seen, and on scans, whose print has to be told from other pictures: the letters one by one.
FINE_DPI = 200.0
SEEN_MAX_PIXELS = 4_000_000

ReadPixels = Callable[[NDArray[np.uint8]], OcrPage]


def words_of(sheet: Sheet, options: ReadOptions, read_pixels: ReadPixels) -> PageWords | None:
    """Read a sheet's words; None where the page is blank. `read_pixels` is the OCR reader."""
    words = _text_layer(sheet, options) if options.ocr is not OcrMode.ALWAYS else NO_WORDS
    if words:
        return _with_pictures(words, sheet, options, read_pixels)
    if options.ocr is OcrMode.NEVER:
        return words
    seen = sheet.draw(ocr_size(sheet.paper, sheet.native, options.limits))
    return None if is_blank(seen) else _of_pixels(read_pixels(seen), of=words)


def _with_pictures(words: PageWords, sheet: Sheet, options: ReadOptions, read_pixels: ReadPixels) -> PageWords:
    """Add the words of pictures that hold text of their own to those of the text layer."""
    pictures = [picture for picture in sheet.pictures() if picture.clipped().area > 0]
    if sum(picture.clipped().area for picture in pictures) < MIN_AREA:
        return words
    areas = with_text(pictures, words.words, _seen(sheet, SEEN_DPI, options).pixels_HWC)
    if not areas or options.ocr is OcrMode.NEVER:
        return replace(words, num_unread_pictures=len(areas))
    page_HWC = sheet.draw(ocr_size(sheet.paper, None, options.limits))
    lying = list(zip(words.words, words.turns or (words.turn,) * len(words.words), strict=True))
    for area in areas:
        read = read_pixels(cut_out(page_HWC, area))
        found = on_page(read.words, page_HWC, area)
        lying += [(word, read.turn) for word in _cleaned(found, read.turn) if not is_known(word, words.words)]
    turn, is_clear = choose_turn([word for word, _ in lying], [own for _, own in lying])
    lying.sort(key=lambda one: (one[1] != turn, one[1]))
    turns = tuple(own for _, own in lying)
    return replace(
        words,
        words=tuple(word for word, _ in lying),
        turn=turn,
        turns=turns if set(turns) != {turn} else (),
        is_turn_clear=is_clear,
    )


def _of_pixels(read: OcrPage, *, of: PageWords) -> PageWords:
    """What the OCR reader found in place of the text layer `of`."""
    words = _cleaned(read.words, read.turn)
    if words:
        is_clear = read.is_turn_clear
        return replace(of, words=words, reader=WordReader.OCR, turn=read.turn, is_turn_clear=is_clear)
    return replace(of, note="; ".join(filter(None, (of.note, "the OCR reader found no words"))))


def _text_layer(sheet: Sheet, options: ReadOptions) -> PageWords:
    stored = sheet.words()
    cleaned = clean_words(stored)

    def image_cover() -> float:
        return max((picture.clipped().area for picture in sheet.pictures()), default=0.0)

    fault = fault_of(stored, cleaned, image_cover)
    if fault or not cleaned:
        return replace(NO_WORDS, note=fault)
    return shown_words(stored, sheet, options)


def shown_words(stored: Sequence[Word], sheet: Sheet, options: ReadOptions) -> PageWords:
    """Return the words of a sound text layer that show on the page; none where the layer is another page's or
    has an order that nothing vouches for."""
    inks = sheet.inks()
    if fault := fault_of_order(stored, [ink.is_painted for ink in inks]):
        return replace(NO_WORDS, note=fault)
    unseen: Mapping[int, Unseen] = {}
    is_scan = any(ink.is_doubtful and ink.is_on_picture for ink in inks)
    for dpi in (FINE_DPI,) if is_scan else (SEEN_DPI, FINE_DPI):
        unseen = unseen_words(stored, inks, _seen(sheet, dpi, options))
        if Unseen.NO_INK not in unseen.values():
            break
    unread = weigh(stored, inks, unseen)
    seen = [index for index in range(len(stored)) if index not in unseen]
    turns = sheet.turns()
    words = _lying([stored[index] for index in seen], [turns[index] for index in seen])
    if not words or disagrees(inks, unseen):
        note = f"text layer refused: {unread.num_words:,} of its {len(stored):,} words do not show on the page"
        return PageWords((), WordReader.NONE, note, *unread)
    return replace(words, num_unseen=unread.num_words, is_odd=unread.is_odd)


def _lying(words: Sequence[Word], turns: Sequence[Turn | None]) -> PageWords:
    """Clean words that may lie in several directions, those of the page's own first."""
    turn, is_clear = choose_turn(words, turns)
    groups: dict[Turn, list[Word]] = {turn: []}
    for word, own in zip(words, turns, strict=True):
        # What stands aslant goes with the page.
        groups.setdefault(turn if own is None else own, []).append(word)
    first, *others = ((own, _cleaned(groups[own], own)) for own in sorted(groups, key=lambda own: (own != turn, own)))
    listed = [first, *((own, cleaned) for own, cleaned in others if cleaned)]
    return PageWords(
        tuple(word for _, cleaned in listed for word in cleaned),
        WordReader.TEXT_LAYER,
        turn=turn,
        turns=tuple(own for own, cleaned in listed for _ in cleaned) if listed[1:] else (),
        is_turn_clear=is_clear,
    )


def _cleaned(words: Sequence[Word], turn: Turn) -> tuple[Word, ...]:
    """Clean words on the page by which they are upright: only there a text is parted across."""
    return turned_words(clean_words(turned_words(words, turn)), turn.back)


def _seen(sheet: Sheet, dpi: float, options: ReadOptions) -> Seen:
    size = shrunk_to(sheet.paper.at_dpi(dpi), min(SEEN_MAX_PIXELS, options.limits.max_pixels))
    return Seen(sheet.draw(size), sheet.paper.width_pt, sheet.paper.height_pt)
