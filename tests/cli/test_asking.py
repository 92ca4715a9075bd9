"""`ask`, `chat` and `describe` with the shipped model on painted invoices, as people meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llava_ocr.cli.app import app, guarded
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asked")
    for seed in (0, 2):
        (place / f"{seed}.pdf").write_bytes(paint_pdf(paint("invoice", seed)))
    return place


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    settings = {"DB": f"sqlite:///{tmp_path}/known.db", "ENGINE": "small", "OCR": "never", "WORKERS": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"LLAVA_OCR_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = guarded(app, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_usual_questions_in_three_languages_are_answered_with_evidence(run: Run, folder: Path) -> None:
    asked = ["What is the total?", "Wie hoch ist der Gesamtbetrag?", "Quel est le montant total ?", "What is the moon?"]
    code, out, _ = run("ask", folder / "0.pdf", *asked, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    truth = paint("invoice", 0).truth["grand_total"]
    assert [row["value"] for row in rows] == [truth, truth, truth, None]
    assert [row["is_evidenced"] for row in rows] == [True, True, True, False]
    assert rows[3]["state"] == "absent"


def test_a_question_that_a_document_type_types(run: Run, folder: Path) -> None:
    code, out, _ = run("ask", folder / "2.pdf", "When was it issued?", "Weight?", "-s", "invoice", "--json")
    dated, unknown = (json.loads(line) for line in out.splitlines())
    assert (code, dated["value"]) == (0, paint("invoice", 2).truth["issue_date"])
    assert unknown["message"] == "the question asks for no field of 'invoice'"


def test_questions_of_a_file_become_a_table(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("What is the total?\nWho is the seller?\n")
    ordered = ("ask", folder, "--questions", tmp_path / "q.txt", "--out", tmp_path / "t.jsonl")
    code, _, err = run(*ordered)
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert (code, len(rows)) == (0, 4)
    assert "2 documents (0 known)" in err
    assert (
        "2 documents (2 known)" in run("ask", folder, "--questions", tmp_path / "q.txt", "-o", tmp_path / "t.jsonl")[2]
    )


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["Why?", "--free"], 2, "CantSpeak"),
        ([], 2, "nothing to ask"),
        (["Who?", "--page", "9"], 3, "no page 9"),
        (["Who?", "--out", "a.docx"], 2, ".parquet"),
        (["Who?", "--schema", "poem"], 2, "UnknownSchema"),
    ],
)
def test_what_can_t_be_asked_is_refused(run: Run, folder: Path, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = run("ask", folder / "0.pdf", *arguments)
    assert ended == code
    assert told in out + err


def test_chat_answers_what_is_printed_and_refuses_to_talk(run: Run, folder: Path) -> None:
    code, out, _ = run("chat", folder / "0.pdf", "--once", "What is the total?", "--once", "Tell me a joke", "--json")
    total, joke = (json.loads(line) for line in out.splitlines())
    assert (code, total["turn"], total["value"]) == (0, 1, paint("invoice", 0).truth["grand_total"])
    assert "can't converse" in joke["message"]
    assert run("chat", folder, "--once", "Who?")[0] == 2


def test_describe_says_what_rules_found_and_what_needs_another_engine(run: Run, folder: Path) -> None:
    code, out, _ = run("describe", folder, "--format", "jsonl")
    first = json.loads(out.splitlines()[0])
    assert (code, first["made_by"], first["reason"]) == (0, "rules", "")
    assert str(paint("invoice", 0).truth["grand_total"]) in first["text"]
    code, out, _ = run("describe", folder / "2.pdf", "--kind", "table", "--format", "csv")
    assert (code, out.count("\n") >= len(paint("invoice", 2).truth["lines"])) == (0, True)
    code, _, err = run("describe", folder, "--kind", "chart")
    assert (code, "needs an engine that speaks" in err) == (2, True)
