"""Evaluations of files with several documents: cuts are counted, and each document is judged by its own record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llava_ocr.evaluation.base import DocumentResult, EvaluationReport
from llava_ocr.evaluation.bundles import files_of
from llava_ocr.evaluation.datasets import open_dataset
from llava_ocr.evaluation.evaluate import evaluate
from llava_ocr.evaluation.reading import Bench
from llava_ocr.evaluation.truth import BadDataset, load_truths
from llava_ocr.question import Question
from llava_ocr.raster.base import ReadOptions
from llava_ocr.schema import tree
from schemas.invoice import Invoice
from tests.bundles.papers import Paper, ReaderOfPapers, file_of
from tests.fakes import JsonReader, paper

QUESTION = Question.about(Invoice, max_new_tokens=64)
PAPERS = [
    Paper(number, pages, 0, is_counted=True, is_named=True) for number, pages in ((1111, 2), (2222, 1), (3333, 3))
]


def dataset(folder: Path, **changes: object) -> Path:
    """A data set of one bundle; returns its truth file."""
    (folder / "pile.json").write_bytes(paper(*file_of(PAPERS)[0]))
    first = 0
    lines = []
    for one in PAPERS:
        pages = list(range(first, first := first + one.num_pages))
        facts = {"invoice_number": f"INV-{one.number}", "grand_total": str(sum(one.amounts))}
        line = {"id": str(one.number), "file": "pile.json", "type": "invoice", "page_indices": pages, "fields": facts}
        lines.append(json.dumps(line | changes))
    truth = folder / "truth.jsonl"
    truth.write_text("\n".join(lines))
    return truth


def evaluated(truth: Path) -> EvaluationReport:
    engine = ReaderOfPapers(file_of(PAPERS)[1])
    bench = Bench(QUESTION, engine, JsonReader(), ReadOptions(engine.profile))
    return evaluate("piles", truth, bench)


def test_each_document_is_judged_by_its_own_record(tmp_path: Path) -> None:
    report = evaluated(dataset(tmp_path))
    documents: list[DocumentResult] = list(report.model.documents)
    assert [document.id for document in documents] == [str(one.number) for one in PAPERS]
    assert [document.num_pages for document in documents] == [one.num_pages for one in PAPERS]
    assert report.model.figures.field_exact == 1.0


def test_bundles_that_come_apart_have_no_fault(tmp_path: Path) -> None:
    bundles = evaluated(dataset(tmp_path)).bundles
    assert bundles is not None
    assert (bundles.split_f1, bundles.files_exact, bundles.documents_whole, bundles.records_sound) == (1, 1, 1, 1)
    assert (bundles.num_strays, bundles.num_files, bundles.num_documents, bundles.num_records) == (0, 1, 3, 3)
    assert all(one.accuracy == 1.0 for one in bundles.certainty)


def test_wrong_cuts_cost_precision_and_missed_ones_recall(tmp_path: Path) -> None:
    truth = dataset(tmp_path)
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    # Says that the first two documents are one, and that the third ends a page early.
    lines[0]["page_indices"], lines[1]["page_indices"], lines[2]["page_indices"] = [0, 1, 2], [3, 4], [5]
    truth.write_text("\n".join(map(json.dumps, lines)))
    bundles = evaluated(truth).bundles
    assert bundles is not None
    assert (bundles.split_precision, bundles.split_recall, bundles.split_f1) == (0.5, 0.5, 0.5)
    assert (bundles.files_exact, bundles.documents_whole) == (0.0, 0.0)
    assert bundles.num_strays > 0


def test_documents_of_another_type_count_for_cuts_alone(tmp_path: Path) -> None:
    report = evaluated(dataset(tmp_path, type="receipt"))
    assert report.model.documents == ()
    assert report.bundles is not None and report.bundles.num_documents == 3


def test_a_file_without_pages_is_one_document(tmp_path: Path) -> None:
    truths = load_truths(dataset(tmp_path, page_indices=[]), tree(Invoice))
    assert [file.is_bundle for file in files_of(truths)] == [False] * 3


@pytest.mark.parametrize("pages", [["1"], 3, [-1]])
def test_pages_that_are_none_are_told(tmp_path: Path, pages: object) -> None:
    with pytest.raises(BadDataset, match="page_indices"):
        load_truths(dataset(tmp_path, page_indices=pages), tree(Invoice))


def test_bundles_are_painted_on_the_spot() -> None:
    with open_dataset("generated:bundle?count=2&seed=3") as truth_file:
        truths = load_truths(truth_file, tree(Invoice))
        files = files_of(truths)
    assert len(files) == 2
    assert all(file.is_bundle and len(file.truths) > 1 for file in files)
