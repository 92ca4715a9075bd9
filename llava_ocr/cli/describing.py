"""`llava-ocr describe`: captions, alternative texts, details; charts and tables as data; diagrams as text."""

from __future__ import annotations

import csv
import io
from collections import Counter
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.asking.described import DescribedDocument, DescribeOrder, describe_documents, description_objects
from llava_ocr.asking.describing import DescribeKind, Description, MadeBy
from llava_ocr.cli.asking import EngineName, PageNumber, Passwords, Schemas, Source, ended
from llava_ocr.db.csv_export import safe_cell
from llava_ocr.errors import ConfigError, error_hint
from llava_ocr.files import require_writable, whole_file
from llava_ocr.jsonform import to_json
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings
from llava_ocr.store.open import open_source


class DescribeFormat(StrEnum):
    """How descriptions are written."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="describe")(describe)


def describe(
    source: Source,
    kind: Annotated[DescribeKind, typer.Option("--kind", "-k", help="What is wanted")] = DescribeKind.CAPTION,
    page: PageNumber = None,
    format: Annotated[DescribeFormat, typer.Option("--format", "-f", help="csv: tables and charts only")] = (
        DescribeFormat.TEXT
    ),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default standard output")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many objects")] = None,
    engine: EngineName = None,
    schemas: Schemas = None,
    password_file: Passwords = None,
) -> int:
    """Describe documents. What a model says in its own words is not evidenced; data stands on the page."""
    if format is DescribeFormat.CSV and kind not in (DescribeKind.TABLE, DescribeKind.CHART):
        raise ConfigError(f"{kind.value} is no table; --format csv is for --kind table and chart")
    if out is not None:
        require_writable(out)
    order = DescribeOrder(source=source, kind=kind, page=page, engine=engine, limit=limit)
    settings = order.settings(load_settings(schemas=schemas, password_file=password_file))
    reasons: Counter[str] = Counter()
    lines: list[str] = []
    num_descriptions = 0
    with open_services(settings) as services:
        opened = open_source(source, settings)
        infos = islice(opened.store.list(opened.select()), limit)
        for document in describe_documents(order, infos, opened.store, services):
            num_descriptions += max(1, len(document.descriptions))
            reasons.update(document.reasons)
            written = _written(document, format, services.engine.profile.name)
            if out is None:
                typer.echo(written, nl=False)
            lines.append(written)
            if format is DescribeFormat.CSV:
                _warn(document)
    code = ended(reasons, num_descriptions, source)
    if out is not None:
        with whole_file(out) as stream:
            stream.write("".join(lines).encode())
    return code


def _written(document: DescribedDocument, format: DescribeFormat, engine: str) -> str:
    if format is DescribeFormat.JSONL:
        return "".join(to_json(one) + "\n" for one in description_objects(document, engine))
    if format is DescribeFormat.CSV:
        return "\n".join(_csv(one) for one in document.descriptions if one.tables)
    name = document.uri.rsplit("/", 1)[-1]
    said = [_text(one) for one in document.descriptions] or ["no page has anything on it"]
    return f"{name}\n" + "".join(f"  {line}\n" for text in said for line in text.splitlines())


def _text(one: Description) -> str:
    place = "" if one.page_index is None else f"page {one.page_index + 1}: "
    if one.reason:
        return f"{place}failed: {one.reason}: {one.message} {error_hint(one.reason)}".rstrip()
    if one.made_by in (MadeBy.MODEL, MadeBy.RULES) and one.text:
        return f"{place}{one.text}\n[{one.message}]"
    if not one.tables:
        return f"{place}no {one.kind.value} that could be read"
    tables = f"{place}\n{_csv(one)}"
    return f"{tables}[{one.message}]" if one.message else tables


def _csv(one: Description) -> str:
    """A page's tables, an empty line between; spreadsheets run nothing of them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for number, table in enumerate(one.tables):
        if number:
            text.write("\n")
        if table.columns:
            writer.writerow([safe_cell(name) for name in table.columns])
        writer.writerows([safe_cell(cell or "") for cell in row] for row in table.rows)
    return text.getvalue()


def _warn(document: DescribedDocument) -> None:
    """Tell beside a CSV what it can't hold."""
    console = Console(stderr=True)
    for one in document.descriptions:
        is_cut = any(table.is_cut for table in one.tables)
        if one.reason or one.message or is_cut:
            told = "the answer was cut; later rows are missing" if is_cut else f"{one.reason} {one.message}".strip()
            place = "" if one.page_index is None else f", page {one.page_index + 1}"
            console.print(f"{document.uri}{place}: {told}", highlight=False, markup=False, soft_wrap=True)
