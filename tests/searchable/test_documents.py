"""Searchable copies: words are found where they were read, originals stay, and nothing is done twice."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from flows.searchable import SearchableOrder, searchable
from llava_ocr.errors import ConfigError
from llava_ocr.geometry import OVERVIEW_ONLY, Box, Size, Turn
from llava_ocr.raster.base import Limits, OcrMode, PageRead, PdfLibrary
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sandbox import check_stored
from llava_ocr.records import PageOutcome, PageState, PageWords, Word, WordReader
from llava_ocr.searchable.documents import CopyState, Desk, SearchableCopy, check_apart, make_searchable, open_reader
from llava_ocr.searchable.writing import write_searchable
from llava_ocr.store.base import Selection
from llava_ocr.store.local import LocalStore
from llava_ocr.store.memory import MemoryStore
from llava_ocr.store.open import Source
from llava_ocr.tiles.tiled import TiledRaster
from llava_ocr.words.layout import lay_out
from llava_ocr.words.text_layer import clean_words
from llava_ocr.words.turned import turned_words
from tests.raster.papers import LINES, options, write_pdf, write_scan

WORDS = ("Rechnung", "№", "4711/Б", "Łódź", "12,50", "€", "合計", "naïve")


def words() -> list[Word]:
    return [
        Word(text, Box(0.1 + 0.2 * (n % 4), 0.2 + 0.1 * (n // 4), 0.25 + 0.2 * (n % 4), 0.22 + 0.1 * (n // 4)))
        for n, text in enumerate(WORDS)
    ]


class KnownWords:
    """A reader that finds the same words by OCR on every page."""

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        return 1

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        raster = TiledRaster(
            np.zeros((8, 8, 3), np.uint8), np.zeros((0, 8, 8, 3), np.uint8), OVERVIEW_ONLY, Size(8, 8), 72
        )
        yield PageRead(
            PageOutcome(0, PageState.OK, reader=WordReader.OCR), raster, lay_out(words(), aspect=0.7), WordReader.OCR
        )

    def close(self) -> None:
        pass


def picture(width: int = 600, height: int = 800) -> Image.Image:
    return Image.new("RGB", (width, height), (240, 240, 235))


def scan_pdf(*, rotation: int = 0, crop: bool = False) -> bytes:
    stream = io.BytesIO()
    picture().save(stream, "JPEG")
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        page.insert_image(page.rect, stream=stream.getvalue())
        if crop:
            page.set_cropbox(pymupdf.Rect(50, 60, 500, 700))
        page.set_rotation(rotation)
        return bytes(pdf.tobytes())


def copies(store: MemoryStore, out: Path, **changes: object) -> list[SearchableCopy]:
    desk = replace(Desk(Source(store), out, Limits(), KnownWords()), **changes)
    return list(make_searchable(store.list(Selection()), desk))


def found(path: Path, library: PdfLibrary = PdfLibrary.PYMUPDF) -> dict[str, Box]:
    paper = open_paper(path, (), options(pdf=library))
    with paper.sheet(0) as sheet:
        there = {word.text: word.box for word in clean_words(sheet.words())}
    paper.close()
    return there


def test_other_files_get_no_copy_and_damaged_documents_fail(tmp_path: Path) -> None:
    class Refusing(KnownWords):
        def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
            check_stored(path, Limits())
            return super().read(path, passwords)

    store = MemoryStore()
    for key in ("note.txt", "_SUCCESS", "scan.pdf"):
        store.put(key, b"" if key == "_SUCCESS" else b"hello")
    [copy] = copies(store, tmp_path, reader=Refusing())
    assert (copy.uri, copy.state) == ("memory://scan.pdf", CopyState.FAILED)


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [False, True])
def test_words_are_found_at_their_boxes(tmp_path: Path, rotation: int, crop: bool, library: PdfLibrary) -> None:
    store = MemoryStore()
    store.put("scan.pdf", scan_pdf(rotation=rotation, crop=crop))
    [copy] = copies(store, tmp_path)
    assert (copy.state, copy.num_layered, copy.num_words) == (CopyState.LAYERED, 1, len(WORDS))
    there = found(tmp_path / "scan.pdf", library)
    for word in words():
        assert there[word.text].iou(word.box) > 0.9, word.text


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("turn", Turn)
def test_words_of_a_page_that_is_read_turned_lie_as_they_are_printed(
    tmp_path: Path, turn: Turn, library: PdfLibrary
) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan_pdf())
    lying = PageWords(turned_words(words(), turn.back), WordReader.OCR, turn=turn)
    write_searchable(tmp_path / "scan.pdf", tmp_path / "copy.pdf", {0: lying}, passwords=(), limits=Limits())
    paper = open_paper(tmp_path / "copy.pdf", (), options(pdf=library))
    with paper.sheet(0) as sheet:
        assert set(sheet.turns()) == {turn}
        there = {word.text: word.box for word in sheet.words()}
    paper.close()
    for word in lying.words:
        assert there[word.text].iou(word.box) > 0.9, word.text


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_image_becomes_a_pdf_that_shows_the_same(tmp_path: Path, kind: str) -> None:
    stream = io.BytesIO()
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8))
    noisy.save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    store = MemoryStore()
    store.put("folder/photo.x", stream.getvalue())
    [copy] = copies(store, tmp_path)
    assert (copy.key, copy.state) == ("folder/photo.x.pdf", CopyState.LAYERED)
    with pymupdf.open(tmp_path / copy.key) as pdf:
        [image] = pdf[0].get_images()
        shown = Image.open(io.BytesIO(pdf.extract_image(image[0])["image"])).convert("RGB")
    original = Image.open(io.BytesIO(stream.getvalue())).convert("RGB")
    assert np.array_equal(np.asarray(shown), np.asarray(original))


def test_a_picture_taken_sideways_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    picture(800, 600).save(stream, "JPEG", exif=exif)
    store = MemoryStore()
    store.put("photo.jpg", stream.getvalue())
    copies(store, tmp_path)
    with pymupdf.open(tmp_path / "photo.jpg.pdf") as pdf:
        assert pdf[0].rect.height > pdf[0].rect.width


def test_the_layer_shows_no_ink(tmp_path: Path) -> None:
    store = MemoryStore()
    store.put("scan.pdf", scan_pdf())
    copies(store, tmp_path)
    for library in PdfLibrary:
        drawn = []
        for content in (scan_pdf(), (tmp_path / "scan.pdf").read_bytes()):
            (tmp_path / "drawn").write_bytes(content)
            paper = open_paper(tmp_path / "drawn", (), options(pdf=library))
            with paper.sheet(0) as sheet:
                drawn.append(sheet.draw(Size(300, 424)))
            paper.close()
        assert np.array_equal(*drawn)


def test_a_second_time_nothing_is_read_or_written(tmp_path: Path) -> None:
    original, store = scan_pdf(), MemoryStore()
    store.put("scan.pdf", original)
    copies(store, tmp_path)
    first = (tmp_path / "scan.pdf").read_bytes()

    class Nobody(KnownWords):
        def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
            raise AssertionError("read twice")

    [again] = copies(store, tmp_path, reader=Nobody())
    assert again.state is CopyState.KEPT
    store.put("scan.pdf", scan_pdf(rotation=90))
    [changed] = copies(store, tmp_path)
    assert changed.state is CopyState.LAYERED
    store.put("scan.pdf", original)
    copies(store, tmp_path)
    assert (tmp_path / "scan.pdf").read_bytes() == first


def test_one_broken_document_costs_only_itself(tmp_path: Path) -> None:
    store = MemoryStore()
    store.put("a.pdf", b"%PDF-1.7 nothing")
    store.put("b.pdf", scan_pdf())
    by_key = {copy.key: copy for copy in copies(store, tmp_path)}
    assert by_key["a.pdf"].state is CopyState.FAILED
    assert by_key["a.pdf"].reason
    assert by_key["b.pdf"].state is CopyState.LAYERED


def test_a_signed_document_is_left_alone(tmp_path: Path) -> None:
    with pymupdf.open(stream=scan_pdf(), filetype="pdf") as pdf:
        field = pdf.get_new_xref()
        pdf.update_object(field, "<</FT/Sig/T(s)/Rect[0 0 0 0]/Type/Annot/Subtype/Widget/F 4>>")
        pdf.xref_set_key(pdf.pdf_catalog(), "AcroForm", f"<</Fields[{field} 0 R]/SigFlags 3>>")
        signed = bytes(pdf.tobytes())
    store = MemoryStore()
    store.put("signed.pdf", signed)
    [copy] = copies(store, tmp_path)
    assert copy.state is CopyState.COPIED
    assert "signed" in copy.left[0]
    assert (tmp_path / "signed.pdf").read_bytes() == signed


def test_copies_never_lie_among_the_originals(tmp_path: Path) -> None:
    source = Source(LocalStore(tmp_path))
    for out in (tmp_path, tmp_path / "below"):
        with pytest.raises(ConfigError):
            check_apart(source, out)
    check_apart(source, tmp_path.parent / "beside")


@pytest.mark.slow
def test_scans_are_read_and_found_again_and_originals_stay(tmp_path: Path) -> None:
    originals = tmp_path / "in"
    originals.mkdir()
    write_scan(originals / "scan.png", (*LINES, "Delivered to the back door", "Paid in cash on the same day"))
    write_pdf(originals / "digital.pdf")
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in originals.iterdir()}
    readers = [
        open_reader(Limits(), pdf=PdfLibrary.PYMUPDF, ocr=mode, num_children=1)
        for mode in (OcrMode.AUTO, OcrMode.NEVER)
    ]
    try:
        store = LocalStore(originals)
        desk = Desk(Source(store), tmp_path / "out", Limits(), *readers)
        by_key = {copy.key: copy for copy in make_searchable(store.list(Selection()), desk)}
    finally:
        for reader in readers:
            reader.close()
    assert by_key["digital.pdf"].state is CopyState.COPIED
    scan = by_key["scan.png.pdf"]
    assert scan.found is not None
    assert scan.found.f1 == 1.0
    assert "1,234.50" in found(tmp_path / "out" / "scan.png.pdf")
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in originals.iterdir()} == before


def test_the_flow_copies_a_folder(tmp_path: Path) -> None:
    originals = tmp_path / "in"
    originals.mkdir()
    write_pdf(originals / "digital.pdf")
    state = searchable.fn(SearchableOrder(source=str(originals), out=tmp_path / "out"))
    assert state.is_completed()
    assert (tmp_path / "out" / "digital.pdf").read_bytes() == (originals / "digital.pdf").read_bytes()
