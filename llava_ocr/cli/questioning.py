"""`llava-ocr evaluate --format`: how right the answers to a public data set's questions are."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from llava_ocr.errors import ConfigError
from llava_ocr.evaluation.datasets import GENERATED, parse_generated
from llava_ocr.evaluation.questions.formats import USUAL_SPLITS, QuestionFormat, QuestionSet, load_questions
from llava_ocr.evaluation.questions.run import Answered, Examiner, QuestionsReport, evaluate_questions
from llava_ocr.evaluation.truth import BadDataset
from llava_ocr.services import open_services
from llava_ocr.settings import Settings

_DIGITS = 4


def refuse_beside_format(*, schema: str | None, scans: bool, against: Path | None, out: Path | None) -> None:
    """Raise ConfigError for options that are about records, not about questions."""
    given = {"--schema": schema, "--scans": scans, "--against": against, "--out": out}
    if named := [name for name, value in given.items() if value]:
        raise ConfigError(f"{', '.join(named)}: not together with --format, which asks questions")


def ask_dataset(
    dataset: str,
    form: QuestionFormat,
    settings: Settings,
    console: Console,
    *,
    split: str | None,
    limit: int | None,
    as_json: bool,
) -> int:
    """Ask a data set's questions, show the figures, return the exit code: 1 where an image failed."""
    with open_services(settings) as services, _opened(dataset, form, split) as questions:
        examiner = Examiner(services.engine, services.reader, services.catalog, services.passwords)
        with console.status(f"asking {len(questions.asked[:limit]):,} questions"):
            report = evaluate_questions(dataset, questions, examiner, limit=limit)
    if as_json:
        typer.echo(json.dumps(report_object(report), ensure_ascii=False))
    else:
        _show(report, console)
    return 1 if report.num_failed else 0


@contextmanager
def _opened(dataset: str, form: QuestionFormat, split: str | None) -> Iterator[QuestionSet]:
    """The questions of a folder, or of papers painted on the spot, which go when the block ends."""
    if not dataset.startswith(GENERATED):
        yield load_questions(Path(dataset), form, split=split or USUAL_SPLITS[form])
        return
    if form is not QuestionFormat.DOCVQA or split is not None:
        raise BadDataset(f"{dataset}: painted papers are asked with --format docvqa and have no splits")
    # Painting takes PyMuPDF, which takes a quarter of a second to import.
    from llava_ocr.evaluation.questions.painted import SPLIT, write_questions

    with tempfile.TemporaryDirectory(prefix="llava-ocr-questions-") as folder:
        yield load_questions(write_questions(parse_generated(dataset), Path(folder)), form, split=SPLIT)


def report_object(report: QuestionsReport) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "dataset": report.dataset,
        "format": report.format.value,
        "split": report.split,
        "engine": report.engine,
        "num_questions": len(report.answered),
        "num_answerable": sum(one.is_answerable for one in report.answered),
        "num_failed": report.num_failed,
        **{name: round(value, _DIGITS) for name, value in report.figures.items()},
        "share_answered": _rounded(report.share_answered),
        "abstained_where_unsaid": _rounded(report.abstained),
        "by_group": {
            group: {name: round(value, _DIGITS) for name, value in figures.items()}
            for group, figures in report.by_group.items()
        },
        "notes": list(report.notes),
        "questions": [_question(one) for one in report.answered],
    }


def _question(one: Answered) -> dict[str, Any]:
    return {
        "id": one.asked.id,
        "image": one.asked.image.name,
        "question": one.asked.question,
        "answers": list(one.asked.answers),
        "answer": one.text or None,
        "confidence": round(one.confidence, _DIGITS),
        "scores": {name: round(value, _DIGITS) for name, value in one.scores.items()},
        "reason": one.reason,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _show(report: QuestionsReport, console: Console) -> None:
    table = Table(title=f"{report.dataset} ({report.format.value}, {report.split}), {report.engine}")
    table.add_column("measure")
    table.add_column("value", justify="right")
    rows: dict[str, float | int | None] = {"questions": len(report.answered), **report.figures}
    rows |= {f"{name}, {group}": value for group, figures in report.by_group.items() for name, value in figures.items()}
    rows |= {"answered, of those that can be": report.share_answered, "abstained where unsaid": report.abstained}
    rows |= {"failed": report.num_failed}
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else f"{value:,}")
    console.print(table)
    for note in report.notes:
        console.print(note, highlight=False)
