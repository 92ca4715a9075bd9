"""`llava-ocr db upgrade|check`: the database's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.db.session import existing_database, open_database
from llava_ocr.errors import SchemaOutOfDate
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings

app = typer.Typer(help="The database: upgrade, check.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]


@app.command()
def upgrade(
    db: Url = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
) -> int:
    """Make the tables, or bring them and the views to this version."""
    settings = load_settings(db=db, schemas=schemas)
    with open_services(settings) as services:
        catalog = services.catalog
    with open_database(settings.db) as database:
        database.upgrade()
        for name in set(database.schemas_with_views()).intersection(catalog.names()):
            database.refresh_views(catalog.get(name))
        Console().print(f"{database.place} is at revision {database.check().revision}", highlight=False)
    return 0


@app.command()
def check(db: Url = None) -> int:
    """Say whether the database can be used by this version."""
    with existing_database(db or load_settings().db) as database:
        health, place = database.check(), database.place
    if not health.is_ok:
        raise SchemaOutOfDate(f"{place}: {'; '.join(health.problems)}")
    Console().print(f"{place} is fine, at revision {health.revision}", highlight=False)
    return 0
