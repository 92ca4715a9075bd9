"""`llava-ocr show` and `export`: what was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llava_ocr.cli.outputs import output, require_csv
from llava_ocr.db.csv_export import CsvColumns
from llava_ocr.db.export import export_records
from llava_ocr.db.links import num_later
from llava_ocr.db.queries import find_records
from llava_ocr.db.session import Database, existing_database
from llava_ocr.db.stored import StoredRecord
from llava_ocr.errors import ConfigError
from llava_ocr.files import FileFormat, format_of, require_writable
from llava_ocr.records import FieldReading, Part
from llava_ocr.report import STATE_STYLES, show_value
from llava_ocr.review.sameness import LinkKind
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings

SAME = {LinkKind.BYTES: "bytes", LinkKind.PIXELS: "pixels", LinkKind.BUSINESS_KEY: "business key"}


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
    with existing_database(load_settings(db=db).db) as database:
        found = find_records(database, document)
        if not found:
            raise NotInDatabase(f"no record of a document {document!r} in {database.place}")
        for record in found:
            if record.part is not None:
                console.print(part_line(record.record_index, record.part), highlight=False)
            table = _table(record, with_absent=absent)
            if table.row_count:
                console.print(table)
            else:
                console.print(f"{record.schema} in {record.uri}: no field was found; --absent shows them all")
            for finding in record.findings:
                console.print(f"[yellow]{escape(finding.check)}[/]: {escape(finding.message)}")
            for line in _same(database, record):
                console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def export(
    schema: Annotated[str, typer.Option("--schema", "-s", help="Document type")],
    format: Annotated[
        FileFormat | None, typer.Option("--format", "-f", help="Default: as the file's name ends, else jsonl")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default standard output")] = None,
    db: Annotated[str | None, typer.Option(help="Database URL; default LLAVA_OCR_DB")] = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="CSV: as printed, page and boxes of each field")] = False,
    crops: Annotated[str, typer.Option(help="CSV: address of `serve`; links each field to its picture there")] = "",
    excel: Annotated[bool, typer.Option("--excel", help="CSV: with the mark by which Excel knows UTF-8")] = False,
) -> int:
    """Write all current records of one document type. JSON lines always hold the evidence."""
    chosen = format_of(out, format, default=FileFormat.CSV if excel else FileFormat.JSONL)
    for option, is_given in (("--evidence", evidence), ("--crops", crops), ("--excel", excel)):
        if is_given:
            require_csv(chosen, option)
    if out is not None:
        require_writable(out)
    columns = CsvColumns(evidence, crops.rstrip("/"))
    settings = load_settings(db=db, schemas=schemas)
    with open_services(settings) as services:
        wanted = services.catalog.get(schema)
    with existing_database(settings.db) as database, output(out, for_excel=excel) as stream:
        count = export_records(database, wanted, format=chosen, out=stream, columns=columns)
    if out is not None:
        Console(stderr=True).print(f"{count:,} records in {out}", highlight=False)
    return 0


class NotInDatabase(ConfigError):
    """The database has no record of the document."""

    hint = (
        "Give the end of its address, such as invoice.pdf, or the start of its id; --db or LLAVA_OCR_DB choose another."
    )


def part_line(record_index: int, part: Part) -> str:
    """Say which pages of a bundle a record is of, and why it begins there."""
    return f"record {record_index + 1}, {part.pages}; it begins there: {part.reason} ({part.certainty:.0%} certain)"


def _same(database: Database, record: StoredRecord) -> Iterator[str]:
    """Say what the record is the same as, and what came later that is the same as it."""
    for link in record.links:
        yield f"same {SAME[link.kind]} as {link.uri}, which came first"
    with database.reading() as connection:
        later = num_later(connection, record)
    for kind, count in later.items():
        yield f"{count:,} later with the same {SAME[kind]}: `llava-ocr query 'SELECT * FROM duplicates'` lists them"
    for place in (place for place in record.addresses if place != record.uri):
        yield f"same {SAME[LinkKind.BYTES]} at {place}"


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
