"""A bundle makes one record for each of its documents, with that document's own rows and totals."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings

from llava_ocr.errors import CutAnswer
from llava_ocr.extract import extract
from llava_ocr.question import Question
from llava_ocr.records import Document, DocumentOutcome
from schemas.invoice import Invoice
from tests.bundles.papers import Paper, ReaderOfPapers, file_of
from tests.bundles.test_split import piles
from tests.fakes import JsonReader, paper

THREE = [Paper(number, pages, 0, is_counted=True, is_named=True) for number, pages in ((1111, 2), (2222, 1), (3333, 3))]


def read(papers: Sequence[Paper], *, is_bundle: bool = True, failing: frozenset[int] = frozenset()) -> DocumentOutcome:
    pages, said = file_of(papers)
    engine = ReaderOfPapers(said)
    engine._failures = {f"page {index}": CutAnswer("cut") for index in failing}
    return read_pages(pages, engine, is_bundle=is_bundle)


def read_pages(pages: Sequence[str], engine: ReaderOfPapers, *, is_bundle: bool = True) -> DocumentOutcome:
    question = Question.about(Invoice, max_new_tokens=64, is_bundle=is_bundle)
    with tempfile.NamedTemporaryFile() as file:
        file.write(paper(*pages))
        file.flush()
        document = Document("0", "mem://pile", 1, "application/json")
        return extract(document, Path(file.name), question, engine=engine, reader=JsonReader())


@settings(deadline=None, max_examples=25)
@given(piles())
def test_each_paper_makes_a_record_whose_total_is_that_of_its_rows(papers: list[Paper]) -> None:
    outcome = read(papers)
    assert [record.record_index for record in outcome.records] == list(range(len(papers)))
    for one, record in zip(papers, outcome.records, strict=True):
        assert record.values["invoice_number"] == f"INV-{one.number}"
        assert [row["line_total"] for row in record.values["lines"]] == list(one.amounts)
        assert record.values["grand_total"] == sum(one.amounts)
        assert [finding for finding in record.findings if finding.check != "bundle"] == []


@settings(deadline=None, max_examples=25)
@given(piles())
def test_no_value_stands_under_another_paper_s_head(papers: list[Paper]) -> None:
    for record in read(papers).records:
        assert record.part is not None
        places = {field.evidence.page_index for field in record.fields if field.evidence is not None}
        assert places and places <= set(record.part.page_indices)


def test_a_file_that_is_no_bundle_makes_one_record_as_ever() -> None:
    [record] = read(THREE, is_bundle=False).records
    assert (record.record_index, record.part, len(record.values["lines"])) == (0, None, 6)


def test_one_document_reads_alike_as_a_bundle_and_as_itself() -> None:
    [bundled], [plain] = (read(THREE[:1], is_bundle=is_bundle).records for is_bundle in (True, False))
    assert (bundled.values, bundled.fields, bundled.findings) == (plain.values, plain.fields, plain.findings)
    assert bundled.provenance.schema_fingerprint != plain.provenance.schema_fingerprint


def test_a_paper_that_could_not_be_read_keeps_its_number() -> None:
    outcome = read(THREE, failing=frozenset({2}))
    assert [record.record_index for record in outcome.records] == [0, 2]
    assert not outcome.is_ok


def test_pages_that_are_not_there_are_remarked_on() -> None:
    pages, said = file_of(THREE)
    [*_, last] = read_pages(pages[:-1], ReaderOfPapers(said)).records
    assert last.needs_review
    assert "page 3 of this document is not in the file" in last.findings[-1].message


def test_another_version_of_the_rules_would_be_another_reading() -> None:
    plain, bundled = (Question.about(Invoice, max_new_tokens=64, is_bundle=is_bundle) for is_bundle in (False, True))
    assert plain.fingerprint != bundled.fingerprint
    assert plain.asked_fingerprint == bundled.asked_fingerprint == plain.fingerprint


def test_amounts_of_papers_are_their_own() -> None:
    totals = [record.values["grand_total"] for record in read(THREE).records]
    assert totals == [Decimal(sum(one.amounts)) for one in THREE]
