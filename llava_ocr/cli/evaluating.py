"""`llava-ocr evaluate`: how good the readings of documents with truth are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from llava_ocr.cli.figures import progress_line, show_report
from llava_ocr.cli.questioning import ask_dataset, refuse_beside_format
from llava_ocr.evaluation.against import compare_with, load_previous
from llava_ocr.evaluation.as_json import report_object
from llava_ocr.evaluation.base import DocumentResult, EvaluationReport
from llava_ocr.evaluation.datasets import open_dataset
from llava_ocr.evaluation.evaluate import evaluate as run_evaluation
from llava_ocr.evaluation.own_types import OWN_TYPES, DocumentOfOwnType, evaluate_own_types
from llava_ocr.evaluation.questions.formats import QuestionFormat
from llava_ocr.evaluation.reading import Bench
from llava_ocr.question import Question
from llava_ocr.schema import schema_name
from llava_ocr.services import Services, open_services, read_options
from llava_ocr.settings import load_settings, override


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="evaluate")(evaluate)


def evaluate(
    dataset: Annotated[str, typer.Argument(help="A truth.jsonl, its folder, or generated:SCHEMA?count=200&scans=0")],
    schema: Annotated[
        str | None,
        typer.Option("--schema", "-s", help="Document type; left out where each document's truth states its own"),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="small, a folder or hub name, endpoint, rules, scripted")] = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
    scans: Annotated[bool, typer.Option("--scans", help="Turn pages into images first: no text layer")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many documents")] = None,
    password_file: Annotated[Path | None, typer.Option(help="Passwords for encrypted documents, one a line")] = None,
    against: Annotated[Path | None, typer.Option(help="JSON of an earlier evaluation, to compare with")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a report with page crops as HTML")] = None,
    form: Annotated[
        QuestionFormat | None, typer.Option("--format", help="DATASET is a public set of questions in this layout")
    ] = None,
    split: Annotated[str | None, typer.Option(help="With --format: the part to ask; val or test by default")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, on standard output")] = False,
) -> int:
    """Read documents whose truth is known, and say how much of it was read right, by the engine and by mere rules.

    With --format: ask the questions of a public data set, and measure the answers as its paper does.
    """
    settings = override(load_settings(schemas=schemas, password_file=password_file), engine=engine)
    console = Console(stderr=as_json)
    if form is not None:
        refuse_beside_format(schema=schema, scans=scans, against=against, out=out)
        return ask_dataset(dataset, form, settings, console, split=split, limit=limit, as_json=as_json)
    with open_services(settings) as services, open_dataset(dataset) as truth_file:
        asked = services.catalog.get(schema) if schema is not None else DocumentOfOwnType
        question = Question.about(asked, max_new_tokens=settings.max_new_tokens)
        name = schema_name(question.schema) if schema is not None else OWN_TYPES
        previous = load_previous(against, schema=name) if against else None
        run = run_evaluation if schema is not None else evaluate_own_types
        report = _evaluated(
            run, dataset, truth_file, _bench(question, services), console, is_scanned=scans, limit=limit
        )
        if previous is not None:
            report = replace(report, comparison=compare_with(previous, report))
        if out is not None:
            # Drawing pages takes PyMuPDF, which others need not load; painted documents go when this block ends.
            from llava_ocr.evaluation.report_page import write_report

            write_report(report, out)
    if as_json:
        typer.echo(json.dumps(report_object(report), ensure_ascii=False))
    else:
        show_report(report, console)
    return 1 if report.model.figures.num_failed else 0


def _bench(question: Question, services: Services) -> Bench:
    options = read_options(services.settings, services.engine)
    return Bench(question, services.engine, services.reader, options, services.passwords)


def _evaluated(
    run: Callable[..., EvaluationReport],
    dataset: str,
    truth_file: Path,
    bench: Bench,
    console: Console,
    *,
    is_scanned: bool,
    limit: int | None,
) -> EvaluationReport:
    """Evaluate with a bar over documents."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with truth_file.open("rb") as lines:
        num_documents = sum(bool(line.strip()) for line in lines)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("documents", total=min(num_documents, limit or num_documents))

        def observe(document: DocumentResult) -> None:
            bar.advance(task)
            # Where no bar moves, as in a log, a line a document tells how far it is.
            if not console.is_terminal:
                console.print(progress_line(document), highlight=False, markup=False, soft_wrap=True)

        return run(dataset, truth_file, bench, is_scanned=is_scanned, limit=limit, observe=observe)
