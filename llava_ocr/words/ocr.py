"""Reads words off pixels with RapidOCR on onnxruntime. Its PP-OCRv6 models ship inside its wheel: no network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.errors import MissingExtra
from llava_ocr.geometry import Box, Size, Turn, box_of_px
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
# RapidOCR's own bound below which a line is no text.
MIN_SCORE = 0.5
# Mean score of a page's lines: 0.96 and more as they should be, 0.63 to 0.73 on their heads (receipts, typeset pages).
READS_WELL = 0.85
# How a page lies is tried on so many of its longest lines, and must be so much better in one way than in the other.
_NUM_TRIED = 8
_MIN_LEAD = 0.1
# Fewer say nothing certain of how a page lies: a lone `1` is as tall as a line that stands.
_MIN_CHARS = 8


@dataclass(frozen=True, slots=True)
class OcrPage:
    """What was read of a page: words with boxes on the page as it came, and by which turn they are upright.

    `is_turn_clear` is False where the page seems to lie on its side or its head and no turn makes it readable.
    """

    words: tuple[Word, ...]
    turn: Turn = Turn.NONE
    is_turn_clear: bool = True


def read_page(raster_HWC: NDArray[np.uint8]) -> OcrPage:
    """Read an RGB page whichever way it lies; an upright page is read once. Raises as `read_words` does."""
    found = _read(raster_HWC, DETECTION_PX)
    guess = _turn_of(raster_HWC, found)
    if guess is None or guess is Turn.NONE:
        return OcrPage(_words(found, raster_HWC), Turn.NONE, guess is not None)
    turned_HWC = np.rot90(raster_HWC, -int(guess))
    words = _words(_read(turned_HWC, DETECTION_PX), turned_HWC)
    return OcrPage(tuple(replace(word, box=guess.back.box(word.box)) for word in words), guess)


def read_words(raster_HWC: NDArray[np.uint8], *, detection_px: int = DETECTION_PX) -> list[Word]:
    """Read an upright RGB page; words come line by line as found. Raises MemoryError, or MissingExtra without it."""
    return list(_words(_read(raster_HWC, detection_px), raster_HWC))


def _read(raster_HWC: NDArray[np.uint8], detection_px: int) -> list[_Line]:
    size = Size(raster_HWC.shape[1], raster_HWC.shape[0])
    reader = _reader()
    # The detector is made at the first page, from the configuration, and has limits of its own from then on.
    for place in (reader.cfg.Det, reader.text_det or reader.cfg.Det):
        place.limit_type, place.limit_side_len = _detection_limit(size, detection_px)
    with _memory_errors():
        found = reader(_bgr(raster_HWC), return_word_box=True, text_score=0.0)
    if getattr(found, "txts", None) is None:
        return []
    lines = zip(found.txts, found.boxes, found.scores, found.word_results or (), strict=False)
    return [_Line(text, np.asarray(quad, np.float32), float(score), pieces) for text, quad, score, pieces in lines]


def _words(lines: Sequence[_Line], raster_HWC: NDArray[np.uint8]) -> tuple[Word, ...]:
    size = Size(raster_HWC.shape[1], raster_HWC.shape[0])
    sure = (line for line in lines if line.score >= MIN_SCORE)
    return tuple(word for line in sure for word in _words_of(line.text, line.quad, line.score, line.pieces, size))


def _turn_of(raster_HWC: NDArray[np.uint8], lines: Sequence[_Line]) -> Turn | None:
    """By which turn a page is upright, from its lines as they were read where they lie; None where it can't be told.

    RapidOCR stands tall lines up, counter-clockwise, before it reads them: writing that runs down the page is then read
    well, writing that runs up it stands on its head, and reads as badly as a page on its head does.
    """
    num_chars = sum(len(line.text) for line in lines)
    if num_chars < _MIN_CHARS:
        return Turn.NONE
    is_sideways = 2 * sum(len(line.text) for line in lines if line.is_tall) > num_chars
    as_read, on_head = (Turn.LEFT, Turn.RIGHT) if is_sideways else (Turn.NONE, Turn.HALF)
    if sum(len(line.text) * line.score for line in lines) >= READS_WELL * num_chars:
        return as_read
    longest = sorted((line for line in lines if line.is_tall == is_sideways), key=lambda line: -line.length_px)
    crops = _crops(raster_HWC, longest[:_NUM_TRIED])
    if not is_sideways and not _is_on_head(crops):
        return as_read
    here, there = _mean_score(crops), _mean_score([np.ascontiguousarray(np.rot90(crop, 2)) for crop in crops])
    if max(here, there) < READS_WELL or abs(here - there) < _MIN_LEAD:
        return None
    return as_read if here > there else on_head


def _crops(raster_HWC: NDArray[np.uint8], lines: Sequence[_Line]) -> list[Any]:
    return _reader().crop_text_regions(_bgr(raster_HWC), [line.quad for line in lines]) if lines else []


def _is_on_head(crops: Sequence[Any]) -> bool:
    """What the classifier for lines says of most of them: a few milliseconds."""
    with _memory_errors():
        said = _reader()._load_cls_model()(list(crops)).cls_res
    return 2 * [label for label, _ in said].count("180") > len(said)


def _mean_score(crops: Sequence[Any]) -> float:
    with _memory_errors():
        scores = _reader().recognize_txt(list(crops)).scores
    return float(np.mean(scores)) if len(scores) else 0.0


def _bgr(raster_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # RapidOCR takes BGR, as OpenCV does.
    return np.ascontiguousarray(raster_HWC[:, :, ::-1])


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except RuntimeError as fault:
        # onnxruntime reports an allocation that failed as a RuntimeError of its own.
        if "alloc" in str(fault).lower():
            raise MemoryError("the OCR reader ran out of memory") from None
        raise


@dataclass(frozen=True, eq=False, slots=True)
class _Line:
    """A line as RapidOCR read it; `pieces` are its characters or runs of them, each with a score and a box."""

    text: str
    quad: NDArray[np.float32]
    score: float
    pieces: Sequence[Any]

    @property
    def length_px(self) -> float:
        """Its longer side."""
        return max(self._sides)

    @property
    def is_tall(self) -> bool:
        """Whether RapidOCR stood it up."""
        width, height = self._sides
        return height >= 1.5 * width

    @property
    def _sides(self) -> tuple[float, float]:
        return float(np.linalg.norm(self.quad[0] - self.quad[1])), float(np.linalg.norm(self.quad[0] - self.quad[3]))


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
