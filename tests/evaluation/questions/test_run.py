"""Questions are asked image by image, and measured as their data set's paper does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llava_ocr.catalog import Catalog
from llava_ocr.cli.app import app, guarded
from llava_ocr.engines.base import Request
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.evaluation.questions.formats import Asked, QuestionFormat, QuestionSet
from llava_ocr.evaluation.questions.run import Examiner, QuestionsReport, evaluate_questions
from llava_ocr.raster.base import OcrMode, PageReader, ReadOptions
from llava_ocr.raster.sandbox import open_page_reader
from tests.raster.papers import write_pdf


@pytest.fixture(scope="module")
def reader() -> Iterator[PageReader]:
    reader = open_page_reader(ReadOptions(PROFILE, ocr=OcrMode.NEVER), num_children=1)
    yield reader
    reader.close()


def report(form: QuestionFormat, asked: list[Asked], said: str, reader: PageReader) -> QuestionsReport:
    """What comes of questions that are all answered alike."""

    def answer(request: Request) -> str:
        properties = request.grammar.json_schema["properties"] if request.grammar else {}
        return json.dumps(dict.fromkeys(properties, said)) if properties else said

    engine = ScriptedEngine(answer)
    examiner = Examiner(engine, reader, Catalog())
    return evaluate_questions("set", QuestionSet(form, "val", tuple(asked)), examiner)


def test_docvqa_is_measured_by_anls_and_exactly(tmp_path: Path, reader: PageReader) -> None:
    image = write_pdf(tmp_path / "a.pdf")
    asked = [
        Asked("1", image, "What is the total?", ("1,234.50",)),
        Asked("2", image, "What is the price?", ("1,234.60",)),
        Asked("3", image, "What is the fax number?", ()),
    ]
    found = report(QuestionFormat.DOCVQA, asked, "1,234.50", reader)
    assert found.figures == {"anls": pytest.approx((1 + 7 / 8) / 2), "exact": 0.5}
    assert (found.share_answered, found.abstained) == (1.0, 0.0)


def test_abstaining_is_right_only_where_nothing_is_said(tmp_path: Path, reader: PageReader) -> None:
    image = write_pdf(tmp_path / "a.pdf")
    asked = [Asked("1", image, "What is the total?", ("1,234.50",)), Asked("2", image, "What is the fax number?", ())]
    found = report(QuestionFormat.DOCVQA, asked, "nowhere on the page", reader)
    assert found.figures == {"anls": 0.0, "exact": 0.0}
    assert (found.share_answered, found.abstained) == (0.0, 1.0)


def test_choices_are_answered_in_the_engines_own_words(tmp_path: Path, reader: PageReader) -> None:
    image = write_pdf(tmp_path / "a.pdf")
    asked = [
        Asked(str(n), image, "Which?", (right,), ("a fox", "a goat"), group=f"part {right}")
        for n, right in enumerate(("a fox", "a goat"))
    ]
    found = report(QuestionFormat.SCIENCEQA, asked, "B", reader)
    assert found.figures == {"choice_accuracy": 0.5}
    assert found.by_group == {"part a fox": {"choice_accuracy": 0.0}, "part a goat": {"choice_accuracy": 1.0}}


def test_charts_and_scene_texts_have_their_own_measures(tmp_path: Path, reader: PageReader) -> None:
    image = write_pdf(tmp_path / "a.pdf")
    chart = report(QuestionFormat.CHARTQA, [Asked("1", image, "How much?", ("2025",))], "2024", reader)
    scene = report(
        QuestionFormat.TEXTVQA, [Asked("1", image, "Where?", ("berlin",) * 3 + ("x",) * 7)], "Berlin", reader
    )
    assert chart.figures in ({"relaxed_accuracy": 1.0}, {"relaxed_accuracy": 0.0})
    assert scene.figures == {"vqa_accuracy": pytest.approx(0.9)}


def test_an_image_that_can_not_be_read_fails_its_questions_alone(tmp_path: Path, reader: PageReader) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    asked = [
        Asked("1", broken, "What is the total?", ("1,234.50",)),
        Asked("2", write_pdf(tmp_path / "a.pdf"), "What is the total?", ("1,234.50",)),
    ]
    found = report(QuestionFormat.DOCVQA, asked, "1,234.50", reader)
    assert found.num_failed == 1
    assert found.figures["exact"] == 0.5


@pytest.mark.slow
def test_painted_papers_are_asked_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app, ["evaluate", "generated:invoice?count=2", "--format", "docvqa", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["num_questions"] == 20
    assert told["exact"] > 0.4
    assert {"anls", "share_answered", "abstained_where_unsaid"} <= told.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "x"],
        ["evaluate", "x", "--format", "docvqa", "--schema", "invoice"],
        ["evaluate", "generated:invoice", "--format", "chartqa"],
        ["evaluate", "generated:w9?count=1", "--format", "docvqa"],
    ],
)
def test_orders_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    assert guarded(app, arguments) == 2
