"""`bench ocr`: words read off worn scans against the words that were painted, and what finding lines in small saves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.synth.paint import paint
from llava_ocr.synth.scan import draw_wear, paint_scan
from llava_ocr.words.ocr import DETECTION_PX, read_words

_TYPES = ("invoice", "receipt", "statement")
_FIRST_SEED = 700_000
_DPIS = (150, 170, 220)
# More than any page has: lines are found on the page as it is.
_WHOLE = 10**12


def run(num_pages: int = 18) -> dict[str, Any]:
    """Read first pages of painted documents, worn, at 150, 170 and 220 dpi.

    A word counts as read if it has the painted word's text and touches its box. `cpu_s_per_page` is processor time.
    """
    ways = {"whole": _WHOLE, "shipped": DETECTION_PX}
    tallies = {way: np.zeros(4) for way in ways}
    for raster_HWC, words in _pages(num_pages):
        for way, detection_px in ways.items():
            started = time.process_time()
            found = read_words(raster_HWC, detection_px=detection_px)
            seconds = time.process_time() - started
            tallies[way] += (num_read(words, found), len(words), len(found), seconds)
    told = {way: _figures(tally, num_pages) for way, tally in tallies.items()}
    ratio = told["shipped"]["cpu_s_per_page"] / told["whole"]["cpu_s_per_page"]
    return {"num_pages": num_pages, **told, "ratio_to_whole": round(ratio, 3)}


def num_read(painted: Sequence[Word], found: Sequence[Word]) -> int:
    """Count the painted words that were found with their text where they stand, each found word used once."""
    left = list(found)
    count = 0
    for word in painted:
        same = next((other for other in left if other.text == word.text and _touch(other.box, word.box)), None)
        if same is not None:
            left.remove(same)
            count += 1
    return count


def _touch(one: Box, other: Box) -> bool:
    return min(one.x1, other.x1) > max(one.x0, other.x0) and min(one.y1, other.y1) > max(one.y0, other.y0)


def _pages(count: int) -> Iterator[tuple[NDArray[np.uint8], Sequence[Word]]]:
    for number in range(count):
        name, seed = _TYPES[number % len(_TYPES)], _FIRST_SEED + number // len(_TYPES)
        wear = draw_wear(Random(f"{name}/{seed}/wear"), dpi=_DPIS[number // len(_TYPES) % len(_DPIS)])
        page = paint_scan(paint(name, seed), wear)[0]
        yield np.asarray(page.image.convert("RGB")), page.words


def _figures(tally: NDArray[np.float64], num_pages: int) -> dict[str, float]:
    read, painted, found, seconds = tally.tolist()
    return {
        "recall": round(read / painted, 4),
        "precision": round(read / found, 4),
        "word_f1": round(2 * read / (painted + found), 4),
        "cpu_s_per_page": round(seconds / num_pages, 2),
    }
