"""`llava-ocr db upgrade|check`: the database's tables."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.db.session import check_database, upgrade_database
from llava_ocr.errors import SchemaOutOfDate
from llava_ocr.settings import Settings

app = typer.Typer(help="The database: upgrade, check.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]


@app.command()
def upgrade(db: Url = None) -> int:
    """Make the tables, or bring them to this version."""
    revision = upgrade_database(db or Settings().db)
    Console().print(f"database is at revision {revision}", highlight=False)
    return 0


@app.command()
def check(db: Url = None) -> int:
    """Say whether the database can be used by this version."""
    faults = check_database(db or Settings().db)
    console = Console()
    for fault in faults:
        console.print(fault, highlight=False, markup=False)
    if faults:
        raise SchemaOutOfDate(f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in the database")
    console.print("database is fine")
    return 0
