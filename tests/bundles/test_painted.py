"""Painted invoices and receipts, joined as scanners leave them: how well they come apart, and what is read of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from llava_ocr.engines.base import Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.extract import extract
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead
from llava_ocr.records import Document, PageOutcome, PageState, Record, WordReader
from llava_ocr.synth.base import PaintedDocument, PaintedPage
from llava_ocr.synth.bundle import Backs, PaintedBundle, join, paint_bundle, paint_series
from llava_ocr.words.layout import lay_out
from schemas.invoice import Invoice
from tests.bundles.papers import page_of
from tests.fakes import raster
from tests.truthful import fill, printed_on

# The figure that `evaluate generated:bundle` prints over many more is 0.99.
MIN_F1 = 0.95


class PaintedReader:
    """A `PageReader` of painted pages, whatever lies at the path."""

    def __init__(self, pages: Sequence[PaintedPage]) -> None:
        self._pages = pages

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        return len(self._pages)

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        for index, page in enumerate(self._pages):
            if not page.words:
                yield PageRead(PageOutcome(index, PageState.SKIPPED, "blank"))
                continue
            layout = lay_out(page.words, aspect=page.width_pt / page.height_pt)
            yield PageRead(PageOutcome(index, PageState.OK), raster(), layout, WordReader.TEXT_LAYER)

    def close(self) -> None:
        pass


def read(bundle: PaintedBundle, *, is_bundle: bool = True) -> tuple[Record, ...]:
    """Read a painted bundle with an engine that says what was painted."""
    homes = {index: (one.document, page) for one in bundle.placed for page, index in enumerate(one.page_indices)}

    def say(request: Request) -> str:
        document, page_index = homes[page_of(request)]
        said = printed_on(document, page_index) if document.schema == "invoice" else {}
        assert request.grammar is not None
        return json.dumps(fill(request.grammar.json_schema, "", {path: one.text for path, one in said.items()}))

    question = Question.about(Invoice, max_new_tokens=64, is_bundle=is_bundle)
    document = Document("0", "mem://pile", 1, "application/pdf")
    engine, reader = ScriptedEngine(say), PaintedReader(bundle.pages)
    return extract(document, Path("pile"), question, engine=engine, reader=reader).records


def alone(document: PaintedDocument) -> Record:
    [record] = read(join([document], Backs.NONE), is_bundle=False)
    return record


def test_painted_documents_come_apart() -> None:
    num_right = num_cut = num_wanted = 0
    for seed in range(100, 120):
        bundle = paint_bundle(seed)
        cuts = {record.part.page_indices[0] for record in read(bundle)[1:] if record.part}
        wanted = {one.page_indices[0] for one in bundle.placed[1:]}
        num_right, num_cut, num_wanted = num_right + len(cuts & wanted), num_cut + len(cuts), num_wanted + len(wanted)
    assert num_wanted > 50
    assert 2 * num_right / (num_cut + num_wanted) >= MIN_F1


@pytest.mark.parametrize("backs", Backs)
def test_an_invoice_reads_in_a_bundle_as_it_does_alone(backs: Backs) -> None:
    """Rows over several pages, totals and what the checks say: all of it, and nothing of its neighbours."""
    documents = paint_series(5, 4)
    assert any(len(document.pages) > 1 for document in documents)
    records = read(join(documents, backs))
    assert len(records) == len(documents)
    for record, document in zip(records, documents, strict=True):
        by_itself = alone(document)
        assert record.values == by_itself.values
        # Which page of the file a finding names is another matter.
        found = [(one.check, one.paths) for one in record.findings if one.check != "bundle"]
        assert found == [(one.check, one.paths) for one in by_itself.findings]
