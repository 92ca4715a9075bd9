"""`llava-ocr query`: a person's own SQL, which only reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as ConsoleTable

from llava_ocr.cli.outputs import output, require_csv
from llava_ocr.db.query import Table, run_query
from llava_ocr.db.session import existing_database
from llava_ocr.db.tables import write_table
from llava_ocr.files import FileFormat, format_of, require_writable
from llava_ocr.report import show_value
from llava_ocr.settings import load_settings

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="query")(query)


def query(
    statement: Annotated[str, typer.Argument(help="One SELECT over the views, such as invoice and invoice_lines")],
    format: Annotated[
        FileFormat | None,
        typer.Option("--format", "-f", help="Default: as the file's name ends; without --out a table to look at"),
    ] = None,
    excel: Annotated[bool, typer.Option("--excel", help="CSV: with the mark by which Excel knows UTF-8")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000_000, help="Rows at most")] = 1_000,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default standard output")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds the database may take")] = 60.0,
    db: Url = None,
) -> int:
    """Ask the database. Nothing can be changed; what is left out by the limit is said."""
    is_shown = out is None and format is None and not excel
    wanted = None if is_shown else format_of(out, format, default=FileFormat.CSV)
    if excel:
        require_csv(wanted, "--excel")
    if out is not None:
        require_writable(out)
    with existing_database(db or load_settings().db) as database:
        found = run_query(database, statement, limit=limit, timeout_s=timeout)
    if wanted is None:
        Console().print(_shown(found))
    else:
        with output(out, for_excel=excel) as stream:
            write_table(found, wanted, stream)
    if found.is_cut:
        Console(stderr=True).print(f"only the first {limit:,} rows; --limit shows more", highlight=False)
    return 0


def _shown(found: Table) -> ConsoleTable:
    table = ConsoleTable()
    for number, name in enumerate(found.columns):
        is_number = all(_is_number(row[number]) for row in found.rows)
        table.add_column(escape(name), overflow="fold", justify="right" if is_number else "left")
    for row in found.rows:
        table.add_row(*(escape(show_value(value)) for value in row))
    return table


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
