"""`llava-ocr runs list|show|failures|retry|cancel`: what was ordered, how it stands, and what to do about it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llava_ocr.db.ledger import Attempt, Ledger
from llava_ocr.db.queries import Failure, RunInfo, list_failures, list_runs, running_runs, summarize_run
from llava_ocr.db.session import Database, existing_database
from llava_ocr.errors import error_hint
from llava_ocr.ledger.leases import Ending, Shard, ShardState
from llava_ocr.owner import is_gone
from llava_ocr.report import STATE_COLOURS, savings_line
from llava_ocr.settings import load_settings

app = typer.Typer(help="Runs: list, show, failures, retry, cancel.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]
RunId = Annotated[str, typer.Argument(help="A run's id, see `llava-ocr runs list`")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output")]
Limit = Annotated[int, typer.Option(min=1, help="Show at most so many")]
DEATHS = (Ending.EXPIRED, Ending.STALLED, Ending.OVERDUE)


@app.command("list")
def list_(limit: Limit = 20, db: Url = None, as_json: AsJson = False) -> int:
    """List the newest runs."""
    with _opened(db) as database:
        found = list_runs(database, limit=limit)
    if as_json:
        return _dump([asdict(run) for run in found])
    table = Table()
    for column in ("run", "state", "schema", "source", "engine", "started"):
        table.add_column(column, overflow="fold")
    for run in found:
        table.add_row(
            run.id, _state(run), run.schema, escape(run.source), escape(run.engine), f"{run.started_at:%F %T}"
        )
    Console().print(table)
    return 0


@app.command()
def show(run_id: RunId, db: Url = None, as_json: AsJson = False) -> int:
    """Show a run's accounts, its shards by state, and who holds what."""
    with _opened(db) as database:
        ledger = Ledger(database)
        summary, shards, attempts = summarize_run(database, run_id), ledger.shards(run_id), ledger.attempts(run_id)
    if as_json:
        facts = {"run": asdict(summary.run), "balance": asdict(summary.balance), "num_records": summary.num_records}
        facts["savings"] = asdict(summary.savings)
        return _dump(facts | {"shards": [asdict(s) for s in shards], "attempts": [asdict(a) for a in attempts]})
    console = Console()
    console.print(f"run {run_id}: {_state(summary.run)}, {escape(summary.run.source)} as {summary.run.schema}")
    console.print(escape(summary.balance.explain()), highlight=False)
    console.print(f"{summary.num_records:,} records, {summary.num_needing_review:,} to check", highlight=False)
    if summary.savings.num_pages:
        console.print(savings_line(summary.savings), highlight=False)
    console.print(shards_line(shards), highlight=False)
    if attempts:
        console.print(attempts_line(attempts), highlight=False)
    table = _troubled(shards)
    if table.row_count:
        console.print(table)
    return 0


@app.command()
def failures(run_id: RunId, limit: Limit = 1_000, db: Url = None, as_json: AsJson = False) -> int:
    """List what failed in a run, why, and what to do about it."""
    with _opened(db) as database:
        summarize_run(database, run_id)
        found = list_failures(database, run_id, limit=limit)
    if as_json:
        return _dump([asdict(failure) for failure in found])
    Console().print(_failures_table(found))
    return 0


@app.command()
def retry(
    run_id: RunId,
    reason: Annotated[
        list[str] | None, typer.Option(help="A failure class to try again; repeatable. Default: those worth it")
    ] = None,
    db: Url = None,
) -> int:
    """Open failures, stopped shards and what was cancelled again; the next `extract` of the same order reads them."""
    with _opened(db) as database:
        num_shards = Ledger(database).retry(run_id, reasons=reason)
        num_open = len(database.balance(run_id).open_uris)
    Console().print(f"{num_open:,} documents in {num_shards:,} shards are open again", highlight=False)
    return 0


@app.command()
def cancel(run_id: RunId, db: Url = None) -> int:
    """Stop a run: what had not ended is skipped, and whoever still reads for it can write nothing."""
    with _opened(db) as database:
        balance = Ledger(database).cancel(run_id)
    Console().print(escape(balance.explain()), highlight=False)
    return 0


@app.command()
def reap(db: Url = None) -> int:
    """Free the shards of workers that are gone, in all runs, and close runs that have nothing left to do."""
    with _opened(db) as database:
        ledger = Ledger(database, is_gone=is_gone)
        freed = ledger.reap()
        settled = [run_id for run_id in running_runs(database) if ledger.settle(run_id) is not None]
    Console().print(f"{len(freed):,} shards freed, {len(settled):,} runs closed", highlight=False)
    return 0


def shards_line(shards: list[Shard]) -> str:
    """How many shards are in each state."""
    counts = Counter(shard.state for shard in shards)
    told = ", ".join(f"{counts[state]:,} {state.value}" for state in ShardState if counts[state])
    return f"{len(shards):,} shards: {told}" if shards else "no shards"


def attempts_line(attempts: list[Attempt]) -> str:
    """How holdings of shards ended, with the failure classes behind them."""
    counts = Counter((str(one.ending or "held"), one.reason) for one in attempts)
    told = ", ".join(
        f"{count:,} {ending}" + (f" ({reason})" if reason else "") for (ending, reason), count in counts.most_common()
    )
    num_deaths = sum(one.ending in DEATHS for one in attempts)
    return f"{len(attempts):,} attempts: {told}" + (f"; workers died {num_deaths:,} times" if num_deaths else "")


def _opened(url: str | None) -> Database:
    return existing_database(url or load_settings().db)


def _state(run: RunInfo) -> str:
    return f"[{STATE_COLOURS[run.state]}]{run.state.value}[/]"


def _troubled(shards: list[Shard]) -> Table:
    """The shards that a person may want to look at: held, stopped, or waiting after a failure."""
    table = Table(title="Shards", title_justify="left")
    for column in ("shard", "state", "objects", "held by", "until", "tries", "deaths"):
        table.add_column(column, overflow="fold")
    for shard in shards:
        if shard.state in (ShardState.LEASED, ShardState.STOPPED) or shard.not_before:
            until = shard.lease_until or shard.not_before
            numbers = (str(shard.num_tries), str(shard.num_crashes))
            when = f"{until:%F %T}" if until else ""
            table.add_row(
                str(shard.shard_index), shard.state, str(shard.num_objects), escape(shard.owner), when, *numbers
            )
    return table


def _failures_table(found: list[Failure]) -> Table:
    table = Table()
    for column in ("where", "why", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for failure in found:
        page = "" if failure.page_index is None else f", page {failure.page_index + 1}"
        hint = escape(error_hint(failure.reason))
        table.add_row(escape(failure.uri + page), failure.reason, escape(failure.message), hint)
    return table


def _dump(facts: object) -> int:
    typer.echo(json.dumps(facts, default=str))
    return 0
