"""`llava-ocr ask`: questions to a page, a document, or all documents of a source."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.asking.answers import Answer, AnswerState
from llava_ocr.asking.documents import AnsweredDocument, ask_documents, objects, prepare
from llava_ocr.asking.order import AskOrder
from llava_ocr.asking.table import Tally, document_rows, journal_of, write_answers
from llava_ocr.errors import ConfigError, error_classes, error_hint
from llava_ocr.jsonform import to_json
from llava_ocr.run import NothingToRead
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings

Source = Annotated[str, typer.Argument(help="A folder, a file, or s3://bucket/prefix; globs such as **/*.pdf")]
EngineName = Annotated[str | None, typer.Option(help="small, a folder or hub name, endpoint, rules, scripted")]
PageNumber = Annotated[int | None, typer.Option("--page", min=1, help="Only this page, counted from 1")]
Passwords = Annotated[Path | None, typer.Option(help="Passwords for encrypted documents, one a line")]
Schemas = Annotated[Path | None, typer.Option(help="A folder of schema files of your own")]
Url = Annotated[str | None, typer.Option(help="Database URL of the known answers; default LLAVA_OCR_DB")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object an answer, on standard output")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="ask")(ask)


def ask(
    source: Source,
    question: Annotated[list[str] | None, typer.Argument(help="What to ask; several are asked together")] = None,
    page: PageNumber = None,
    schema: Annotated[
        str | None, typer.Option("--schema", "-s", help="Typed answers of a document type; alone: all its fields")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option("--questions", help="Questions in a file: a line each, or CSV or JSON")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a table: .csv, .jsonl, .parquet or .xlsx")
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="The engine's own words, not evidenced, in place of words of the page")
    ] = False,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Abstain below this; default: as measured for the engine")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many objects")] = None,
    engine: EngineName = None,
    db: Url = None,
    schemas: Schemas = None,
    password_file: Passwords = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask the engine, whatever is known")] = False,
    as_json: AsJson = False,
) -> int:
    """Ask documents; answers are words of the page with their place, or none where the page does not say."""
    order = AskOrder(
        source=source,
        questions=tuple(question or ()),
        questions_file=questions,
        schema_name=schema,
        page=page,
        is_free=free,
        min_confidence=min_confidence,
        engine=engine,
        database=db,
        limit=limit,
        use_cache=not no_cache,
    )
    if out is not None and as_json:
        raise ConfigError("--out writes a table, --json the answers to standard output; give one of them")
    settings = order.settings(load_settings(schemas=schemas, password_file=password_file))
    with open_services(settings) as services:
        store, infos = objects(order, services)
        inquiry = prepare(order, services)
        if out is not None:
            tally = write_answers(inquiry, infos, store, services, out=out)
            return _told(tally, out, source)
        answered = ask_documents(inquiry, infos, store, services)
        ending = _Ending(Console(), services.engine.profile.name, as_json=as_json)
        for document in answered:
            ending.show(document)
        return ending.exit_code(source)


class _Ending:
    """Shows answers as they come, and knows the exit code in the end."""

    def __init__(self, console: Console, engine: str, *, as_json: bool) -> None:
        self._console, self._engine, self._as_json = console, engine, as_json
        self._num_answers = 0
        self._reasons: Counter[str] = Counter()

    def show(self, answered: AnsweredDocument) -> None:
        """Print a document's answers."""
        self._num_answers += len(answered.answers)
        self._reasons.update(one.reason for one in answered.answers if one.state is AnswerState.FAILED)
        if self._as_json:
            for row in document_rows(answered, self._engine):
                typer.echo(to_json(row))
            return
        self._say(answered.uri.rsplit("/", 1)[-1])
        for answer in answered.answers:
            self._say(f"  {answer.question}")
            self._say(f"    {shown(answer)}")

    def exit_code(self, source: str) -> int:
        """The command's exit code."""
        return ended(self._reasons, self._num_answers, source)

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def ended(reasons: Counter[str], num_results: int, source: str) -> int:
    """0 where nothing failed, abstaining included; 1 where some did, their own code where all failed alike.

    Raises NothingToRead where there was nothing to do."""
    if not num_results:
        raise NothingToRead(f"{source}: no object there matches")
    if reasons.total() < num_results:
        return int(reasons.total() > 0)
    classes = error_classes()
    codes = {classes[reason].exit_code for reason in reasons if reason in classes}
    return codes.pop() if len(codes) == 1 else 1


def shown(answer: Answer) -> str:
    """An answer on one line for people: its text and where it stands, or why there is none."""
    if answer.state is AnswerState.FAILED:
        return f"failed: {answer.reason}: {answer.message} {error_hint(answer.reason)}".rstrip()
    if answer.state is AnswerState.ABSENT:
        also = f" ({', '.join(answer.others)})" if answer.others else ""
        return f"{answer.message}{also}"
    if answer.evidence is None:
        return f"{answer.text}\n    [{answer.message}]"
    [box, *_] = answer.evidence.boxes
    place = f"page {answer.evidence.page_index + 1} at {box.x0:.2f},{box.y0:.2f}"
    others = f"; elsewhere: {', '.join(answer.others)}" if answer.others else ""
    return f"{answer.text}  [{place}, confidence {answer.confidence:.2f}{others}]"


def _told(tally: Tally, out: Path, source: str) -> int:
    if not tally.num_documents:
        raise NothingToRead(f"{source}: no object there matches")
    counts = ", ".join(f"{count:,} {state.value}" for state, count in tally.states.items())
    told = f"{tally.num_documents:,} documents ({tally.num_known:,} known): {counts}; {out}, {journal_of(out).name}"
    Console(stderr=True).print(told, highlight=False, soft_wrap=True)
    return int(tally.num_failed > 0)
