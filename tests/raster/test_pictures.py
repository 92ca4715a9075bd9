"""Pictures on pages that have text: read where they hold text of their own, and only there."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from llava_ocr.geometry import Box, Turn
from llava_ocr.raster.base import OcrMode, PageRead, PdfLibrary
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.page import UNREAD_PICTURE, read_sheet
from llava_ocr.records import Word, WordReader
from llava_ocr.words.ocr import OcrPage
from tests.raster.papers import options

HEAD = ("Sample Trading Ltd", "1 Example Road, York", "Registered in England and Wales")
BODY = tuple(f"Article {number} of the order, delivered in spring {number}.50" for number in range(1, 7))
PLACE = pymupdf.Rect(60, 250, 535, 520)
Reading = Callable[[Any], OcrPage]


class Reader:
    """An OCR reader that finds the same words in whatever it is shown, and counts."""

    def __init__(self, words: Sequence[Word] = (), turn: Turn = Turn.NONE) -> None:
        self.words, self.turn, self.num_calls = tuple(words), turn, 0

    def __call__(self, _: object) -> OcrPage:
        self.num_calls += 1
        return OcrPage(self.words, self.turn)


def png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def printed(lines: Sequence[str] = BODY, *, turn: Turn = Turn.NONE, ground: int = 255) -> Image.Image:
    sheet = Image.new("RGB", (1320, 750), (ground,) * 3)
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((40, 40 + 100 * row), line, "black", ImageFont.load_default(34))
    return sheet.rotate(90 * turn, expand=True)


def photo() -> Image.Image:
    pixels = np.random.default_rng(0).integers(40, 220, (60, 100, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((1320, 750), Image.Resampling.BICUBIC)


def logo() -> Image.Image:
    sheet = Image.new("RGB", (1320, 750), "white")
    pen = ImageDraw.Draw(sheet)
    pen.ellipse((80, 100, 600, 620), "navy")
    pen.text((640, 250), "ACME", "navy", ImageFont.load_default(220))
    return sheet


def signature() -> Image.Image:
    sheet = Image.new("RGB", (1320, 750), "white")
    curve = [(60 + 6 * x, 375 + 200 * np.sin(x / 9) * np.cos(x / 31)) for x in range(200)]
    ImageDraw.Draw(sheet).line(curve, "navy", width=8)
    return sheet


def page_with(
    folder: Path,
    *pictures: tuple[pymupdf.Rect, Image.Image],
    read: Reader,
    library: PdfLibrary = PdfLibrary.PYMUPDF,
    ocr: OcrMode = OcrMode.AUTO,
    beneath: bool = False,
    text: Sequence[tuple[float, float, str]] = (),
) -> PageRead:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        for row, line in enumerate(HEAD * 6):
            page.insert_text((72, 80 + 8 * row if not beneath else 80 + 40 * row), line, fontsize=7)
        for place, picture in pictures:
            page.insert_image(place, stream=png(picture), overlay=not beneath)
        for x, y, line in text:
            page.insert_text((x, y), line, fontsize=9)
        pdf.save(str(folder / "p.pdf"))
    order = options(pdf=library, ocr=ocr)
    paper = open_paper(folder / "p.pdf", (), order)
    with paper.sheet(0) as sheet:
        found = read_sheet(sheet, 0, order, read)
    paper.close()
    return found


@pytest.mark.parametrize("library", PdfLibrary)
def test_words_of_a_picture_join_those_of_the_text_layer_in_reading_order(tmp_path: Path, library: PdfLibrary) -> None:
    read = Reader([Word("Total", Box(0.1, 0.45, 0.3, 0.55), 0.9), Word("12.50", Box(0.8, 0.45, 0.9, 0.55), 0.8)])
    page = page_with(tmp_path, (PLACE, printed()), read=read, library=library, text=[(72, 700, "Terms: thirty days")])
    assert page.layout is not None
    lines = [" ".join(segment.text for segment in line.segments) for line in page.layout.lines]
    assert lines[-2:] == ["Total 12.50", "Terms: thirty days"]
    words = {word.text: word for word in page.layout.words}
    assert (words["12.50"].reader, words["12.50"].score) == (WordReader.OCR, 0.8)
    assert (words["Terms:"].reader, page.reader) == (None, WordReader.TEXT_LAYER)
    # In the middle of the picture's height, four fifths along it.
    assert words["12.50"].box.center_y == pytest.approx((PLACE.y0 + PLACE.y1) / 2 / 842, abs=0.002)
    assert words["12.50"].box.x0 == pytest.approx((PLACE.x0 + 0.8 * PLACE.width) / 595, abs=0.002)


@pytest.mark.parametrize("turn", Turn)
@pytest.mark.parametrize("ground", [255, 215])
def test_print_is_told_whichever_way_it_runs_and_on_grey_paper(tmp_path: Path, turn: Turn, ground: int) -> None:
    read = Reader()
    place = pymupdf.Rect(150, 250, 420, 720) if turn.is_sideways else PLACE
    page_with(tmp_path, (place, printed(turn=turn, ground=ground)), read=read)
    assert read.num_calls == 1


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize(
    "picture",
    [photo(), logo(), signature(), Image.new("RGB", (99, 99), "teal")],
    ids=("photo", "logo", "hand", "plain"),
)
def test_what_holds_no_text_costs_no_reading(tmp_path: Path, picture: Image.Image, library: PdfLibrary) -> None:
    read = Reader()
    page = page_with(tmp_path, (PLACE, picture), read=read, library=library)
    assert (read.num_calls, page.findings) == (0, ())


def test_a_small_picture_costs_no_reading(tmp_path: Path) -> None:
    read = Reader()
    page_with(tmp_path, (pymupdf.Rect(400, 300, 500, 400), printed()), read=read)
    assert read.num_calls == 0


def test_a_background_picture_costs_no_reading(tmp_path: Path) -> None:
    read = Reader()
    page_with(tmp_path, (pymupdf.Rect(0, 0, 595, 842), printed(ground=240)), read=read, beneath=True)
    assert read.num_calls == 0


def test_strips_of_one_picture_are_read_at_once(tmp_path: Path) -> None:
    whole, read = printed(), Reader()
    strips = []
    for number in range(10):
        top, bottom = 75 * number, 75 * (number + 1)
        place = pymupdf.Rect(PLACE.x0, PLACE.y0 + 0.36 * top, PLACE.x1, PLACE.y0 + 0.36 * bottom)
        strips.append((place, whole.crop((0, top, 1320, bottom))))
    page_with(tmp_path, *strips, read=read)
    assert read.num_calls == 1


@pytest.mark.parametrize("library", PdfLibrary)
def test_a_word_of_layer_and_picture_appears_once(tmp_path: Path, library: PdfLibrary) -> None:
    middle = (PLACE.y0 + PLACE.y1) / 2
    read = Reader([Word("PAID", Box(0.49, 0.47, 0.56, 0.53), 0.9), Word("PAID", Box(0.1, 0.1, 0.2, 0.2), 0.9)])
    stamp = [(PLACE.x0 + PLACE.width / 2, middle, "PAID")]
    page = page_with(tmp_path, (PLACE, printed()), read=read, library=library, text=stamp)
    assert page.layout is not None
    # The stamp, which both know, and the other one in the picture.
    readers = sorted(str(word.reader) for word in page.layout.words if word.text == "PAID")
    assert readers == ["None", "ocr"]


def test_with_ocr_off_the_page_says_that_a_picture_was_not_read(tmp_path: Path) -> None:
    page = page_with(tmp_path, (PLACE, printed()), read=Reader(), ocr=OcrMode.NEVER)
    assert [finding.check for finding in page.findings] == [UNREAD_PICTURE]
    assert "not read" in page.outcome.message


def test_a_picture_on_its_side_reads_as_lines_of_its_own(tmp_path: Path) -> None:
    words = [Word(text, Box(0.4, y, 0.5, y + 0.1), 0.9) for text, y in (("one", 0.6), ("two", 0.4))]
    place = pymupdf.Rect(150, 250, 420, 720)
    page = page_with(tmp_path, (place, printed(turn=Turn.RIGHT)), read=Reader(words, Turn.RIGHT))
    assert page.layout is not None
    assert "one two" in [" ".join(segment.text for segment in line.segments) for line in page.layout.lines]
