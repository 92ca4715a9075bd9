"""Copies that hold nothing but what is on the pages."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from llava_ocr.engines.scripted import PROFILE
from llava_ocr.errors import CorruptDocument
from llava_ocr.evaluation.copies import copy_digital, copy_scanned
from llava_ocr.raster.base import ReadOptions
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

OPTIONS = ReadOptions(profile=PROFILE)
SECRET = b"<answer>the grand total</answer>"


@pytest.fixture(scope="module")
def invoice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An invoice with its content attached in three ways."""
    path = tmp_path_factory.mktemp("copies") / "invoice.pdf"
    with pymupdf.open(stream=paint_pdf(paint("invoice", 2)), filetype="pdf") as pdf:
        pdf.embfile_add("invoice.xml", SECRET)
        pdf[0].add_file_annot((10, 10), SECRET, "invoice.xml")
        pdf.set_xml_metadata(SECRET.decode())
        pdf.xref_set_key(pdf.pdf_catalog(), "AF", f"[{pdf.embfile_info('invoice.xml')['collection'] or 1} 0 R]")
        pdf.save(path)
    return path


def holds_secret(path: Path) -> bool:
    with pymupdf.open(path, filetype="pdf") as pdf:
        streams = (pdf.xref_stream(xref) or b"" for xref in range(1, pdf.xref_length()) if pdf.xref_is_stream(xref))
        return any(SECRET in stream for stream in streams)


def words(path: Path) -> list[str]:
    with pymupdf.open(path, filetype="pdf") as pdf:
        return [word[4] for page in pdf for word in page.get_text("words")]


def test_digital_copy_keeps_the_words_and_no_attachment(invoice: Path, tmp_path: Path) -> None:
    copy_digital(invoice, tmp_path / "copy", passwords=())
    assert holds_secret(invoice) and not holds_secret(tmp_path / "copy")
    assert words(tmp_path / "copy") == words(invoice) != []


def test_scanned_copy_has_the_pages_as_pictures_and_no_words(invoice: Path, tmp_path: Path) -> None:
    copy_scanned(invoice, tmp_path / "copy", options=OPTIONS, passwords=())
    assert not holds_secret(tmp_path / "copy") and words(tmp_path / "copy") == []
    with pymupdf.open(invoice) as before, pymupdf.open(tmp_path / "copy", filetype="pdf") as after:
        assert before.page_count == after.page_count
        assert after[0].rect.width == pytest.approx(before[0].rect.width, abs=1)
        assert after[0].get_image_info()[0]["width"] == pytest.approx(before[0].rect.width * 200 / 72, abs=1)


def test_pictures_are_copied_as_they_are(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for copy in (
        lambda path, into: copy_digital(path, into, passwords=()),
        lambda path, into: copy_scanned(path, into, options=OPTIONS, passwords=()),
    ):
        copy(tmp_path / "a.png", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_password_is_taken_off_by_who_has_it(invoice: Path, tmp_path: Path) -> None:
    with pymupdf.open(invoice) as pdf:
        pdf.save(tmp_path / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="key", owner_pw="owner")
    copy_digital(tmp_path / "locked.pdf", tmp_path / "copy", passwords=("key",))
    assert words(tmp_path / "copy") == words(invoice)


def test_broken_pdf_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\nbroken")
    with pytest.raises(CorruptDocument):
        copy_digital(tmp_path / "a.pdf", tmp_path / "copy", passwords=())
