"""`llava-ocr searchable`: scans to PDFs whose words can be searched and copied."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from llava_ocr.errors import error_hint
from llava_ocr.raster.base import OcrMode
from llava_ocr.searchable.checking import WordBoxes
from llava_ocr.searchable.documents import CopyState, Desk, SearchableCopy, check_apart, make_searchable, open_reader
from llava_ocr.services import read_limits, read_passwords
from llava_ocr.settings import load_settings
from llava_ocr.store.open import open_source


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="searchable")(searchable)


def searchable(
    source: Annotated[str, typer.Argument(help="A folder, a file, or s3://bucket/prefix; globs such as **/*.pdf")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the copies; outside the source")],
    check: Annotated[
        bool, typer.Option("--check", help="Read the copies again: word-box F1 of the new layers")
    ] = False,
    password_file: Annotated[Path | None, typer.Option(help="Passwords for encrypted documents, one a line")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a document, then the sum")] = False,
) -> int:
    """Write a copy of every document with an unseen text layer on pages that have none; originals stay untouched."""
    settings = load_settings(password_file=password_file)
    limits, opened = read_limits(settings), open_source(source, settings)
    check_apart(opened, out)
    reader = open_reader(limits, pdf=settings.pdf, ocr=OcrMode.AUTO, num_children=1)
    checker = open_reader(limits, pdf=settings.pdf, ocr=OcrMode.NEVER, num_children=1) if check else None
    console, copies = Console(stderr=as_json), list[SearchableCopy]()
    try:
        desk = Desk(opened, out, limits, reader, checker, read_passwords(settings.password_file))
        for copy in make_searchable(opened.store.list(opened.select()), desk):
            copies.append(copy)
            if as_json:
                typer.echo(json.dumps(_told(copy), ensure_ascii=False))
            else:
                _show(copy, console)
    finally:
        for one in filter(None, (reader, checker)):
            one.close()
    summary = _summary(copies)
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        console.print("; ".join(f"{name} {value}" for name, value in summary.items() if value is not None))
    return 0 if all(copy.is_ok for copy in copies) else 1


def _summary(copies: list[SearchableCopy]) -> dict[str, Any]:
    states = {state.value: sum(copy.state is state for copy in copies) for state in CopyState}
    found = [copy.found for copy in copies if copy.found is not None]
    total = sum(found, start=WordBoxes())
    f1 = None if total.f1 is None else round(total.f1, 4)
    pages, words = sum(copy.num_layered for copy in copies), sum(copy.num_words for copy in copies)
    return {"documents": len(copies), **states, "pages": pages, "words": words, "word_box_f1": f1 if found else None}


def _told(copy: SearchableCopy) -> dict[str, Any]:
    f1 = copy.found.f1 if copy.found is not None else None
    return asdict(copy) | {"state": copy.state.value, "found": None if f1 is None else round(f1, 4)}


def _show(copy: SearchableCopy, console: Console) -> None:
    head = f"[red]{copy.reason}[/]: {escape(copy.message)}" if copy.reason else copy.state.value
    pages = f", {copy.num_layered} of {copy.num_pages} pages" if copy.num_pages else ""
    console.print(f"{escape(copy.uri)}: {head}{pages}", highlight=False, soft_wrap=True)
    for line in (*copy.left, *filter(None, [error_hint(copy.reason) if copy.reason else ""])):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
