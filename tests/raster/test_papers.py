"""Documents through both PDF libraries and Pillow: sizes, words in their places, and what nasty files get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from llava_ocr.engines.base import Blanks
from llava_ocr.errors import CorruptDocument, InputError, NeedsPassword, NoPages, TooManyPages
from llava_ocr.geometry import Box, Grid, Size
from llava_ocr.raster.base import Limits, PdfLibrary
from llava_ocr.raster.drawer import Paper
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.page import read_sheet
from llava_ocr.records import PageState, Word, WordReader
from llava_ocr.words.text_layer import clean_words
from tests.raster.papers import PROFILE, options, page_of, raw_pdf, write_pdf

Open = Callable[..., Paper]


@pytest.fixture(params=list(PdfLibrary))
def open_pdf(request: pytest.FixtureRequest) -> Open:
    library = request.param

    def opened(path: Path, passwords: tuple[str, ...] = (), limits: Limits | None = None) -> Paper:
        return open_paper(path, passwords, options(limits, pdf=library))

    return opened


def words_of(paper: Paper, page_index: int = 0) -> dict[str, Box]:
    with paper.sheet(page_index) as sheet:
        return {word.text: word.box for word in clean_words(sheet.words())}


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "paper"
    path.write_bytes(content)
    return path


def refuse(_: object) -> list[Word]:
    raise AssertionError("the OCR reader is not asked here")


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_stand_where_their_ink_is(open_pdf: Open, tmp_path: Path, rotation: int) -> None:
    paper = open_pdf(write_pdf(tmp_path / "p.pdf", rotation=rotation))
    box = words_of(paper)["1,234.50"]
    with paper.sheet(0) as sheet:
        is_on_side = rotation in (90, 270)
        assert (sheet.paper.width_pt > sheet.paper.height_pt) == is_on_side
        size = sheet.paper.at_dpi(100)
        ink = sheet.draw(size).min(axis=2) < 128
    x0, x1, y0, y1 = (
        round(edge) for edge in (box.x0 * size.width, box.x1 * size.width, box.y0 * size.height, box.y1 * size.height)
    )
    assert ink[y0:y1, x0:x1].mean() > 0.05
    paper.close()


def test_both_libraries_agree(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "p.pdf")
    seen = {}
    for library in PdfLibrary:
        paper = open_paper(path, (), options(pdf=library))
        with paper.sheet(0) as sheet:
            seen[library] = (sheet.paper, sheet.draw(Size(300, 424)).mean(), words_of(paper))
        paper.close()
    (size_a, grey_a, words_a), (size_b, grey_b, words_b) = seen.values()
    assert size_a == size_b
    assert abs(grey_a - grey_b) < 1
    assert words_a.keys() == words_b.keys()
    assert all(words_a[text].iou(words_b[text]) > 0.5 for text in words_a)


def test_a_crop_box_moves_words_and_ink_alike(open_pdf: Open, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=600, height=800)
    page.insert_text((300, 400), "Middle", fontsize=20)
    page.set_cropbox(pymupdf.Rect(250, 350, 450, 450))
    document.save(str(tmp_path / "p.pdf"))
    paper = open_pdf(tmp_path / "p.pdf")
    box = words_of(paper)["Middle"]
    assert (box.x0, box.y1) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.56, abs=0.05))
    paper.close()


def test_filled_form_fields_are_drawn(open_pdf: Open, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=300, height=100)
    widget = pymupdf.Widget()
    widget.field_name, widget.field_type, widget.field_value = "n", pymupdf.PDF_WIDGET_TYPE_TEXT, "Filled-in"
    widget.rect = pymupdf.Rect(50, 30, 250, 60)
    page.add_widget(widget)
    document.save(str(tmp_path / "p.pdf"))
    paper = open_pdf(tmp_path / "p.pdf")
    with paper.sheet(0) as sheet:
        assert sheet.draw(Size(300, 100)).min() < 128
    paper.close()


def test_passwords_are_tried_in_order(open_pdf: Open, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "p.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="two", owner_pw="boss")
    for passwords in ((), ("one",)):
        with pytest.raises(NeedsPassword) as caught:
            open_pdf(path, passwords)
        assert "one" not in str(caught.value).split()
    paper = open_pdf(path, ("one", "two"))
    assert "EUR" in words_of(paper)
    paper.close()


def test_an_owner_password_alone_does_not_lock(open_pdf: Open, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "p.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="boss")
    paper = open_pdf(path)
    assert "EUR" in words_of(paper)
    paper.close()


def test_a_page_of_17500_px_is_drawn_at_grid_size(open_pdf: Open, tmp_path: Path) -> None:
    path = stored(tmp_path, page_of(b"BT /F 900 Tf 500 9000 Td (Huge) Tj ET", width_pt=14400, height_pt=14400))
    paper = open_pdf(path)
    with paper.sheet(0) as sheet:
        page = read_sheet(sheet, 0, options(), refuse)
    assert page.outcome.state is PageState.OK
    assert page.raster is not None
    assert page.raster.overview_HWC.shape == (112, 112, 3)
    paper.close()


def test_pages_that_are_not_there_fail_one_by_one(tmp_path: Path) -> None:
    paper = open_paper(stored(tmp_path, page_of(b"", count=4)), (), options())
    ends = []
    for index in range(paper.num_pages):
        try:
            with paper.sheet(index):
                ends.append("ok")
        except InputError as error:
            ends.append(error.reason)
    assert ends[0] == "ok"
    assert set(ends[1:]) <= {"CorruptPage"}
    paper.close()


def test_a_document_without_pages_says_so(tmp_path: Path) -> None:
    path = stored(tmp_path, raw_pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 0/Kids[]>>"))
    with pytest.raises(NoPages):
        open_paper(path, (), options())


def test_too_many_pages_are_refused_before_the_first(open_pdf: Open, tmp_path: Path) -> None:
    with pytest.raises(TooManyPages, match="3 pages, the limit is 2"):
        open_pdf(write_pdf(tmp_path / "p.pdf", 3), (), Limits(max_pages=2))


def test_a_header_within_the_first_kilobyte_counts(open_pdf: Open, tmp_path: Path) -> None:
    content = write_pdf(tmp_path / "p.pdf").read_bytes()
    paper = open_pdf(stored(tmp_path, b"X-Mailer: 1\r\n" * 20 + content))
    assert "EUR" in words_of(paper)
    paper.close()


def test_cut_files_open_or_are_input_errors(open_pdf: Open, tmp_path: Path) -> None:
    content = write_pdf(tmp_path / "p.pdf", 3).read_bytes()
    for length in range(9, len(content), max(1, len(content) // 25)):
        try:
            paper = open_pdf(stored(tmp_path, content[:length]))
        except InputError:
            continue
        for index in range(paper.num_pages):
            try:
                with paper.sheet(index) as sheet:
                    sheet.words()
                    sheet.draw(Size(50, 70))
            except InputError:
                continue
        paper.close()


def test_bytes_that_only_look_like_a_pdf_are_corrupt(open_pdf: Open, tmp_path: Path) -> None:
    with pytest.raises((CorruptDocument, NoPages)):
        open_pdf(stored(tmp_path, b"%PDF-1.7\n" + bytes(500)))


def test_nul_in_a_text_layer_is_gone(open_pdf: Open, tmp_path: Path) -> None:
    paper = open_pdf(stored(tmp_path, page_of(rb"BT /F 12 Tf 72 700 Td (A\000B) Tj ET")))
    assert all("\0" not in text for text in words_of(paper))
    paper.close()


def test_an_empty_page_is_skipped_as_blank(open_pdf: Open, tmp_path: Path) -> None:
    paper = open_pdf(stored(tmp_path, page_of(b"")))
    with paper.sheet(0) as sheet:
        page = read_sheet(sheet, 0, options(), refuse)
    assert (page.outcome.state, page.outcome.reason, page.raster) == (PageState.SKIPPED, "blank", None)
    paper.close()


def test_equal_pages_hash_alike_and_others_do_not(open_pdf: Open, tmp_path: Path) -> None:
    paper = open_pdf(write_pdf(tmp_path / "p.pdf", 2))
    hashes = []
    for index in (0, 0, 1):
        with paper.sheet(index) as sheet:
            page = read_sheet(sheet, index, options(), refuse)
            assert page.reader is WordReader.TEXT_LAYER
            hashes.append(page.image_hash)
    assert hashes[0] == hashes[1] != hashes[2]
    paper.close()


def test_drawing_keeps_to_the_size_asked_for(open_pdf: Open, tmp_path: Path) -> None:
    paper = open_pdf(write_pdf(tmp_path / "p.pdf"))
    for size in (Size(1, 1), Size(7, 301), Size(477, 672), Size(1001, 3)):
        with paper.sheet(0) as sheet:
            drawn = sheet.draw(size)
        assert drawn.shape == (size.height, size.width, 3)
        assert drawn.dtype == np.uint8
    paper.close()


def test_squeezed_pages_show_their_text_larger_and_keep_their_words(open_pdf: Open, tmp_path: Path) -> None:
    paper = open_pdf(write_pdf(tmp_path / "a.pdf"))
    usual = replace(options(), profile=replace(PROFILE, grids=(Grid(2, 2),), anchored_grids=(Grid(2, 2),)))
    squeezing = replace(usual, profile=replace(usual.profile, blanks=Blanks.SQUEEZE))
    with paper.sheet(0) as sheet:
        whole, squeezed = (read_sheet(sheet, 0, order, refuse) for order in (usual, squeezing))
    assert squeezed.raster is not None and whole.raster is not None
    assert squeezed.raster.dpi > 1.5 * whole.raster.dpi
    assert squeezed.layout is not None and whole.layout is not None
    assert squeezed.layout.words == whole.layout.words
    paper.close()
