"""The OCR reader reads painted scans, with words where they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from llava_ocr.raster.base import OcrMode
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.records import PageState, WordReader
from llava_ocr.words.ocr import DETECTION_PX, read_sample, read_words
from tests.raster.papers import options, write_pdf, write_scan

pytest.importorskip("rapidocr")


def test_the_sample_is_read() -> None:
    assert "1,234.50" in [word.text for word in read_sample()]


def test_words_stand_where_they_were_painted() -> None:
    sheet, font = Image.new("RGB", (900, 300), "white"), ImageFont.load_default(40)
    pen = ImageDraw.Draw(sheet)
    pen.text((60, 100), "Total amount 1,234.50", "black", font)
    x0 = 60 + pen.textlength("Total amount ", font)
    x1 = x0 + pen.textlength("1,234.50", font)
    [box] = [word.box for word in read_words(np.asarray(sheet)) if word.text == "1,234.50"]
    assert (box.x0 * 900, box.x1 * 900) == (pytest.approx(x0, abs=25), pytest.approx(x1, abs=25))
    assert 90 < box.y0 * 300 < 125
    assert 125 < box.y1 * 300 < 160


def test_words_of_a_large_page_stand_where_they_were_painted_though_lines_are_found_on_a_smaller_one() -> None:
    sheet, font = Image.new("RGB", (1700, 2400), "white"), ImageFont.load_default(40)
    assert sheet.width * sheet.height > 3 * DETECTION_PX
    pen = ImageDraw.Draw(sheet)
    pen.text((900, 2000), "Total amount 1,234.50", "black", font)
    x0 = 900 + pen.textlength("Total amount ", font)
    [box] = [word.box for word in read_words(np.asarray(sheet)) if word.text == "1,234.50"]
    assert box.x0 * 1700 == pytest.approx(x0, abs=25)
    assert 1990 < box.y0 * 2400 < 2025
    assert 2025 < box.y1 * 2400 < 2060


def test_a_slip_after_a_large_page_is_read_as_a_slip_alone() -> None:
    slip = Image.new("RGB", (300, 60), "white")
    ImageDraw.Draw(slip).text((10, 20), "Total 12.50", "black", ImageFont.load_default(14))
    alone = read_words(np.asarray(slip))
    read_words(np.full((2400, 1700, 3), 255, np.uint8))
    assert read_words(np.asarray(slip)) == alone
    assert "12.50" in [word.text for word in alone]


def test_white_paper_has_no_words() -> None:
    assert read_words(np.full((200, 300, 3), 255, np.uint8)) == []


@pytest.mark.slow
def test_a_scan_is_read_in_the_child(tmp_path: Path) -> None:
    reader = open_page_reader(options(ocr=OcrMode.AUTO), num_children=1)
    [page] = reader.read(write_scan(tmp_path / "scan.png"))
    [digital] = reader.read(write_pdf(tmp_path / "digital.pdf"))
    reader.close()
    assert page.layout is not None
    assert page.reader is WordReader.OCR
    assert {"2024-117", "1,234.50", "Berlin,"} <= {word.text for word in page.layout.words}
    assert digital.reader is WordReader.TEXT_LAYER


@pytest.mark.slow
def test_always_reads_the_pixels_and_never_does_not(tmp_path: Path) -> None:
    readers = {}
    for mode, path in (
        (OcrMode.ALWAYS, write_pdf(tmp_path / "digital.pdf")),
        (OcrMode.NEVER, write_scan(tmp_path / "scan.png")),
    ):
        reader = open_page_reader(options(ocr=mode), num_children=1)
        [page] = reader.read(path)
        reader.close()
        assert page.outcome.state is PageState.OK
        readers[mode] = page.reader
    assert readers == {OcrMode.ALWAYS: WordReader.OCR, OcrMode.NEVER: WordReader.NONE}
