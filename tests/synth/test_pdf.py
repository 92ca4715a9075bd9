"""PDFs, scans and files made of painted documents."""

import io
import json
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from llava_ocr.geometry import union
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.demo import write_demo
from llava_ocr.synth.paint import PAINTERS, paint
from llava_ocr.synth.pdf import paint_pdf
from llava_ocr.synth.scan import Wear, paint_scan
from llava_ocr.synth.truth_file import write_documents

# PDF widths are whole thousandths of an em, which adds up over a long line.
TOLERANCE_PT = 1.5


def rounded(document: PaintedDocument) -> list[list[tuple[str, float, float, float, float]]]:
    return [
        sorted(
            (w.text, w.box.x0 * p.width_pt, w.box.y0 * p.height_pt, w.box.x1 * p.width_pt, w.box.y1 * p.height_pt)
            for w in p.words
        )
        for p in document.pages
    ]


def assert_same_words(document: PaintedDocument) -> None:
    with pymupdf.open(stream=paint_pdf(document), filetype="pdf") as pdf:
        for page, painted in zip(pdf, rounded(document), strict=True):
            read = [(text, *box) for *box, text, _, _, _ in page.get_text("words")]
            assert sorted(word[0] for word in read) == [word[0] for word in painted]
            for word in painted:
                nearest = min(
                    max(abs(a - b) for a, b in zip(word[1:], other[1:], strict=True))
                    for other in read
                    if other[0] == word[0]
                )
                assert nearest < TOLERANCE_PT, (document.schema, document.seed, word)


@pytest.mark.parametrize("schema", sorted(PAINTERS))
def test_a_pdfs_text_layer_is_the_painted_words(schema: str) -> None:
    for seed in range(8):
        assert_same_words(paint(schema, seed))


def test_equal_documents_give_equal_bytes() -> None:
    assert paint_pdf(paint("invoice", 3)) == paint_pdf(paint("invoice", 3))


@pytest.mark.parametrize("wear", [Wear(dpi=100), Wear(dpi=100, skew_deg=3, margin=0.05, bend=0.03, is_color=True)])
def test_words_lie_on_ink_in_scans(wear: Wear) -> None:
    document = paint("receipt", 5)
    (page,) = paint_scan(document, wear)
    gray = page.image.convert("L")
    for word in page.words[:20]:
        box = word.box
        left, top = round(box.x0 * gray.width), round(box.y0 * gray.height)
        cut = gray.crop(
            (left, top, max(left + 1, round(box.x1 * gray.width)), max(top + 1, round(box.y1 * gray.height)))
        )
        assert cut.getextrema()[0] < 160, word


def test_a_fax_is_black_and_white() -> None:
    (page,) = paint_scan(paint("receipt", 5), Wear(dpi=100, noise=0.1, is_fax=True))
    assert set(page.image.getcolors() or []) and {color for _, color in page.image.getcolors() or []} <= {0, 255}


def test_scans_are_equal_for_equal_seeds() -> None:
    wear = Wear(dpi=60, skew_deg=1, noise=0.05, shadow=0.2, blur_px=0.5)
    first, second = (paint_scan(paint("invoice", 2), wear)[0].image.tobytes() for _ in range(2))
    assert first == second


def test_a_values_words_make_one_box() -> None:
    document = paint("invoice", 1)
    for value in document.printed:
        assert union(document.pages[value.page_index].words[i].box for i in value.words).area > 0


def test_written_documents_match_their_truth_file(tmp_path: Path) -> None:
    paths = list(write_documents("invoice", 3, tmp_path, scans=False))
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    assert [line["file"] for line in lines] == [path.name for path in paths]
    assert lines[1]["fields"] == paint("invoice", 1).truth
    assert lines[1]["visible"]["grand_total"] is True


def test_written_scans_have_no_text_layer(tmp_path: Path) -> None:
    for path in write_documents("receipt", 2, tmp_path, scans=True):
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            assert image.format == "JPEG"


def test_the_demo_has_one_document_of_each_kind(tmp_path: Path) -> None:
    letter, scan, long, photo, broken = write_demo(tmp_path)
    with pymupdf.open(letter) as pdf:
        assert pdf[0].get_text().strip()
    with pymupdf.open(scan) as pdf:
        assert not pdf[0].get_text().strip()
    with pymupdf.open(long) as pdf:
        assert pdf.page_count == 2
    with Image.open(photo) as image:
        assert image.format == "JPEG"
    with pytest.raises(pymupdf.FileDataError):
        pymupdf.open(broken)
