"""Pictures of the errors: where a value was read and where the truth stands, cut from the page.

Pages are drawn by the same child processes that read them (`raster.sandbox`); a document is opened once.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from llava_ocr.engines.base import EngineProfile
from llava_ocr.errors import ExtractionError
from llava_ocr.evaluation.base import FieldResult
from llava_ocr.geometry import Box, Grid, union
from llava_ocr.grounding.candidates import spans
from llava_ocr.grounding.match import PageIndex
from llava_ocr.grounding.typed import meanings
from llava_ocr.raster.base import OcrMode, PageReader, ReadOptions
from llava_ocr.schema import Hint, Kind, Leaf, LeafNode

# The longer side of a drawn page; A4 then has 137 dpi.
PAGE_PX = 1600
# The truth is looked for on this many pages; more would only fill memory.
MAX_PAGES = 12
# A cut shows at least this share of the page's width and height, and this much around what it is about.
MIN_WIDTH, MIN_HEIGHT = 0.6, 0.075
MARGIN_X, MARGIN_Y = 0.04, 0.02
# Two places further apart than this share of the page's height are shown one by one.
TOGETHER = 0.12
# A truth that stands on the page this often is no place to show.
MAX_PLACES = 3
_JPEG_QUALITY = 78
_DASH_PX = 10
_READ_RGB, _TRUTH_RGB = (209, 102, 42), (46, 125, 79)


@dataclass(frozen=True, slots=True)
class Picture:
    """A cut of a page as a JPEG in base64, with what a person who can't see it should be told."""

    caption: str
    jpeg_base64: str


@dataclass(frozen=True, slots=True)
class _Place:
    page_index: int
    box: Box
    is_truth: bool


@dataclass(frozen=True, eq=False)
class _Page:
    """A drawn page, and its words where it has a text layer."""

    pixels_HWC: NDArray[np.uint8]
    words: PageIndex | None


def crop_options() -> ReadOptions:
    """How pages are drawn for pictures: in one piece, without OCR."""
    profile = EngineProfile(
        name="report",
        fingerprint="report",
        tile_px=PAGE_PX,
        patches_per_side=1,
        context_tokens=1_000,
        grids=(Grid(1, 1),),
        anchored_grids=(Grid(1, 1),),
        takes_grammar=False,
    )
    return ReadOptions(profile, ocr=OcrMode.NEVER)


def picture_errors(reader: PageReader, path: Path, errors: Sequence[FieldResult]) -> list[list[Picture]]:
    """Return each error's pictures, none where no place is known. Raises InputError where the file can't be read."""
    read_on = {error.evidence.page_index for error in errors if error.evidence is not None}
    last = max(read_on | {MAX_PAGES - 1})
    pages: dict[int, _Page] = {}
    for page in islice(reader.read(path), last + 1):
        index = page.outcome.page_index
        if page.raster is not None and (index < MAX_PAGES or index in read_on):
            index_of_words = PageIndex(page.layout) if page.layout is not None and page.layout.words else None
            pages[index] = _Page(page.pixels(), index_of_words)
    return [list(_pictures(pages, error)) for error in errors]


def picture_or_reason(reader: PageReader, path: Path, errors: Sequence[FieldResult]) -> tuple[list[list[Picture]], str]:
    """As `picture_errors`; where the file can't be read, no pictures and why."""
    try:
        return picture_errors(reader, path, errors), ""
    except (ExtractionError, OSError) as error:
        return [[] for _ in errors], f"{type(error).__name__}: the file could not be opened for pictures"


def truth_places(index: PageIndex, error: FieldResult) -> list[Box]:
    """Where the expected value stands among a page's words, as written or in other words of one meaning."""
    if error.expected is None:
        return []
    leaf = LeafNode("", "", Leaf(error.kind), Hint(""))
    texts = [error.expected]
    if error.kind in (Kind.MONEY, Kind.NUMBER, Kind.DATE):
        meant = meanings(error.expected, leaf.leaf)
        texts = [text for text in spans(index.layout, leaf) if meanings(text, leaf.leaf) & meant]
    turn = index.layout.turn
    return [turn.back.box(union(place.boxes)) for text in texts for place in index.find(text)]


def _pictures(pages: dict[int, _Page], error: FieldResult) -> Iterator[Picture]:
    places: list[_Place] = []
    if error.evidence is not None and error.evidence.boxes:
        places.append(_Place(error.evidence.page_index, union(error.evidence.boxes), is_truth=False))
    truths = [
        _Place(number, box, is_truth=True)
        for number, page in pages.items()
        if page.words is not None
        for box in truth_places(page.words, error)
    ]
    # A row's truth is looked for beside what was read of it.
    truths.sort(key=lambda place: _distance(place, places))
    places += truths[: 1 if places else MAX_PLACES if len(truths) <= MAX_PLACES else 0]
    for together in _grouped(places):
        page = pages.get(together[0].page_index)
        if page is not None:
            yield _cut(page.pixels_HWC, together)


def _distance(place: _Place, others: Sequence[_Place]) -> tuple[bool, float]:
    if not others:
        return False, 0.0
    return place.page_index != others[0].page_index, abs(place.box.center_y - others[0].box.center_y)


def _grouped(places: Sequence[_Place]) -> list[list[_Place]]:
    """Places that one picture can show."""
    groups: list[list[_Place]] = []
    for place in places:
        near = (
            group
            for group in groups
            if group[0].page_index == place.page_index
            and union([place.box, *(other.box for other in group)]).height
            <= TOGETHER + max(place.box.height, *(other.box.height for other in group))
        )
        home = next(near, None)
        if home is None:
            groups.append([place])
        else:
            home.append(place)
    return groups


def _cut(page_HWC: NDArray[np.uint8], places: Sequence[_Place]) -> Picture:
    height, width = page_HWC.shape[:2]
    window = _window(union(place.box for place in places))
    left, top = round(window.x0 * width), round(window.y0 * height)
    image = Image.fromarray(page_HWC).crop((left, top, round(window.x1 * width), round(window.y1 * height)))
    pen = ImageDraw.Draw(image)
    for place in places:
        edges = (place.box.x0 * width - left, place.box.y0 * height - top)
        ends = (place.box.x1 * width - left, place.box.y1 * height - top)
        _outline(pen, (edges[0] - 3, edges[1] - 2, ends[0] + 3, ends[1] + 2), is_truth=place.is_truth)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    shown = " and ".join(dict.fromkeys("the truth" if place.is_truth else "what was read" for place in places))
    return Picture(f"Page {places[0].page_index + 1}: {shown}", base64.b64encode(buffer.getvalue()).decode("ascii"))


def _window(box: Box) -> Box:
    """What to show around a box: the box, a margin, and enough of the page to know where one is."""
    x0, x1 = _stretch(box.x0, box.x1, at_least=MIN_WIDTH, margin=MARGIN_X)
    y0, y1 = _stretch(box.y0, box.y1, at_least=MIN_HEIGHT, margin=MARGIN_Y)
    return Box(x0, y0, x1, y1).clipped()


def _stretch(low: float, high: float, *, at_least: float, margin: float) -> tuple[float, float]:
    """Widen a stretch of the page on both sides; at the page's edge, on the other side only."""
    length = min(1.0, max(at_least, high - low + 2 * margin))
    start = min(max(0.0, (low + high - length) / 2), 1.0 - length)
    return start, start + length


def _outline(pen: ImageDraw.ImageDraw, edges: tuple[float, float, float, float], *, is_truth: bool) -> None:
    """A frame: solid around what was read, dashed around the truth, so that it can be told without colours."""
    if not is_truth:
        pen.rectangle(edges, outline=_READ_RGB, width=2)
        return
    x0, y0, x1, y1 = edges
    for start in range(round(x0), round(x1), _DASH_PX):
        for y in (y0, y1):
            pen.line((start, y, min(start + _DASH_PX // 2, x1), y), fill=_TRUTH_RGB, width=2)
    for start in range(round(y0), round(y1), _DASH_PX):
        for x in (x0, x1):
            pen.line((x, start, x, min(start + _DASH_PX // 2, y1)), fill=_TRUTH_RGB, width=2)
