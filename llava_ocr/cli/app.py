"""`llava-ocr`: puts the commands together, shows errors as one line and a remedy, and owns the exit code.

Exit codes: 0 all ok, 1 some documents failed, 2 usage or settings, 3 input, 4 engine, 5 store or database.
"""

from __future__ import annotations

import sys

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from llava_ocr.cli import (
    asking,
    backfills,
    benches,
    caching,
    certainty,
    chatting,
    databases,
    describing,
    doctor,
    documents,
    evaluating,
    painting,
    querying,
    records,
    reviewing,
    runs,
    schemas,
    searching,
    serving,
    simulating,
    stores,
    training,
    workers,
)
from llava_ocr.errors import ConfigError, ExtractionError, FileFault
from llava_ocr.logs import without_text


def leave(exit_code: int) -> None:
    """Turn what a command returns into the process's exit code."""
    raise typer.Exit(exit_code)


app = typer.Typer(
    name="llava-ocr",
    help="Typed records with evidence, out of piles of PDFs and scans, on your own machines.",
    epilog="Exit codes: 0 all ok, 1 some documents failed, 2 usage, 3 input, 4 engine, 5 store or database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    result_callback=leave,
)
documents.register(app)
asking.register(app)
chatting.register(app)
describing.register(app)
records.register(app)
querying.register(app)
reviewing.register(app)
certainty.register(app)
serving.register(app)
app.add_typer(schemas.app, name="schema")
app.add_typer(stores.app, name="store")
app.add_typer(backfills.app, name="backfill")
app.add_typer(runs.app, name="runs")
app.add_typer(caching.app, name="cache")
app.add_typer(databases.app, name="db")
workers.register(app)
doctor.register(app)
benches.register(app)
simulating.register(app)
painting.register(app)
searching.register(app)
evaluating.register(app)
app.add_typer(training.app, name="train")


def main() -> None:
    """Run the command line and exit."""
    sys.exit(guarded(app, sys.argv[1:]))


def guarded(program: typer.Typer, arguments: list[str]) -> int:
    """Run one command of `program` and return its exit code; errors are shown, not raised."""
    try:
        with without_text():
            return _run(program, arguments)
    except ExtractionError as error:
        return _show(error, Console(stderr=True))


def _run(program: typer.Typer, arguments: list[str]) -> int:
    try:
        program(arguments)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except ValidationError as error:
        raise ConfigError(in_words(error)) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise FileFault(f"{error.filename}: {error.strerror}") from None
    return 0


def in_words(error: ValidationError) -> str:
    """Say which settings or arguments are wrong, without the values, which may be secrets."""
    return "; ".join(_fault(fault["loc"], fault["msg"].removeprefix("Value error, ")) for fault in error.errors())


def _fault(place: tuple[int | str, ...], message: str) -> str:
    """A fault of one setting or argument, or of all of them together, which has no place."""
    return f"{'.'.join(str(part) for part in place)}: {message}" if place else message


def _show(error: ExtractionError, console: Console) -> int:
    console.print(f"[bold red]{error.reason}[/]: {escape(str(error))}", highlight=False, soft_wrap=True)
    if error.hint:
        console.print(f"  {escape(error.hint)}", highlight=False, soft_wrap=True)
    return error.exit_code
