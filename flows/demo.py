"""`make demo`: the extraction flow on painted documents, or on the user's own, with what came of it as tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.cli.app import guarded
from llava_ocr.report import Tally, exit_code, progress, show_summary, show_tables, step
from llava_ocr.run import ExtractOrder, RunEnd
from llava_ocr.settings import load_settings
from llava_ocr.synth.demo import write_demo

# A local run starts a throw-away Prefect server; these keep it quiet, offline and patient on a slow machine.
LOCAL_PREFECT = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
}

# One of the demo's own five documents is broken and meant to fail; of the user's, none may unsaid.
BROKEN_SHARE = 0.2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    source: Annotated[str | None, typer.Option(help="Your documents: a folder or s3://bucket/prefix")] = None,
    schema: Annotated[str, typer.Option(help="Document type")] = "invoice",
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its documents and database")] = Path("demo"),
) -> None:
    """Read documents through the Prefect flow and show what came of it."""
    console = Console()
    settings = load_settings()
    database = settings.db
    if "db" not in settings.model_fields_set:
        folder.mkdir(parents=True, exist_ok=True)
        database = f"sqlite:///{folder / 'records.db'}"
    is_demo = source is None
    if source is None:
        source = str(folder / "documents")
        write_demo(Path(source))
        console.print(f"painted five documents in {source}", highlight=False)
    order = ExtractOrder(
        source=source,
        schema_name=schema,
        database=database,
        force=True,
        max_failed_share=BROKEN_SHARE if is_demo else 0.0,
    )
    tally = Tally()
    summary = _run(order, tally, console, home=folder / "prefect")
    show_tables(tally, console)
    show_summary(summary, console)
    _show_next(console, database, schema, tally)
    raise typer.Exit(exit_code(summary.state, summary.balance))


def _run(order: ExtractOrder, tally: Tally, console: Console, *, home: Path) -> RunEnd:
    """Run the flow in this process, with a progress bar."""
    if "PREFECT_API_URL" not in os.environ:
        console.print("starting a local Prefect server (set PREFECT_API_URL to use yours) ...", highlight=False)
        os.environ.setdefault("PREFECT_HOME", str(home.resolve()))
        for name, value in LOCAL_PREFECT.items():
            os.environ.setdefault(name, value)
    # Prefect reads its settings when it is imported, so not before they are set.
    from flows.extract import OBSERVER, extract

    with progress(tally, console, total=order.limit) as bar:
        token = OBSERVER.set(lambda outcome: step(bar, tally, outcome))
        try:
            state = extract(order, return_state=True)
        finally:
            OBSERVER.reset(token)
    summary = state.result(raise_on_failure=False)
    if isinstance(summary, BaseException):
        raise summary
    assert isinstance(summary, RunEnd), summary
    return summary


def _show_next(console: Console, database: str, schema: str, tally: Tally) -> None:
    console.print(f"\nThe database is [bold]{database}[/]. What to run next:", highlight=False)
    commands = [f"export LLAVA_OCR_DB={database}"]
    if tally.records:
        name = tally.records[0].document.uri.rsplit("/", 1)[-1]
        commands.append(f".venv/bin/llava-ocr show {name}")
    commands.append(".venv/bin/llava-ocr serve")
    commands.append(f".venv/bin/llava-ocr export --schema {schema} --format csv")
    commands.append(f"make demo SOURCE=<folder or s3://bucket/prefix> SCHEMA={schema}")
    for command in commands:
        console.print(f"  {command}", highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(guarded(app, sys.argv[1:]))
