"""Promises about the code itself that no linter keeps."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from llava_ocr.errors import ExtractionError, error_classes

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("llava_ocr", "flows", "schemas") for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("module", ["llava_ocr", "llava_ocr.extract", "llava_ocr.schema"])
def test_importing_the_core_loads_no_outside_library(module: str) -> None:
    outside = ["torch", "prefect", "boto3", "pymupdf", "pypdfium2", "sqlmodel", "sqlalchemy", "httpx", "typer", "rich"]
    code = f"import sys, {module}; print([name for name in {outside} if name in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert told.stdout.strip() == "[]"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {path.name: count for path in SOURCES if (count := len(path.read_text().splitlines())) > 400}
    assert long == {}


@pytest.mark.parametrize("error", [error for error in error_classes().values() if error.__subclasses__() == []])
def test_every_error_says_what_to_do(error: type[ExtractionError]) -> None:
    assert error.hint or error.__module__.startswith("tests"), error


@pytest.mark.slow
def test_prefect_s_server_starts_with_the_fastapi_that_is_installed() -> None:
    """`pip check` stays clean with a fastapi that kills it at run time."""
    command = [sys.executable, "-W", "ignore", "-c", "import prefect.server.api.server"]
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode == 0


def test_the_console_script_points_at_a_function() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for target in scripts.values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))
