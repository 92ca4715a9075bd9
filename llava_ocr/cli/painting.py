"""`llava-ocr synth`: painted documents with their truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="synth")(synth)


def synth(
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to")],
    count: Annotated[int, typer.Option(min=1)] = 100,
    scans: Annotated[bool, typer.Option("--scans", help="Worn images in place of digital PDFs")] = False,
    seed: Annotated[int, typer.Option(help="The first document's seed")] = 0,
) -> int:
    """Paint documents whose every value is known, and write their truth beside them."""
    from llava_ocr.synth.write import write_documents

    written = write_documents(schema, count, out, scans=scans, seed=seed)
    Console().print(f"{written:,} documents and truth.jsonl in {out}", highlight=False)
    return 0
