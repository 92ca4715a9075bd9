"""Documents that each state a type of their own, evaluated with the engine that needs no model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llava_ocr.engines.rules import open_rules, rules_profile
from llava_ocr.evaluation.as_json import report_object
from llava_ocr.evaluation.own_types import OWN_TYPES, DocumentOfOwnType, evaluate_own_types
from llava_ocr.evaluation.reading import Bench
from llava_ocr.evaluation.truth import BadDataset
from llava_ocr.question import Question
from llava_ocr.raster.base import OcrMode, PageReader, ReadOptions
from llava_ocr.raster.sandbox import open_page_reader
from llava_ocr.synth.notices import paint_notice
from llava_ocr.synth.truth_file import write_painted

OPTIONS = ReadOptions(profile=rules_profile(), ocr=OcrMode.NEVER)


@pytest.fixture(scope="module")
def reader() -> Iterator[PageReader]:
    opened = open_page_reader(OPTIONS, num_children=1)
    yield opened
    opened.close()


def bench(reader: PageReader) -> Bench:
    return Bench(Question.about(DocumentOfOwnType, max_new_tokens=2048), open_rules(), reader, OPTIONS)


def test_rules_read_most_of_papers_that_nobody_trained_for(reader: PageReader, tmp_path: Path) -> None:
    for _ in write_painted((paint_notice(seed) for seed in range(4)), tmp_path, scans=False):
        continue
    report = evaluate_own_types("notices", tmp_path / "truth.jsonl", bench(reader))
    told = report_object(report)
    assert report.schema == OWN_TYPES and report.rules is None
    assert told["num_documents"] == 4 and told["num_failed"] == 0
    assert told["field_exact"] > 0.75
    assert set(report.model.by_field) <= {"text", "date", "amount", "number"}


def test_truth_that_states_no_type_is_refused(reader: PageReader, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"")
    (tmp_path / "truth.jsonl").write_text(json.dumps({"file": "a.pdf", "fields": {}}))
    with pytest.raises(BadDataset, match="line 1"):
        evaluate_own_types("none", tmp_path / "truth.jsonl", bench(reader))
