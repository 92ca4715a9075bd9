"""E-invoices inside of PDFs and by themselves, from the bytes to the record, through real child processes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pymupdf
import pytest

from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.extract import extract
from llava_ocr.question import Question
from llava_ocr.raster.base import OcrMode, PdfLibrary
from llava_ocr.raster.sandbox import Sandbox
from llava_ocr.raster.sniff import media_type_of
from llava_ocr.records import Document, DocumentOutcome, WordReader
from llava_ocr.schema import DocumentSchema, Money, read
from schemas.invoice import Invoice
from tests.raster.papers import options
from tests.synth.test_seeding import CII, UBL


class Plain(DocumentSchema):
    """A type that is no e-invoice."""

    grand_total: Money | None = read("Total", labels=("Total",))


@pytest.fixture(params=PdfLibrary, scope="module")
def reader(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    sandbox = Sandbox(options(ocr=OcrMode.NEVER, pdf=request.param), num_children=1)
    yield sandbox
    sandbox.close()


def pdf_with(folder: Path, **files: bytes) -> Path:
    path = folder / "invoice.pdf"
    with pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 100), "Invoice W-77, total 21.40 EUR")
        for name, data in files.items():
            pdf.embfile_add(name, data, filename=f"{name}.xml")
        pdf.save(str(path))
    return path


def outcome(
    path: Path, reader: Sandbox, *, schema: type[DocumentSchema] = Invoice, embedded: bool = True
) -> DocumentOutcome:
    document = Document("0", path.as_uri(), path.stat().st_size, media_type_of(path))
    question = Question.about(schema, max_new_tokens=64, reads_embedded=embedded)
    return extract(document, path, question, engine=ScriptedEngine(), reader=reader)


def test_the_invoice_inside_of_a_pdf_is_read(tmp_path: Path, reader: Sandbox) -> None:
    [record] = outcome(pdf_with(tmp_path, other=b"<feed/>", invoice=UBL.encode()), reader).records
    fields = {field.path: field for field in record.fields}
    assert (fields["grand_total"].value, fields["invoice_number"].value) == (Decimal("21.40"), "W-77")
    evidence = fields["grand_total"].evidence
    assert evidence is not None
    assert (evidence.reader, len(evidence.boxes)) == (WordReader.XML, 1)


def test_an_xml_invoice_by_itself_is_a_document_of_one_page(tmp_path: Path, reader: Sandbox) -> None:
    path = tmp_path / "invoice.xml"
    # A licence may stand before the root.
    path.write_text(f"<?xml version='1.0'?><!-- {'x' * 5_000} -->{CII}", encoding="utf-8")
    found = outcome(path, reader)
    assert (found.is_ok, found.num_pages) == (True, 1)
    assert found.records[0].values["seller"]["name"] == "Atelier Roux"


def test_a_damaged_invoice_inside_is_a_finding_and_the_page_is_read(tmp_path: Path, reader: Sandbox) -> None:
    [record] = outcome(pdf_with(tmp_path, invoice=UBL.replace("2023-04-05", "soon").encode()), reader).records
    assert [finding.check for finding in record.findings] == ["embedded_unreadable"]


def test_an_entity_is_never_expanded(tmp_path: Path, reader: Sandbox) -> None:
    bomb = '<!DOCTYPE Invoice [<!ENTITY a "aaaa">]>' + UBL.replace("W-77", "&a;")
    [record] = outcome(pdf_with(tmp_path, invoice=bomb.encode()), reader).records
    assert record.values["invoice_number"] is None


@pytest.mark.parametrize(("schema", "embedded"), [(Invoice, False), (Plain, True)])
def test_it_is_left_alone_where_that_is_set_and_where_the_type_has_no_terms(
    tmp_path: Path, reader: Sandbox, schema: type[DocumentSchema], embedded: bool
) -> None:
    [record] = outcome(pdf_with(tmp_path, invoice=UBL.encode()), reader, schema=schema, embedded=embedded).records
    assert record.values["grand_total"] is None


def test_records_with_and_without_the_xml_are_told_apart() -> None:
    with_it, without = (Question.about(Invoice, max_new_tokens=64, reads_embedded=reads) for reads in (True, False))
    assert with_it.fingerprint != without.fingerprint
    assert with_it.asked_fingerprint == without.asked_fingerprint
