"""Questions and descriptions as flows: what comes of them is a file, and what can't be asked is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.exceptions import ParameterTypeError

from flows.asking import ask, describe
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "0.pdf").write_bytes(paint_pdf(paint("invoice", 0)))
    # No document, and no failure.
    (folder / "truth.jsonl").write_text("{}")
    monkeypatch.setenv("LLAVA_OCR_WORKERS", "1")
    return {"source": str(folder), "engine": "scripted"}


def test_answers_become_a_table_and_a_failure_fails_the_run(order: dict[str, Any], tmp_path: Path) -> None:
    asked = order | {"questions": ["Who?"], "database": f"sqlite:///{tmp_path}/known.db"}
    state = ask(asked, tmp_path / "out.jsonl", return_state=True)
    assert state.is_completed()
    assert state.message == "1 documents, 0 known: 0 answered, 1 absent, 0 free, 0 failed"
    (tmp_path / "documents" / "1.pdf").write_bytes(b"%PDF-1.7 and no more")
    assert ask(asked, tmp_path / "out.jsonl", return_state=True).is_failed()
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["state"] for row in rows] == ["absent", "failed"]


def test_descriptions_become_json_lines(order: dict[str, Any], tmp_path: Path) -> None:
    assert describe(order | {"kind": "detailed"}, tmp_path / "out.jsonl", return_state=True).is_completed()
    [told] = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert (told["kind"], told["made_by"]) == ("detailed", "model")


def test_a_source_without_documents_fails_unless_that_is_allowed(order: dict[str, Any], tmp_path: Path) -> None:
    asked = order | {"questions": ["Who?"], "source": str(tmp_path / "documents" / "none-*")}
    for allow_empty, name in ((False, "Failed"), (True, "Completed")):
        assert ask(asked, tmp_path / "out.jsonl", allow_empty=allow_empty, return_state=True).name == name


@pytest.mark.parametrize(
    ("changes", "out", "fault"),
    [
        ({}, "a.csv", "nothing to ask"),
        ({"questions": ["Who?"]}, "a.docx", "no format that can be written"),
        ({"questions": ["Who?"], "colour": "red"}, "a.csv", "Extra inputs"),
        ({"questions": ["Who?"], "page": 0}, "a.csv", "greater than or equal to 1"),
    ],
)
def test_an_order_that_can_t_be_is_refused_with_the_reason(
    order: dict[str, Any], changes: dict[str, Any], out: str, fault: str
) -> None:
    with pytest.raises(ParameterTypeError, match=fault):
        ask(order | changes, Path(out))


def test_an_unknown_kind_of_description_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(ParameterTypeError, match="diagram"):
        describe(order | {"kind": "poem"}, Path("out.jsonl"))
