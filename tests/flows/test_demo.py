from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.xdist_group("prefect")
def test_the_demo_reads_its_documents_and_says_what_failed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows.demo", "--folder", str(tmp_path / "demo")]
    free = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LLAVA_OCR_"))}
    environment = free | {"LLAVA_OCR_ENGINE": "scripted", "COLUMNS": "200"}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert "Records" in done.stdout
    assert "invoice-march.pdf" in done.stdout
    failed = done.stdout.split("Failed")[1]
    assert "upload-interrupted.pdf" in failed
    assert "5 documents: 4 ok, 1 failed" in done.stdout
    assert f"sqlite:///{tmp_path / 'demo' / 'records.db'}" in done.stdout
    assert (tmp_path / "demo" / "records.db").exists()
    assert "Traceback" not in done.stdout + done.stderr
