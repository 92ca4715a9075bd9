"""`llava-ocr backfill plan|start|resume|diff|promote|rollback`: reading again without analysts seeing half of it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llava_ocr import backfill
from llava_ocr.backfill import Spent
from llava_ocr.cli.documents import aware
from llava_ocr.db.people import COMMAND_LINE
from llava_ocr.db.session import existing_database
from llava_ocr.db.staging import MAX_LOST_SHARE, Diff, refuse_losses
from llava_ocr.ledger.backfill import Budget, Estimate, Why
from llava_ocr.ledger.balance import Balance
from llava_ocr.report import exit_code
from llava_ocr.run import ExtractOrder, Run, resume
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings

app = typer.Typer(help="Reading again, staged: plan, start, resume, diff, promote, rollback.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="A folder, a file, or s3://bucket/prefix; globs such as **/*.pdf")]
Schema = Annotated[str, typer.Option("--schema", "-s", help="Document type; see `llava-ocr schema list`")]
Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]
EngineName = Annotated[str | None, typer.Option(help="small, a folder or hub name, endpoint, rules, scripted")]
Since = Annotated[datetime | None, typer.Option(help="Only objects modified at or after this time (UTC)")]
Until = Annotated[datetime | None, typer.Option(help="Only objects modified before this time (UTC)")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many documents")]
Bundle = Annotated[
    bool | None,
    typer.Option("--bundle/--no-bundle", help="Split each file into the documents it holds, a record each"),
]
Stale = Annotated[bool, typer.Option("--stale", help="Those not read with the present schema and engine")]
Below = Annotated[float | None, typer.Option("--below", min=0, max=1, help="Those with a value of less confidence")]
FailedAs = Annotated[list[str] | None, typer.Option("--failed", help="Those that failed so; repeatable")]
RunId = Annotated[str, typer.Argument(help="The backfill's run id, as `start` shows it")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output")]
MaxPages = Annotated[int | None, typer.Option(min=1, help="Stop after so many pages; `resume` goes on")]
MaxHours = Annotated[float | None, typer.Option(min=0, help="Stop after so many hours; `resume` goes on")]
MaxCost = Annotated[float | None, typer.Option(min=0, help="Stop when hours times --price are so much")]
MaxFailed = Annotated[
    float, typer.Option("--max-failed-share", min=0, max=1, help="It is complete though this share failed")
]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="A source without documents is no failure")]
Price = Annotated[float, typer.Option("--price", min=0, help="What an hour of this machine costs")]


@app.command()
def plan(
    source: Source,
    schema: Schema,
    db: Url = None,
    engine: EngineName = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    bundle: Bundle = None,
    stale: Stale = False,
    below: Below = None,
    failed: FailedAs = None,
    price: Price = 0.0,
    as_json: AsJson = False,
) -> int:
    """Say which documents would be read again, and what that takes, from what reading took before."""
    order = _order(source, schema, db, engine, since=since, until=until, limit=limit, bundle=bundle)
    with open_services(order.settings(load_settings())) as services:
        found = backfill.estimated(order, Why(stale, below, tuple(failed or ())), services)
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"cost": found.cost(price)}))
    else:
        Console().print("\n".join(_in_words(found, price)), highlight=False)
    return 0


@app.command()
def start(
    source: Source,
    schema: Schema,
    db: Url = None,
    engine: EngineName = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    bundle: Bundle = None,
    stale: Stale = False,
    below: Below = None,
    failed: FailedAs = None,
    max_pages: MaxPages = None,
    max_hours: MaxHours = None,
    max_cost: MaxCost = None,
    price: Price = 0.0,
    max_failed_share: MaxFailed = 0.0,
    allow_empty: AllowEmpty = False,
) -> int:
    """Read documents again into a stage that no view shows, until done or the budget is spent."""
    order = _order(source, schema, db, engine, since=since, until=until, limit=limit, bundle=bundle)
    order = order.model_copy(update={"max_failed_share": max_failed_share, "allow_empty": allow_empty})
    with open_services(order.settings(load_settings())) as services:
        run = backfill.stage(order, Why(stale, below, tuple(failed or ())), services)
        return _read(run, Budget(max_pages, max_hours, max_cost, price))


@app.command("resume")
def resume_(
    run_id: RunId,
    db: Url = None,
    engine: EngineName = None,
    max_pages: MaxPages = None,
    max_hours: MaxHours = None,
    max_cost: MaxCost = None,
    price: Price = 0.0,
) -> int:
    """Go on with a backfill, with a new budget."""
    with open_services(load_settings(db=db, engine=engine)) as services:
        return _read(resume(run_id, services), Budget(max_pages, max_hours, max_cost, price))


@app.command()
def diff(run_id: RunId, db: Url = None, as_json: AsJson = False) -> int:
    """Show which cells promoting would change, by field, with samples."""
    with existing_database(db or load_settings().db) as database:
        found = backfill.diff(database, run_id)
    if as_json:
        typer.echo(json.dumps(_facts(found)))
        return 0
    console = Console()
    for line in _headline(found):
        console.print(line, highlight=False)
    console.print(_counts_table(found))
    console.print(_samples_table(found))
    return 0


@app.command()
def promote(
    run_id: RunId,
    db: Url = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    max_lost_share: Annotated[
        float, typer.Option("--max-lost-share", min=0, max=1, help="Refuse where more of the values would be lost")
    ] = MAX_LOST_SHARE,
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Promote whatever is lost")] = False,
) -> int:
    """Show what would be lost, ask, and make what was staged current, all at once."""
    limit = None if accept_loss else max_lost_share
    with existing_database(db or load_settings().db) as database:
        found = backfill.diff(database, run_id)
        for line in _headline(found):
            Console().print(line, highlight=False)
        if limit is not None:
            refuse_losses(found, limit)
        if not yes:
            typer.confirm("Promote?", abort=True)
        num_documents = backfill.promote(database, run_id, who=COMMAND_LINE, max_lost_share=limit)
    Console().print(f"{num_documents:,} documents are current as run {run_id} read them", highlight=False)
    return 0


@app.command()
def rollback(run_id: RunId, db: Url = None) -> int:
    """Bring back what was current before a promotion; it can be promoted again."""
    with existing_database(db or load_settings().db) as database:
        num_back, num_left = backfill.rollback(database, run_id, who=COMMAND_LINE)
    Console().print(f"{num_back:,} documents are as before; {num_left:,} were read by a later run", highlight=False)
    return 0


def _order(
    source: str,
    schema: str,
    db: str | None,
    engine: str | None,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    bundle: bool | None,
) -> ExtractOrder:
    return ExtractOrder(
        source=source,
        schema_name=schema,
        database=db,
        engine=engine,
        since=aware(since),
        until=aware(until),
        limit=limit,
        is_bundle=bundle,
    )


def _read(run: Run, budget: Budget) -> int:
    console = Console()
    console.print(f"backfill {run.id}", highlight=False)
    spent = backfill.read_within(run, budget)
    balance = run.database.balance(run.id)
    console.print(_told(run, spent, balance), highlight=False)
    return exit_code(spent.state, balance)


def _told(run: Run, spent: Spent, balance: Balance) -> str:
    told = f"{spent.state.value}: {spent.num_pages:,} pages in {spent.seconds:.1f} s. {balance.explain()}"
    if balance.open_uris:
        return f"{told}\n`llava-ocr backfill resume {run.id}` goes on."
    return f"{told}\n`llava-ocr backfill diff {run.id}` shows what would change, `promote` changes it."


def _in_words(found: Estimate, price: float) -> list[str]:
    unopened = f", {found.num_unopened:,} of them never opened" if found.num_unopened else ""
    lines = [f"{found.num_documents:,} documents{unopened}; {found.num_pages:,} pages; {found.size_bytes:,} bytes"]
    if found.hours is None or found.num_tokens is None:
        return [*lines, "nothing was measured with this engine yet, so there is no estimate of time and cost"]
    lines.append(f"{found.num_tokens[0]:,} to {found.num_tokens[1]:,} tokens")
    lines.append(f"{found.hours[0]:.2f} to {found.hours[1]:.2f} hours, from {found.num_samples:,} documents measured")
    cost = found.cost(price)
    return [*lines, f"{cost[0]:.2f} to {cost[1]:.2f} at {price:.2f} an hour"] if cost and price else lines


def _headline(found: Diff) -> list[str]:
    changes = f"{found.num_documents:,} documents, {found.num_changed_documents:,} of them would change"
    return [changes, *(found.losses() or ["nothing would be lost"])]


def _facts(found: Diff) -> dict[str, object]:
    """The difference as JSON; `asdict` would count the counters' items instead of copying them."""
    facts: dict[str, object] = {one.name: getattr(found, one.name) for one in fields(found)}
    facts["samples"] = [asdict(change) for change in found.samples]
    return facts | {"lost_share": found.lost_share}


def _counts_table(found: Diff) -> Table:
    table = Table()
    for column in ("field", "same", "changed", "gained", "lost"):
        table.add_column(column)
    for name in sorted(found.same | found.changed | found.gained | found.lost):
        counts = (found.same[name], found.changed[name], found.gained[name], found.lost[name])
        table.add_row(name, *(f"{count:,}" for count in counts))
    return table


def _samples_table(found: Diff) -> Table:
    table = Table(title="Samples", title_justify="left")
    for column in ("document", "field", "now", "staged"):
        table.add_column(column, overflow="fold")
    for change in found.samples:
        values = (escape(text or "") for text in (change.before, change.after))
        table.add_row(escape(change.uri.rsplit("/", 1)[-1]), change.path, *values)
    return table
