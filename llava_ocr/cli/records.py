"""`llava-ocr show` and `export`: what was read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llava_ocr.db.export import ExportFormat, export_records
from llava_ocr.db.queries import find_records
from llava_ocr.db.stored import StoredRecord
from llava_ocr.errors import ConfigError
from llava_ocr.records import FieldReading
from llava_ocr.report import STATE_STYLES, show_value
from llava_ocr.services import open_services
from llava_ocr.settings import Settings, override


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="show")(show)
    app.command(name="export")(export)


def show(
    document: Annotated[str, typer.Argument(help="The start of a document's id, or the end of its address")],
    db: Annotated[str | None, typer.Option(help="Database URL; default LLAVA_OCR_DB")] = None,
    absent: Annotated[bool, typer.Option("--absent", help="Show fields that the page does not have, too")] = False,
) -> int:
    """Show a document's records: every field with its state, confidence and place on the page."""
    console = Console()
    with open_services(override(Settings(), db=db)) as services:
        found = find_records(services.database, document)
        if not found:
            raise ConfigError(f"no record of a document {document!r} in this database")
        for record in found:
            console.print(_table(record, with_absent=absent))
            for finding in record.findings:
                console.print(f"[yellow]{escape(finding.check)}[/]: {escape(finding.message)}")
    return 0


def export(
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type")],
    format: Annotated[ExportFormat, typer.Option("--format", "-f")] = ExportFormat.JSONL,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default standard output")] = None,
    db: Annotated[str | None, typer.Option(help="Database URL; default LLAVA_OCR_DB")] = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
) -> int:
    """Write all current records of one document type, with evidence."""
    if out is None and format is ExportFormat.PARQUET:
        raise ConfigError("parquet needs --out FILE")
    with open_services(override(Settings(), db=db, schemas=schemas)) as services:
        wanted = services.catalog.get(schema)
        if out is None:
            export_records(services.database, wanted, format=format, out=sys.stdout.buffer)
            return 0
        with out.open("wb") as stream:
            count = export_records(services.database, wanted, format=format, out=stream)
        Console(stderr=True).print(f"{count:,} records in {out}", highlight=False)
    return 0


def _table(record: StoredRecord, *, with_absent: bool) -> Table:
    table = Table(title=f"{record.schema} in {record.uri}", title_justify="left")
    for column in ("field", "value", "as printed", "state", "confidence", "page", "box"):
        table.add_column(column, overflow="fold")
    for reading in record.fields:
        if reading.value is not None or reading.candidates or with_absent:
            table.add_row(*_row(reading))
    return table


def _row(reading: FieldReading) -> list[str]:
    evidence = reading.evidence
    style = STATE_STYLES[reading.state]
    state = f"[{style}]{reading.state.value}[/]" if style else reading.state.value
    boxes = [f"{box.x0:.3f},{box.y0:.3f},{box.x1:.3f},{box.y1:.3f}" for box in evidence.boxes] if evidence else []
    page = str(evidence.page_index + 1) if evidence else ""
    value = show_value(reading.value) or " or ".join(reading.candidates)
    confidence = f"{reading.confidence:.2f}"
    return [reading.path, escape(value), escape(reading.text or ""), state, confidence, page, "\n".join(boxes)]
