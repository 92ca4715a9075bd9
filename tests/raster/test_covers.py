"""Covers of portfolios and notices of XFA forms go to a person; documents with attachments do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pymupdf
import pytest

from llava_ocr.raster.base import PageRead, PdfLibrary
from llava_ocr.raster.covers import COVER_PAGE
from llava_ocr.raster.sandbox import Sandbox
from tests.raster.papers import LINES, options

COVER = ("For the best experience, open this PDF portfolio in", "Acrobat X or Adobe Reader X, or later.")
WAIT = ("Please wait...", "If this message is not eventually replaced by the proper contents of the document,")
XFA = b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>"


def made(path: Path, lines: Sequence[str], *, attached: Sequence[str] = (), is_xfa: bool = False) -> Path:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        for row, line in enumerate(lines):
            page.insert_text((72, 140 + 30 * row), line, fontsize=12)
        for name in attached:
            pdf.embfile_add(name, b"%PDF-1.7 " + name.encode(), filename=name)
        if is_xfa:
            form = pdf.get_new_xref()
            pdf.update_object(form, "<<>>")
            pdf.update_stream(form, XFA)
            catalog = pdf.pdf_catalog()
            pdf.xref_set_key(catalog, "AcroForm", f"<</XFA {form} 0 R/Fields[]>>")
            pdf.xref_set_key(catalog, "NeedsRendering", "true")
        pdf.save(str(path))
    return path


def first_page(path: Path, library: PdfLibrary) -> PageRead:
    sandbox = Sandbox(options(pdf=library), num_children=1)
    try:
        return next(iter(sandbox.read(path)))
    finally:
        sandbox.close()


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize(
    ("lines", "attached", "is_xfa"),
    [
        (COVER, (), False),
        (WAIT, (), False),
        (("The form is being loaded",), (), True),
        (("Enclosed: two invoices",), ("a.pdf", "b.pdf"), False),
    ],
    ids=("portfolio", "notice", "xfa", "cover sheet"),
)
def test_what_only_stands_in_for_a_document_goes_to_a_person(
    tmp_path: Path, lines: Sequence[str], attached: Sequence[str], is_xfa: bool, library: PdfLibrary
) -> None:
    page = first_page(made(tmp_path / "p.pdf", lines, attached=attached, is_xfa=is_xfa), library)
    assert [finding.check for finding in page.findings] == [COVER_PAGE]
    assert page.embedded == tuple(attached)


@pytest.mark.parametrize("library", PdfLibrary)
@pytest.mark.parametrize("attached", [(), ("terms.pdf",), ("factur-x.xml", "photo.png")])
def test_a_document_that_brings_others_along_is_no_cover(
    tmp_path: Path, attached: Sequence[str], library: PdfLibrary
) -> None:
    page = first_page(made(tmp_path / "p.pdf", LINES, attached=attached), library)
    assert page.findings == ()
    assert page.embedded == tuple(name for name in attached if name.endswith(".pdf"))


def test_embedded_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = made(tmp_path / "p.pdf", LINES, attached=("a.pdf", "b.pdf"))
    with pymupdf.open(path) as pdf:
        pdf.embfile_upd(1, filename="a.pdf", ufilename="a.pdf")
        pdf.saveIncr()
    assert first_page(path, PdfLibrary.PYMUPDF).embedded == ("a.pdf", "a.pdf (2)")
