"""What a page shows is what both PDF libraries read of it: the same words in the same places, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pymupdf
import pytest

from llava_ocr.raster.base import PdfLibrary
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sheet_words import shown_words
from llava_ocr.records import PageWords
from llava_ocr.words.layout import lay_out
from tests.raster.papers import options, raw_pdf

LIBRARIES = list(PdfLibrary)


def read(path: Path, library: PdfLibrary) -> PageWords:
    """The words of the first page that count as seen."""
    chosen = options(pdf=library)
    paper = open_paper(path, (), chosen)
    try:
        with paper.sheet(0) as sheet:
            return shown_words(sheet.words(), sheet, chosen)
    finally:
        paper.close()


def texts(path: Path, library: PdfLibrary) -> list[str]:
    """The words in reading order."""
    words = read(path, library).words
    return [words[index].text for index in lay_out(words, aspect=0.7).order]


def widget(page: pymupdf.Page, kind: int, y: float, **stated: object) -> None:
    field = pymupdf.Widget()
    field.field_type, field.field_name, field.rect = kind, f"field {y}", pymupdf.Rect(150, y, 320, y + 20)
    for name, value in stated.items():
        setattr(field, name, value)
    page.add_widget(field)


def form(page: pymupdf.Page) -> None:
    page.insert_text((72, 100), "Order form", fontsize=14)
    widget(page, pymupdf.PDF_WIDGET_TYPE_TEXT, 140, field_value="PO-4711", text_fontsize=11)
    widget(page, pymupdf.PDF_WIDGET_TYPE_COMBOBOX, 180, choice_values=["air", "sea"], field_value="sea")
    widget(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, 220, field_value=True)
    widget(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, 250, field_value=False)
    widget(page, pymupdf.PDF_WIDGET_TYPE_TEXT, 280, field_value="1,200.00", field_display=1)


def notes(page: pymupdf.Page) -> None:
    page.insert_text((72, 100), "Invoice 12", fontsize=14)
    page.add_freetext_annot(pymupdf.Rect(72, 400, 300, 420), "Approved by Smith", fontsize=11)
    page.add_stamp_annot(pymupdf.Rect(72, 500, 300, 560), stamp=0)
    page.add_text_annot((400, 400), "a comment that opens on a click")


def layers(page: pymupdf.Page) -> None:
    """The hidden layer's text stands over other print, where pixels alone would not tell."""
    hidden = page.parent.add_ocg("other language", on=False)
    shown = page.parent.add_ocg("this language", on=True)
    page.insert_text((72, 100), "Total 120.00", fontsize=12, oc=shown)
    page.insert_text((72, 100), "Summe 999.00", fontsize=12, oc=hidden)
    page.insert_text((72, 300), "Hidden 777.00", fontsize=12, oc=hidden)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("draw", "shown"),
    [
        (form, ["Order", "form", "PO-4711", "sea", "✓"]),
        (notes, ["Invoice", "12", "Approved", "by", "Smith", "APPROVED"]),
        (layers, ["Total", "120.00"]),
    ],
)
def test_words_are_those_that_a_viewer_shows(
    tmp_path: Path, library: PdfLibrary, draw: Callable[[pymupdf.Page], None], shown: list[str]
) -> None:
    path = tmp_path / "page.pdf"
    with pymupdf.open() as document:
        draw(document.new_page(width=595, height=842))
        document.save(str(path))
    assert texts(path, library) == shown


def test_fields_and_notes_stand_in_the_same_places(tmp_path: Path) -> None:
    path = tmp_path / "page.pdf"
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        form(page)
        notes(page)
        document.save(str(path))
    one, other = ({word.text: word.box for word in read(path, library).words} for library in LIBRARIES)
    assert one.keys() == other.keys()
    assert all(abs(one[text].center_x - other[text].center_x) < 0.01 for text in one)
    assert all(abs(one[text].center_y - other[text].center_y) < 0.01 for text in one)


def font_page(content: bytes, codes: dict[int, str], *, is_drawn: bool = True, width: int = 600) -> bytes:
    """A page in two fonts: F is Courier, some of its codes called otherwise; G has one glyph of `width`, `-`."""
    lines = "".join(f"<{code:02x}> <{''.join(f'{ord(char):04x}' for char in text)}>\n" for code, text in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{lines}endbfchar\nendcmap end end\n"
    ).encode()
    glyph = b"%d 0 d0 0 200 400 80 re f" % width if is_drawn else b"%d 0 d0" % width
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F 5 0 R /G 7 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n" % len(content) + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 6 0 R >>",
        b"<< /Length %d >>\nstream\n" % len(cmap) + cmap + b"endstream",
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 -200 1000 800] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 45 "
        b"/LastChar 45 /Widths [%d] /CharProcs << /h 8 0 R >> /Encoding << /Type /Encoding /Differences [45 /h] >> "
        b"/Resources << >> /ToUnicode 6 0 R >>" % width,
        b"<< /Length %d >>\nstream\n" % len(glyph) + glyph + b"\nendstream",
    )


SOFT = {ord("-"): "\u00ad"}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("content", "how", "shown"),
    [
        (b"BT /F 12 Tf 72 700 Td (GS-2024-0117 -1,250.00) Tj ET", {}, ["GS-2024-0117", "-1,250.00"]),
        (b"BT /F 12 Tf 72 700 Td (----------) Tj ET", {}, ["-" * 10]),
        (
            b"BT /F 12 Tf 72 700 Td (A delivery of print-) Tj 0 -14 Td (ing paper) Tj ET",
            {},
            ["A", "delivery", "of", "print-", "ing", "paper"],
        ),
        (
            b"BT /F 12 Tf 72 700 Td (Rech) Tj /G 12 Tf (-) Tj /F 12 Tf (nung) Tj ET",
            {"width": 0, "is_drawn": False},
            ["Rechnung"],
        ),
        (b"BT /F 12 Tf 72 700 Td (Rech) Tj /G 12 Tf (-) Tj ET", {"width": 0, "is_drawn": False}, ["Rech"]),
        (b"BT /F 12 Tf 72 700 Td (Rech) Tj /G 12 Tf (-) Tj /F 12 Tf (nung) Tj ET", {"width": 600}, ["Rech-nung"]),
    ],
)
def test_a_soft_hyphen_is_a_hyphen_where_it_shows(
    tmp_path: Path, library: PdfLibrary, content: bytes, how: dict[str, int], shown: list[str]
) -> None:
    path = tmp_path / "page.pdf"
    path.write_bytes(font_page(content, SOFT, **how))
    assert texts(path, library) == shown


# Courier's letters called Hebrew ones, and its lower case Arabic-Indic figures.
HEBREW = {65 + number: chr(0x05D0 + number) for number in range(26)}
FIGURES = {97 + number: chr(0x0660 + number) for number in range(10)} | {ord(","): "\u066c", ord("."): "\u066b"}


def placed(runs: Sequence[tuple[float, int, str]]) -> bytes:
    """Letters at places of their own, in this order: (x, y, text from left to right)."""
    parts = [f"1 0 0 1 {x:.1f} {y} Tm ({text}) Tj" for x, y, text in runs]
    return f"BT /F 12 Tf {' '.join(parts)} ET".encode()


def from_the_right(x: int, y: int, text: str) -> list[tuple[float, int, str]]:
    """The letters of a text that is displayed so, drawn one by one from the right, as programs do."""
    return [(x + 7.2 * place, y, char) for place, char in reversed(list(enumerate(text))) if char != " "]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("is_from_the_right", [False, True])
@pytest.mark.parametrize(
    ("displayed", "codes", "read_as"),
    [
        ("123456 CBA", HEBREW, ["אבג", "123456"]),
        ("31/12/2024 FED CBA", HEBREW, ["אבג", "דהו", "31/12/2024"]),
        ("bac dcfe B", FIGURES | {66: "\u0628"}, ["\u0628", "٣٢٥٤", "١٠٢"]),
        ("b,cde.fg B", FIGURES | {66: "\u0628"}, ["\u0628", "١٬٢٣٤٫٥٦"]),
    ],
)
def test_figures_are_read_as_displayed_and_words_from_the_right(
    tmp_path: Path,
    library: PdfLibrary,
    displayed: str,
    codes: dict[int, str],
    read_as: list[str],
    is_from_the_right: bool,
) -> None:
    runs = from_the_right(100, 700, displayed)
    path = tmp_path / "page.pdf"
    path.write_bytes(font_page(placed(runs if is_from_the_right else runs[::-1]), codes))
    assert texts(path, library) == read_as


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_layer_whose_order_nothing_vouches_for_is_refused(tmp_path: Path, library: PdfLibrary) -> None:
    path = tmp_path / "page.pdf"
    path.write_bytes(font_page(placed(from_the_right(100, 700, "123456 CBA")).replace(b"BT", b"BT 3 Tr"), HEBREW))
    words = read(path, library)
    assert not words
    assert "may be reversed" in words.note
