"""`llava-ocr bench NAME`: measurements that print one JSON line last."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console


class Bench(StrEnum):
    """The measurements there are; each is a module of `llava_ocr.bench` with a `run()`."""

    PIPELINE = "pipeline"
    TILES = "tiles"
    DB = "db"
    GRAMMAR = "grammar"
    MEMORY = "memory"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="bench")(bench)


def bench(
    name: Annotated[Bench, typer.Argument(help="What to measure")],
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but the JSON line")] = False,
) -> int:
    """Measure one part of the product on this machine. Times are fair only as ratios within one run."""
    if not as_json:
        Console(stderr=True).print(f"measuring {name.value} ...", highlight=False)
    measured = importlib.import_module(f"llava_ocr.bench.{name.value}").run()
    record = {"bench": name.value, **measured, **_machine()}
    sys.stdout.write(json.dumps(record) + "\n")
    return 0


def _machine() -> dict[str, object]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
