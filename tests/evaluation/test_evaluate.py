"""A whole evaluation over painted documents; only the model is played."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.evaluation.against import BadPrevious, compare_with, load_previous
from llava_ocr.evaluation.as_json import report_object
from llava_ocr.evaluation.base import EvaluationReport
from llava_ocr.evaluation.evaluate import evaluate
from llava_ocr.evaluation.reading import Bench
from llava_ocr.question import Question
from llava_ocr.raster.base import OcrMode, PageReader, ReadOptions
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.paint import paint
from llava_ocr.synth.truth_file import write_painted
from schemas.receipt import Receipt
from tests.truthful import say_truth

OPTIONS = ReadOptions(profile=PROFILE, ocr=OcrMode.NEVER)
QUESTION = Question.about(Receipt, max_new_tokens=2048)
NUM_DOCUMENTS = 3


class OneByOne(ScriptedEngine):
    """Says the truth of documents that are asked about one after the other."""

    def __init__(self, documents: Sequence[PaintedDocument]) -> None:
        super().__init__()
        self._say, self._number = say_truth(documents), -1

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self._number += 1
        named = [replace(one, id=f"{self._number}/{one.id.removeprefix('page ')}") for one in requests]
        return [
            replace(answer, text=self._say(one)) for one, answer in zip(named, super().complete(named), strict=True)
        ]


@pytest.fixture(scope="module")
def reader() -> Iterator[PageReader]:
    opened = open_page_reader(OPTIONS, num_children=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def receipts() -> list[PaintedDocument]:
    return [paint("receipt", seed) for seed in range(NUM_DOCUMENTS)]


@pytest.fixture(scope="module")
def truth_file(receipts: list[PaintedDocument], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    assert len(list(write_painted(receipts, folder, scans=False))) == NUM_DOCUMENTS
    return folder / "truth.jsonl"


@pytest.fixture(scope="module")
def perfect(truth_file: Path, receipts: list[PaintedDocument], reader: PageReader) -> EvaluationReport:
    return run(truth_file, OneByOne(receipts), reader)


def run(truth_file: Path, engine: ScriptedEngine, reader: PageReader, **how: Any) -> EvaluationReport:
    return evaluate("painted", truth_file, Bench(QUESTION, engine, reader, OPTIONS), **how)


def test_perfect_answers_score_one_everywhere(perfect: EvaluationReport) -> None:
    told = report_object(perfect)
    shares = "field_exact anls list_f1 document_exact blank_precision blank_recall accuracy_at_80"
    assert {name: told[name] for name in shares.split()} == dict.fromkeys(shares.split(), 1.0)
    # Two amounts that are equal in one row (one piece: price and total) are grounded in the same place.
    assert told["evidence_word_f1"] > 0.9
    assert (told["num_documents"], told["num_failed"], told["invented"], told["errors"]) == (NUM_DOCUMENTS, 0, 0, [])
    assert told["num_fields"] >= 20 and told["seconds_per_page"] > 0


def test_rules_read_the_same_pages(perfect: EvaluationReport) -> None:
    baseline = report_object(perfect)["baseline"]
    # Of receipts this plain the rules read all.
    assert baseline["field_exact"] > 0.9 and baseline["num_failed"] == 0
    assert baseline["reader"] == "rules" and baseline["num_documents"] == NUM_DOCUMENTS


def test_a_broken_document_is_counted_as_failed_and_scores_nothing(
    perfect: EvaluationReport, truth_file: Path, receipts: list[PaintedDocument], reader: PageReader, tmp_path: Path
) -> None:
    for path in truth_file.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "receipt-000002.pdf").write_bytes(b"%PDF-1.7\nbroken")
    report = run(tmp_path / "truth.jsonl", OneByOne(receipts), reader)
    figures = report.model.figures
    assert figures.num_failed == 1 and figures.num_fields == perfect.model.figures.num_fields
    assert figures.document_exact == pytest.approx(2 / 3)
    assert report.model.documents[2].reason == "CorruptDocument"
    assert not any(one.is_right for one in report.model.documents[2].fields)


def test_an_unusable_answer_fails_its_document(truth_file: Path, reader: PageReader) -> None:
    report = run(truth_file, ScriptedEngine(lambda _: "{"), reader, limit=1)
    assert report.model.documents[0].reason == "InvalidAnswer" and report.model.figures.field_exact == 0.0
    assert report.rules is not None and report.rules.figures.num_failed == 0


def test_limit_takes_the_first_and_observers_see_each(truth_file: Path, reader: PageReader) -> None:
    seen: list[str] = []
    run(truth_file, ScriptedEngine(), reader, limit=2, observe=lambda document: seen.append(document.id))
    assert seen == ["receipt-000000", "receipt-000001"]


def test_scans_have_no_words_to_read_by(truth_file: Path, receipts: list[PaintedDocument], reader: PageReader) -> None:
    report = run(truth_file, OneByOne(receipts), reader, is_scanned=True)
    wrong = {one.path for document in report.model.documents for one in document.fields if not one.is_right}
    # Whether 04/09/2013 is in April or in September is told by other words of the page, if at all.
    assert report.is_scanned and wrong <= {"date"}
    assert report.model.figures.evidence_word_f1 == 0.0 and report.model.figures.invented == 0


def test_an_earlier_run_tells_what_moved(
    perfect: EvaluationReport, truth_file: Path, reader: PageReader, tmp_path: Path
) -> None:
    worse = run(truth_file, ScriptedEngine(), reader)
    (tmp_path / "before.json").write_text(json.dumps(report_object(worse)), encoding="utf-8")
    comparison = compare_with(load_previous(tmp_path / "before.json", schema="receipt"), perfect)
    num_valued = sum(one.expected is not None for document in perfect.model.documents for one in document.fields)
    assert comparison.figures["field_exact"].difference == pytest.approx(1.0)
    assert comparison.broken == () and len(comparison.righted) >= num_valued
    told = report_object(replace(perfect, comparison=comparison))["against"]
    assert told["figures"]["field_exact"] == {"before": 0.0, "now": 1.0, "change": 1.0}


@pytest.mark.parametrize("content", ["", "[]", '{"field_exact": 1}'])
def test_what_is_no_evaluation_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text(content)
    with pytest.raises(BadPrevious):
        load_previous(tmp_path / "before.json", schema="receipt")


def test_an_evaluation_of_another_schema_is_refused(perfect: EvaluationReport, tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text(json.dumps(report_object(perfect)))
    with pytest.raises(BadPrevious, match="another schema"):
        load_previous(tmp_path / "before.json", schema="invoice")
