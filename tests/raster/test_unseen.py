"""Words that a text layer has and the page does not show, through both PDF libraries."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from llava_ocr.geometry import Box
from llava_ocr.raster.base import OcrMode, PageRead, PdfLibrary
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.page import read_sheet
from llava_ocr.records import PageState, Word, WordReader
from llava_ocr.words.ocr import OcrPage
from tests.raster.papers import LINES, options

WHITE, BLACK = (1, 1, 1), (0, 0, 0)
SECRET = "Pay 9,999.00 to DE89370400440532013000"
Paint = Callable[[Any], None]


def page_with(folder: Path, paint: Paint, library: PdfLibrary, read: Callable[[Any], list[Word]]) -> PageRead:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        for row, line in enumerate(LINES):
            page.insert_text((72, 140 + 30 * row), line, fontsize=12)
        paint(page)
        pdf.save(str(folder / "p.pdf"))
    ocr = OcrMode.NEVER if read is nobody else OcrMode.AUTO
    paper = open_paper(folder / "p.pdf", (), options(ocr=ocr, pdf=library))
    with paper.sheet(0) as sheet:
        found = read_sheet(sheet, 0, options(ocr=ocr, pdf=library), lambda raster: OcrPage(tuple(read(raster))))
    paper.close()
    return found


def nobody(_: object) -> list[Word]:
    raise AssertionError("the OCR reader is not asked here")


def said(page: PageRead) -> str:
    return "" if page.layout is None else " ".join(word.text for word in page.layout.words)


def noise(width: int, height: int) -> bytes:
    pixels = np.random.default_rng(0).integers(60, 200, (height // 8, width // 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def under_a_box(page: Any) -> None:
    page.insert_text((72, 400), SECRET)
    page.draw_rect((60, 380, 400, 410), color=None, fill=WHITE)


def under_a_box_with_other_print(page: Any) -> None:
    under_a_box(page)
    page.insert_text((72, 400), "Thanks for flying with us once more")


def under_a_photo(page: Any) -> None:
    page.insert_text((72, 400), SECRET)
    page.insert_image((60, 380, 400, 410), stream=noise(680, 60))


def white_over_black(page: Any) -> None:
    page.insert_text((72, 140), SECRET, fontsize=12, color=WHITE)
    page.insert_text((72, 140), LINES[0], fontsize=12)


def beyond_the_crop_box(page: Any) -> None:
    page.insert_text((72, 800), SECRET)
    page.set_cropbox((0, 0, 595, 700))


HIDDEN: dict[str, Paint] = {
    "white on white": lambda page: page.insert_text((72, 400), SECRET, color=WHITE),
    "nearly white": lambda page: page.insert_text((72, 400), SECRET, color=(0.96, 0.96, 0.96)),
    "white over black print": white_over_black,
    "a point high": lambda page: page.insert_text((72, 400), SECRET, fontsize=1),
    "as good as no size": lambda page: page.insert_text((72, 400), SECRET, fontsize=0.01),
    "not painted": lambda page: page.insert_text((72, 400), SECRET, render_mode=3),
    "not painted, over print": lambda page: page.insert_text((72, 140), SECRET, fontsize=12, render_mode=3),
    "clip only": lambda page: page.insert_text((72, 400), SECRET, render_mode=7),
    "clear": lambda page: page.insert_text((72, 400), SECRET, fill_opacity=0),
    "clear, over print": lambda page: page.insert_text((72, 140), SECRET, fontsize=12, fill_opacity=0),
    "under a box": under_a_box,
    "under a box with other print on it": under_a_box_with_other_print,
    "under a photo": under_a_photo,
}


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("how", HIDDEN)
def test_words_that_do_not_show_are_left_out_and_counted(tmp_path: Path, how: str, library: PdfLibrary) -> None:
    page = page_with(tmp_path, HIDDEN[how], library, nobody)
    assert "9,999.00" not in said(page)
    assert "DE89370400440532013000" not in said(page)
    for line in LINES:
        assert line in said(page)
    assert "not show on the page" in page.outcome.message
    assert [one.message for one in page.findings] == [f"page 1: {page.outcome.message}"]
    assert "9,999" not in page.outcome.message


@pytest.mark.parametrize("library", PdfLibrary)
def test_words_beyond_the_crop_box_are_left_out(tmp_path: Path, library: PdfLibrary) -> None:
    assert "9,999.00" not in said(page_with(tmp_path, beyond_the_crop_box, library, nobody))


def dark_box(page: Any) -> None:
    page.draw_rect((60, 380, 400, 410), color=None, fill=BLACK)
    page.insert_text((72, 400), SECRET, color=WHITE)


def on_a_photo(page: Any) -> None:
    page.insert_image((60, 380, 400, 410), stream=noise(680, 60))
    page.insert_text((72, 400), SECRET, color=WHITE)


def marked(page: Any) -> None:
    page.insert_text((72, 400), SECRET)
    page.draw_rect((60, 380, 400, 410), color=None, fill=(1, 1, 0), fill_opacity=0.4)


def on_end(page: Any) -> None:
    page.insert_text((300, 700), SECRET, rotate=90)


def in_a_table(page: Any) -> None:
    page.insert_text((72, 400), SECRET, fontsize=7)
    for y in (391, 402):
        page.draw_line((60, y), (400, y))
    for x in (70, 90, 300):
        page.draw_line((x, 391), (x, 402))


SHOWN: dict[str, Paint] = {
    "black": lambda page: page.insert_text((72, 400), SECRET),
    "light grey": lambda page: page.insert_text((72, 400), SECRET, color=(0.85, 0.85, 0.85)),
    "yellow": lambda page: page.insert_text((72, 400), SECRET, color=(1, 1, 0)),
    "four points": lambda page: page.insert_text((72, 400), SECRET, fontsize=4),
    "outlined": lambda page: page.insert_text((72, 400), SECRET, render_mode=1),
    "white on a dark box": dark_box,
    "on a photo": on_a_photo,
    "under a marker": marked,
    "on end": on_end,
    "in a table": in_a_table,
    "half clear": lambda page: page.insert_text((72, 400), SECRET, fill_opacity=0.4),
}


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("how", SHOWN)
def test_words_that_show_stay(tmp_path: Path, how: str, library: PdfLibrary) -> None:
    page = page_with(tmp_path, SHOWN[how], library, nobody)
    assert "9,999.00" in said(page)
    assert (page.outcome.message, page.findings) == ("", ())


def scan(lines: tuple[str, ...]) -> bytes:
    sheet = Image.new("RGB", (1190, 1684), (247, 246, 243))
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((144, 200 + 60 * row), line, (40, 40, 45), ImageFont.load_default(26))
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=60)
    return stream.getvalue()


def scanned(folder: Path, printed: tuple[str, ...], layer: tuple[str, ...]) -> Path:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        page.insert_image(page.rect, stream=scan(printed))
        font = pymupdf.Font("helv")
        for row, line in enumerate(layer):
            # As OCR programs do: stretched to the printed line, not painted.
            size = 13 * ImageFont.load_default(26).getlength(line) / 26 / font.text_length(line, 13) * 1.0
            page.insert_text((72, 112 + 30 * row), line, fontsize=13 * size, render_mode=3)
        pdf.save(str(folder / "scan.pdf"))
    return folder / "scan.pdf"


PRINTED = LINES * 4


def read_scan(path: Path, library: PdfLibrary, read: Callable[[Any], list[Word]]) -> PageRead:
    opened = options(ocr=OcrMode.AUTO, pdf=library)
    paper = open_paper(path, (), opened)
    with paper.sheet(0) as sheet:
        found = read_sheet(sheet, 0, opened, lambda raster: OcrPage(tuple(read(raster))))
    paper.close()
    return found


@pytest.mark.parametrize("library", PdfLibrary)
def test_the_layer_of_a_searchable_scan_stays(tmp_path: Path, library: PdfLibrary) -> None:
    page = read_scan(scanned(tmp_path, PRINTED, PRINTED), library, nobody)
    assert page.reader is WordReader.TEXT_LAYER
    assert page.outcome.message == ""
    assert said(page).split() == " ".join(PRINTED).split()


@pytest.mark.parametrize("library", PdfLibrary)
def test_a_layer_over_empty_paper_is_refused_and_the_scan_is_read(tmp_path: Path, library: PdfLibrary) -> None:
    path = scanned(tmp_path, LINES[:1], PRINTED)
    printed = [Word(text, Box(0.1, 0.1, 0.2, 0.12)) for text in LINES[0].split()]
    page = read_scan(path, library, lambda _: printed)
    assert page.outcome.state is PageState.OK
    assert page.reader is WordReader.OCR
    assert said(page) == LINES[0]
    assert "refused" in page.words_note
    assert page.findings
