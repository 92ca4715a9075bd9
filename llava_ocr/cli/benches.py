"""`llava-ocr bench NAME`: measurements that print JSON lines last."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.errors import ConfigError
from llava_ocr.machine import num_cores

# The options that a measurement takes, for those that take any.
OPTIONS = {
    "decode": {"num_pages", "shapes", "scans", "state"},
    "ledger": {"num_objects", "db"},
    "ocr": {"num_pages"},
    "long": {"num_pages", "engine", "num_variants"},
    "records": {"db"},
    "unseen": {"folder", "scans"},
}


class Bench(StrEnum):
    """The measurements there are; each is a module with a `run()`, in `llava_ocr.bench` unless `_PLACES` says where."""

    PIPELINE = "pipeline"
    TILES = "tiles"
    DB = "db"
    LEDGER = "ledger"
    GRAMMAR = "grammar"
    MEMORY = "memory"
    DECODE = "decode"
    SCALE = "scale"
    MASKS = "masks"
    RECORDS = "records"
    OCR = "ocr"
    LONG = "long"
    UNSEEN = "unseen"
    ASKING = "asking"


# `web` alone knows what its pages are made of, and `evaluation` what is right.
_PLACES = {Bench.RECORDS: "llava_ocr.web.measured", Bench.ASKING: "llava_ocr.evaluation.asked"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="bench")(bench)


def bench(
    name: Annotated[Bench, typer.Argument(help="What to measure")],
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but the JSON lines")] = False,
    num_pages: Annotated[
        int | None, typer.Option("--pages", min=1, help="decode, ocr: pages to read; long: most pages")
    ] = None,
    shapes: Annotated[str | None, typer.Option(help="decode: mistral-7b or tiny, with random weights")] = None,
    scans: Annotated[bool | None, typer.Option("--scans", help="decode, unseen: worn scans, not digital pages")] = None,
    state: Annotated[Path | None, typer.Option(help="decode: file to go on from, rung by rung")] = None,
    num_objects: Annotated[int | None, typer.Option("--objects", min=10, help="ledger: objects to plan")] = None,
    engine: Annotated[str | None, typer.Option(help="long: scripted, rules or small")] = None,
    num_variants: Annotated[
        int | None, typer.Option("--variants", min=1, help="long: seeded statements of 1,000 rows to read, and count")
    ] = None,
    db: Annotated[
        str | None, typer.Option(help="ledger, records: a database to measure on, which keeps the rows")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="unseen: PDFs to judge, in place of painted ones")] = None,
) -> int:
    """Measure one part of the product on this machine. Times are fair only as ratios within one run."""
    options = {
        "num_pages": num_pages,
        "shapes": shapes,
        "scans": scans,
        "state": state,
        "num_objects": num_objects,
        "engine": engine,
        "num_variants": num_variants,
        "db": db,
        "folder": folder,
    }
    stated = {option: value for option, value in options.items() if value is not None}
    if stated.keys() - OPTIONS.get(name.value, set()):
        raise ConfigError(f"bench {name.value} takes none of its own options, see --help")
    if not as_json:
        Console(stderr=True).print(f"measuring {name.value} ...", highlight=False)
    measured = importlib.import_module(_PLACES.get(name, f"llava_ocr.bench.{name.value}")).run(**stated)
    for line in [measured] if isinstance(measured, dict) else measured:
        sys.stdout.write(json.dumps({"bench": name.value, **line, **_machine()}) + "\n")
        sys.stdout.flush()
    return 0


def _machine() -> dict[str, object]:
    return {
        "cores": num_cores(),
        "load_1min": round(os.getloadavg()[0], 2),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
