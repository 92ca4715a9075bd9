"""`llava-ocr cache show|prune`: answers kept for reuse."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from llava_ocr.db.answers import Answers, Kept
from llava_ocr.db.session import existing_database
from llava_ocr.errors import ConfigError
from llava_ocr.settings import load_settings

app = typer.Typer(help="Answers kept for reuse: show, prune.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]


@app.command()
def show(
    db: Url = None, as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output")] = False
) -> int:
    """Show how many answers there are, under which fingerprints, and what they saved."""
    settings = load_settings(db=db)
    with existing_database(settings.db) as database:
        kept = Answers(database, limit_bytes=settings.cache_bytes).kept()
    size_bytes = sum(one.size_bytes for one in kept)
    if as_json:
        facts = {"size_bytes": size_bytes, "limit_bytes": settings.cache_bytes, "kept": [asdict(one) for one in kept]}
        typer.echo(json.dumps(facts, default=str))
        return 0
    console = Console()
    if kept:
        console.print(_table(kept))
    told = f"{sum(one.num_answers for one in kept):,} answers, {size_bytes:,} of {settings.cache_bytes:,} bytes; "
    saved = f"used {sum(one.num_hits for one in kept):,} times, which saved {sum(one.saved_s for one in kept):,.1f} s"
    console.print(told + saved, highlight=False)
    return 0


@app.command()
def prune(
    max_bytes: Annotated[
        int | None, typer.Option(min=0, help="Throw out the longest unused above so many; 0 empties it")
    ] = None,
    days: Annotated[float | None, typer.Option(min=0, help="Throw out what was not used for so many days")] = None,
    engine: Annotated[str, typer.Option(help="Throw out what an engine said, by the start of its fingerprint")] = "",
    db: Url = None,
) -> int:
    """Throw out answers. Records stay; a page that is read again is asked about again."""
    if max_bytes is None and days is None and not engine:
        raise ConfigError("give --max-bytes, --days or --engine; `--max-bytes 0` throws everything out")
    settings = load_settings(db=db)
    max_age = None if days is None else timedelta(days=days)
    with existing_database(settings.db) as database:
        answers = Answers(database, limit_bytes=settings.cache_bytes)
        count = answers.prune(max_bytes=max_bytes, max_age=max_age, engine_fingerprint=engine)
    Console().print(f"{count:,} answers thrown out", highlight=False)
    return 0


def _table(kept: list[Kept]) -> Table:
    table = Table()
    for column in ("engine", "schema", "answers", "bytes", "used", "saved s", "last used"):
        table.add_column(column, overflow="fold", justify="left" if column in ("engine", "schema") else "right")
    for one in kept:
        figures = (f"{one.num_answers:,}", f"{one.size_bytes:,}", f"{one.num_hits:,}", f"{one.saved_s:,.1f}")
        scope = (one.scope.engine_fingerprint[:16], one.scope.schema_fingerprint[:16])
        table.add_row(*scope, *figures, f"{one.used_at:%F %T}")
    return table
