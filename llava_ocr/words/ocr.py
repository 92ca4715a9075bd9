"""Reads words off pixels with RapidOCR on onnxruntime. Its PP-OCRv6 models ship inside its wheel: no network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.errors import MissingExtra
from llava_ocr.geometry import Box, Size, box_of_px
from llava_ocr.records import Word

# Children run side by side, one to a core; threads inside each would only fight.
_NUM_THREADS = 1
# Pages come at a size of our choosing; RapidOCR must not shrink a long receipt to its default of 2000.
_MAX_SIDE_PX = 20_000
# Lines are found on a smaller picture than they are read from: above this many pixels (A4 at 108 dpi) finding more took
# longer and found no more (`llava-ocr bench ocr`). Small slips are enlarged instead, as the detector's default is.
DETECTION_PX = 1_150_000
_SMALL_SIDE_PX = 736
# RapidOCR's quadrilaterals stand off the ink by its `unclip_ratio`, about this share of the height on each side.
_MARGIN = 0.08


def read_words(raster_HWC: NDArray[np.uint8], *, detection_px: int = DETECTION_PX) -> list[Word]:
    """Read an upright RGB page; words come line by line as found. Raises MemoryError, or MissingExtra without it."""
    size = Size(raster_HWC.shape[1], raster_HWC.shape[0])
    # RapidOCR takes BGR, as OpenCV does.
    bgr_HWC = np.ascontiguousarray(raster_HWC[:, :, ::-1])
    reader = _reader()
    # The detector is made at the first page, from the configuration, and has limits of its own from then on.
    for place in (reader.cfg.Det, reader.text_det or reader.cfg.Det):
        place.limit_type, place.limit_side_len = _detection_limit(size, detection_px)
    try:
        found = reader(bgr_HWC, return_word_box=True)
    except RuntimeError as fault:
        # onnxruntime reports an allocation that failed as a RuntimeError of its own.
        if "alloc" in str(fault).lower():
            raise MemoryError("the OCR reader ran out of memory") from None
        raise
    if getattr(found, "txts", None) is None:
        return []
    lines = zip(found.txts, found.boxes, found.scores, found.word_results or (), strict=False)
    return [word for text, quad, score, pieces in lines for word in _words_of(text, quad, score, pieces, size)]


def read_sample() -> list[Word]:
    """Read a line that is painted on the spot: whether the reader works on this machine."""
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("RGB", (640, 120), "white")
    ImageDraw.Draw(sheet).text((30, 35), "Invoice 2024-117 total 1,234.50", "black", ImageFont.load_default(34))
    return read_words(np.asarray(sheet))


def _detection_limit(size: Size, detection_px: int) -> tuple[str, int]:
    """How far the detector is to scale a page: "max" bounds its longer side, "min" its shorter one from below."""
    if size.num_px <= detection_px:
        return "min", _SMALL_SIDE_PX
    return "max", round(max(size.width, size.height) * math.sqrt(detection_px / size.num_px))


@lru_cache(maxsize=1)
def _reader() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as fault:
        raise MissingExtra("reading scans needs the package rapidocr") from fault
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": _NUM_THREADS for kind in ("intra", "inter")}
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": _MAX_SIDE_PX,
            **threads,
        }
    )


def _words_of(text: str, quad: Any, score: float, pieces: Sequence[Any], size: Size) -> Iterator[Word]:
    """Part a line at its white space. Its pieces are boxed characters or runs of them; white space is left out."""
    parts = text.split()
    if "".join(piece[0] for piece in pieces) != "".join(parts):
        yield from _shared_out(parts, quad, score, size)
        return
    waiting = list(reversed(pieces))
    for part in parts:
        taken: list[Any] = []
        num_taken = 0
        while waiting and num_taken < len(part):
            taken.append(waiting.pop())
            num_taken += len(taken[-1][0])
        corners = np.concatenate([np.asarray(piece[2], dtype=np.float64) for piece in taken])
        yield Word(part, _box(corners, size), float(min(piece[1] for piece in taken)))


def _shared_out(parts: Sequence[str], quad: Any, score: float, size: Size) -> Iterator[Word]:
    """Share a line's box out to its words by their lengths."""
    line = _box(np.asarray(quad, dtype=np.float64), size)
    num_chars = max(1, sum(map(len, parts)) + len(parts) - 1)
    start = 0
    for part in parts:
        x0, x1 = line.x0 + line.width * start / num_chars, line.x0 + line.width * (start + len(part)) / num_chars
        yield Word(part, Box(x0, line.y0, x1, line.y1), float(score))
        start += len(part) + 1


def _box(corners: NDArray[np.float64], size: Size) -> Box:
    x0, y0 = corners.min(axis=0)
    x1, y1 = corners.max(axis=0)
    margin = _MARGIN * (y1 - y0)
    return box_of_px(float(x0), float(y0 + margin), float(x1), float(y1 - margin), size=size)
