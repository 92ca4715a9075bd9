"""`llava-ocr doctor`: what works on this machine."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from llava_ocr.doctor import Health, examine
from llava_ocr.settings import load_settings

MARKS = {Health.OK: "[green]ok   [/]", Health.NOTE: "[yellow]note [/]", Health.FAULT: "[red]fault[/]"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="doctor")(doctor)


def doctor(
    source: Annotated[str | None, typer.Option(help="A source to try, such as s3://bucket/prefix")] = None,
    db: Annotated[str | None, typer.Option(help="Database URL; default LLAVA_OCR_DB")] = None,
    engine: Annotated[str | None, typer.Option(help="small, a folder or hub name, endpoint, rules, scripted")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a check")] = False,
) -> int:
    """Say what works on this machine and what to do about what does not; exit code 2 if anything is at fault."""
    console = Console()
    has_fault = False
    for checked in examine(load_settings(db=db, engine=engine), source=source):
        has_fault = has_fault or checked.health is Health.FAULT
        if as_json:
            typer.echo(json.dumps({"check": checked.name, "health": checked.health.value, "detail": checked.detail}))
            continue
        console.print(f"{MARKS[checked.health]} {checked.name:<14} {escape(checked.detail)}", highlight=False)
        if checked.remedy:
            console.print(f"      {'':<14} {escape(checked.remedy)}", highlight=False, style="dim")
    return 2 if has_fault else 0
