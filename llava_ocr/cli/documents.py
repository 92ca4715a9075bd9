"""`llava-ocr extract`: documents to records."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.cli.jsonlines import outcome_line
from llava_ocr.ledger.retries import Retries
from llava_ocr.logs import LogFormat, set_up_logs
from llava_ocr.records import DocumentOutcome
from llava_ocr.report import Tally, exit_code, progress, show_summary, show_tables, step
from llava_ocr.run import ExtractOrder, begin, breaking_off, end, listed, wanted
from llava_ocr.services import Services, open_services
from llava_ocr.settings import load_settings
from llava_ocr.store.open import open_source
from llava_ocr.work import read

# Whoever waits at the screen is told at once what failed, and decides.
ONE_TRY = Retries(max_tries=1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="extract")(extract)


def extract(
    source: Annotated[str, typer.Argument(help="A folder, a file, or s3://bucket/prefix; globs such as **/*.pdf")],
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type; see `llava-ocr schema list`")],
    db: Annotated[str | None, typer.Option(help="Database URL; default LLAVA_OCR_DB")] = None,
    engine: Annotated[str | None, typer.Option(help="small, a folder or hub name, endpoint, rules, scripted")] = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only objects modified at or after this time (UTC)")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only objects modified before this time (UTC)")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many objects")] = None,
    password_file: Annotated[Path | None, typer.Option(help="Passwords for encrypted documents, one a line")] = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what is new or changed since it was read as this type, ever")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read again what was read before; known answers are used")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask the engine about every page")] = False,
    bundle: Annotated[
        bool | None,
        typer.Option("--bundle/--no-bundle", help="Split each file into the documents it holds, a record each"),
    ] = None,
    max_failed_share: Annotated[
        float, typer.Option(min=0, max=1, help="The run is complete though this share of its documents failed")
    ] = 0.0,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="A source without documents is no failure")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be read, read nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a document, on standard output")] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option("--log", help="Write a log to standard error: lines for people, or JSON lines")
    ] = None,
) -> int:
    """Read documents into records with evidence, and write them to the database."""
    settings = load_settings(schemas=schemas, password_file=password_file, log=log_format)
    if "log" in settings.model_fields_set:
        set_up_logs(settings.log)
    order = ExtractOrder(
        source=source,
        schema_name=schema,
        engine=engine,
        database=db,
        since=aware(since),
        until=aware(until),
        limit=limit,
        is_incremental=incremental,
        force=force,
        use_cache=not no_cache,
        is_bundle=bundle,
        max_failed_share=max_failed_share,
        allow_empty=allow_empty,
    )
    with open_services(order.settings(settings)) as services:
        if dry_run:
            return _list(order, services, as_json=as_json)
        return _read(order, services, as_json=as_json)


def _read(order: ExtractOrder, services: Services, *, as_json: bool) -> int:
    console = Console(stderr=as_json)
    tally = Tally()
    started = time.monotonic()
    run = begin(order, services, policy=ONE_TRY)
    with progress(tally, console, total=order.limit) as bar:

        def observe(outcome: DocumentOutcome) -> None:
            step(bar, tally, outcome)
            if as_json:
                typer.echo(outcome_line(outcome))

        try:
            with breaking_off(run):
                read(run, wanted(run), observe=observe)
        except KeyboardInterrupt:
            console.print("stopped; what was finished is saved, and the same command goes on from there")
            return 130
    summary = end(run, seconds=time.monotonic() - started)
    show_tables(tally, console)
    show_summary(summary, console)
    return exit_code(summary.state, summary.balance)


def _list(order: ExtractOrder, services: Services, *, as_json: bool) -> int:
    services.catalog.get(order.schema_name)
    source = open_source(order.source, services.settings)
    console = Console()
    num_objects = size_bytes = 0
    for info in listed(order, source):
        num_objects += 1
        size_bytes += info.size_bytes
        if as_json:
            typer.echo(json.dumps({"uri": info.uri, "size_bytes": info.size_bytes, "etag": info.etag}))
        else:
            console.print(info.uri, highlight=False, markup=False, soft_wrap=True)
    if not as_json:
        console.print(f"{num_objects:,} objects, {size_bytes:,} bytes; nothing was read")
    return 0


def aware(time_given: datetime | None) -> datetime | None:
    """A time given without a zone is UTC."""
    return time_given if time_given is None or time_given.tzinfo else time_given.replace(tzinfo=UTC)
