"""The example notebook runs from top to bottom over what `export` writes, and says what the database says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llava_ocr.db.export import export_records
from llava_ocr.files import FileFormat
from llava_ocr.services import Services
from schemas.invoice import Invoice

NOTEBOOK = Path(__file__).parents[2] / "examples" / "records.ipynb"


def test_the_notebook_runs_over_an_export(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    with (tmp_path / "invoices.parquet").open("wb") as out:
        export_records(services.database, Invoice, format=FileFormat.PARQUET, out=out)
    monkeypatch.chdir(tmp_path)
    said: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), said)
    assert said["invoices"].height == 3 and said["lines"].height == said["by_line"].height > 3
    assert said["spend"]["invoices"].sum() + said["num_unsure"] == 3
