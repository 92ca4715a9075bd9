"""`llava-ocr store ls`: what a source holds."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.settings import Settings
from llava_ocr.store.open import open_source

app = typer.Typer(help="Objects in a folder or bucket.", no_args_is_help=True)


@app.callback()
def store() -> None:
    """Keep `ls` a command of its own while it is the only one."""


@app.command()
def ls(
    source: Annotated[str, typer.Argument(help="A folder, a file, or s3://bucket/prefix; globs allowed")],
    limit: Annotated[int, typer.Option(min=1, help="Stop after this many")] = 1_000,
) -> int:
    """List the objects of a source: size, time, address."""
    opened = open_source(source, Settings())
    console = Console()
    for info in islice(opened.store.list(opened.select()), limit):
        line = f"{info.size_bytes:>13,}  {info.modified_at:%Y-%m-%d %H:%M:%S}  {info.uri}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0
