"""`llava-ocr evaluate` as people meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llava_ocr.cli.app import app, guarded
from llava_ocr.synth.truth_file import write_documents


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluating") / "receipts"
    assert len(list(write_documents("receipt", 1, folder, scans=False))) == 1
    return folder


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"ENGINE": "scripted", "OCR": "never", "WORKERS": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"LLAVA_OCR_{name}", value)
    monkeypatch.setenv("COLUMNS", "160")


def test_figures_stand_beside_the_rules_and_the_run_before(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(dataset), "--schema", "receipt"]
    assert guarded(app, [*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert "receipt-000000: 0 of" in captured.err
    assert list(told)[:5] == ["field_exact", "anls", "list_f1", "document_exact", "evidence_word_f1"]
    assert told["field_exact"] == 0.0 < told["baseline"]["field_exact"]
    (tmp_path / "before.json").write_text(json.dumps(told))
    page = tmp_path / "report.html"
    assert guarded(app, [*arguments, "--against", str(tmp_path / "before.json"), "--out", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "header fields right" in shown and "merchant_name" in shown and "0 became wrong" in shown
    assert page.read_text(encoding="utf-8").startswith("<!")


def test_failed_documents_are_listed_and_end_with_1(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in dataset.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "receipt-000000.pdf").write_bytes(b"%PDF-1.7\nbroken")
    assert guarded(app, ["evaluate", str(tmp_path), "-s", "receipt"]) == 1
    assert "CorruptDocument" in capsys.readouterr().out


def test_no_data_set_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app, ["evaluate", str(tmp_path / "none"), "-s", "receipt"]) == 2
    assert "BadDataset" in capsys.readouterr().err
