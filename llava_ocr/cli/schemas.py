"""`llava-ocr schema list|show|check`: document types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llava_ocr.catalog import Catalog, check_file
from llava_ocr.errors import BadSchema
from llava_ocr.schema import leaves, schema_name, tree
from llava_ocr.settings import Settings

app = typer.Typer(help="Document types: list, show, check.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Option("--schemas", help="A folder of schema files of your own")]


@app.command(name="list")
def list_schemas(schemas: Folder = None) -> int:
    """List the document types that can be read."""
    catalog = _catalog(schemas)
    table = Table()
    for column in ("schema", "fields", "what it is"):
        table.add_column(column, overflow="fold")
    for name in catalog.names():
        root = tree(catalog.get(name))
        table.add_row(name, str(sum(1 for _ in leaves(root))), escape(root.hint.text))
    Console().print(table)
    return 0


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Document type")],
    schemas: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print its JSON schema")] = False,
) -> int:
    """Show the fields of a document type."""
    schema = _catalog(schemas).get(name)
    if as_json:
        typer.echo(json.dumps(schema.model_json_schema(), indent=2, ensure_ascii=False))
        return 0
    table = Table(title=f"{schema_name(schema)}, version {schema.schema_version}", title_justify="left")
    for column in ("field", "kind", "what it is", "labels on the page"):
        table.add_column(column, overflow="fold")
    for leaf in leaves(tree(schema)):
        labels = ", ".join(leaf.choices or leaf.hint.labels)
        table.add_row(escape(leaf.path), leaf.leaf.kind.value, escape(leaf.hint.text), escape(labels))
    Console().print(table)
    return 0


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A schema file of your own")]) -> int:
    """Say what is wrong with a schema file, with line numbers."""
    faults = check_file(file)
    console = Console()
    for fault in faults:
        console.print(f"{file}:{fault.line}: {fault.message}", highlight=False, markup=False, soft_wrap=True)
    if faults:
        raise BadSchema(f"{file}: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
    console.print(f"{file}: ok", highlight=False)
    return 0


def _catalog(folder: Path | None) -> Catalog:
    chosen = folder or Settings().schemas
    return Catalog([chosen] if chosen else [])
