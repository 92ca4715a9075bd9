"""Pages that lie on their side or their head: read as upright ones are, with boxes on the page as viewers show it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from llava_ocr.geometry import Box, Size, Turn
from llava_ocr.raster.base import OcrMode, PageRead, PdfLibrary
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.page import UNCLEAR_TURN, read_sheet
from llava_ocr.records import WordReader
from llava_ocr.words.ocr import OcrPage, read_page
from tests.raster.papers import options

LINES = ("Invoice 2024-117", "Berlin, 3 March 2024", "Consulting services", "Total 1,234.50 EUR", "Thank you for all")
STAMP = "Received in good order"
# A page that needs this turn is drawn with its upright form turned back by it.
TURNS = list(Turn)


def typeset(path: Path, turn: Turn, *, rotation: int = 0, aside: str = "", lines: Sequence[str] = LINES) -> Path:
    """A PDF with writing that is upright by `turn` when nothing rotates the page; `aside` runs up beside it."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        for row, line in enumerate(lines):
            page.insert_text(place(turn, 100 + 40 * row), line, fontsize=14, rotate=90 * turn)
        if aside:
            page.insert_text(place(Turn((turn + 1) % 4), 500), aside, fontsize=12, rotate=90 * ((turn + 1) % 4))
        page.set_rotation(rotation)
        pdf.save(str(path))
    return path


def place(turn: Turn, down_pt: float) -> tuple[float, float]:
    across_pt = 120.0
    return {
        Turn.NONE: (across_pt, down_pt),
        Turn.RIGHT: (down_pt, 842 - across_pt),
        Turn.HALF: (595 - across_pt, 842 - down_pt),
        Turn.LEFT: (595 - down_pt, across_pt),
    }[turn]


def scan(turn: Turn, lines: Sequence[str] = LINES) -> Image.Image:
    sheet = Image.new("RGB", (900, 1200), "white")
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((90, 120 + 110 * row), line, "black", ImageFont.load_default(44))
    return sheet.rotate(90 * turn, expand=True)


def read(path: Path, *, library: PdfLibrary = PdfLibrary.PYMUPDF, ocr: OcrMode = OcrMode.NEVER) -> PageRead:
    order = options(pdf=library, ocr=ocr)
    paper = open_paper(path, (), order)
    with paper.sheet(0) as sheet:
        page = read_sheet(sheet, 0, order, read_page)
    paper.close()
    return page


def shown(path: Path, library: PdfLibrary = PdfLibrary.PYMUPDF) -> np.ndarray:
    """The page's pixels as a viewer draws them."""
    paper = open_paper(path, (), options(pdf=library))
    with paper.sheet(0) as sheet:
        drawn = sheet.draw(sheet.native or Size(round(2 * sheet.paper.width_pt), round(2 * sheet.paper.height_pt)))
    paper.close()
    return drawn


def text_of(page: PageRead) -> list[str]:
    assert page.layout is not None
    return [" ".join(segment.text for segment in line.segments) for line in page.layout.lines]


def ink_share(pixels_HWC: np.ndarray, boxes: Sequence[Box]) -> float:
    """How much of the page's ink lies in the boxes."""
    ink_HW = pixels_HWC.min(axis=2) < 128
    covered_HW = np.zeros_like(ink_HW)
    height, width = ink_HW.shape
    for box in boxes:
        top, bottom = math.floor(box.y0 * height), math.ceil(box.y1 * height)
        covered_HW[top:bottom, math.floor(box.x0 * width) : math.ceil(box.x1 * width)] = True
    # Boxes as large as the page would cover everything.
    assert covered_HW.mean() < 0.25
    return float((ink_HW & covered_HW).sum() / ink_HW.sum())


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("rotation", [0, 90, 270])
@pytest.mark.parametrize("turn", TURNS)
def test_a_text_layer_reads_the_same_whichever_way_it_lies(
    tmp_path: Path, turn: Turn, rotation: int, library: PdfLibrary
) -> None:
    path = typeset(tmp_path / "p.pdf", turn, rotation=rotation)
    page = read(path, library=library)
    assert text_of(page) == list(LINES)
    # A rotation turns the page as it is shown, and what is then left to turn.
    assert page.outcome.turn == Turn((turn - rotation // 90) % 4)
    assert ink_share(shown(path, library), [word.box for word in page.words]) > 0.99
    assert page.findings == ()


@pytest.mark.parametrize("turn", TURNS)
def test_a_picture_reads_the_same_whichever_way_it_lies(tmp_path: Path, turn: Turn) -> None:
    scan(turn).save(tmp_path / "p.png")
    page = read(tmp_path / "p.png", ocr=OcrMode.AUTO)
    assert text_of(page) == list(LINES)
    assert (page.outcome.turn, page.findings) == (turn, ())
    assert ink_share(shown(tmp_path / "p.png"), [word.box for word in page.words]) > 0.95


@pytest.mark.parametrize("library", PdfLibrary)
def test_a_scan_in_a_pdf_is_turned_by_what_the_pixels_say(tmp_path: Path, library: PdfLibrary) -> None:
    stream = io.BytesIO()
    scan(Turn.RIGHT).save(stream, "PNG")
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=842, height=595)
        page.insert_image(page.rect, stream=stream.getvalue())
        pdf.save(str(tmp_path / "p.pdf"))
    found = read(tmp_path / "p.pdf", library=library, ocr=OcrMode.AUTO)
    assert (text_of(found), found.outcome.turn) == (list(LINES), Turn.RIGHT)


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("turn", TURNS)
def test_a_stamp_up_the_page_is_a_line_of_its_own(tmp_path: Path, turn: Turn, library: PdfLibrary) -> None:
    path = typeset(tmp_path / "p.pdf", turn, aside=STAMP)
    page = read(path, library=library)
    assert text_of(page) == [*LINES, STAMP]
    assert page.outcome.turn is turn
    assert ink_share(shown(path, library), [word.box for word in page.words]) > 0.99


def test_a_page_of_two_minds_goes_to_a_person(tmp_path: Path) -> None:
    half = "as many letters one way as the other"
    page = read(typeset(tmp_path / "p.pdf", Turn.NONE, lines=[half], aside=half))
    assert [finding.check for finding in page.findings] == [UNCLEAR_TURN]


def test_pixels_that_no_turn_makes_readable_go_to_a_person(tmp_path: Path) -> None:
    scan(Turn.NONE).save(tmp_path / "p.png")
    order = options(ocr=OcrMode.AUTO)
    paper = open_paper(tmp_path / "p.png", (), order)
    words = read(tmp_path / "p.png", ocr=OcrMode.AUTO).words
    with paper.sheet(0) as sheet:
        page = read_sheet(sheet, 0, order, lambda _: OcrPage(words, is_turn_clear=False))
    assert [finding.check for finding in page.findings] == [UNCLEAR_TURN]


def test_tiles_show_the_page_as_it_is_read(tmp_path: Path) -> None:
    upright, lying = (read(typeset(tmp_path / f"{turn}.pdf", turn)) for turn in (Turn.NONE, Turn.HALF))
    assert upright.raster is not None and lying.raster is not None
    ink = [page.raster.stitched().min(axis=2) < 128 for page in (upright, lying) if page.raster]
    # Glyphs land on other fractions of a pixel: nearly all ink is where it is on the upright page.
    assert (ink[0] & ink[1]).sum() > 0.7 * ink[0].sum()
    # And in one piece as people see it: on its head.
    assert np.array_equal(lying.pixels(), np.rot90(lying.raster.stitched(), 2))


def test_words_of_an_upright_page_have_no_turn(tmp_path: Path) -> None:
    page = read(typeset(tmp_path / "p.pdf", Turn.NONE))
    assert (page.outcome.turn, page.reader) == (Turn.NONE, WordReader.TEXT_LAYER)
    assert page.layout is not None and page.words == page.layout.words
