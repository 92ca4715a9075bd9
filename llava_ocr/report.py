"""What a run shows a person: a progress bar while it goes, and tables when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from llava_ocr.db.queries import Savings
from llava_ocr.errors import error_classes, error_hint
from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.order import RunState
from llava_ocr.records import DocumentOutcome, FieldReading, FieldState, PageState, Record
from llava_ocr.run import RunEnd

# Rows shown in each table; the rest is counted.
MAX_ROWS = 20
# Characters that a column of the table of records wants; as many fields are shown as the console has room for.
COLUMN_CHARS = 19

STATE_STYLES = {
    FieldState.VALUE: "",
    FieldState.ABSENT: "dim",
    FieldState.ILLEGIBLE: "yellow",
    FieldState.UNGROUNDED: "magenta",
    FieldState.CONFLICT: "red",
    FieldState.AMBIGUOUS: "yellow",
}


STATE_COLOURS = {
    RunState.COMPLETE: "green",
    RunState.FAILED: "red",
    RunState.RUNNING: "yellow",
    RunState.PAUSED: "yellow",
    RunState.CANCELLED: "dim",
}


class Tally:
    """Collects outcomes while a run goes, as far as the tables need them; never more than a few rows of each.

    `num_failures` counts failed documents and failed pages. How the run ended is the ledger's word, not this one's: it
    may have been begun elsewhere.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.failures: list[tuple[str, str, str]] = []
        self.num_records = 0
        self.num_documents = 0
        self.num_kept = 0
        self.num_failed = 0
        self.page_states: Counter[PageState] = Counter()
        self.num_failures = 0

    def add(self, outcome: DocumentOutcome) -> None:
        """Count one document."""
        self.num_documents += 1
        self.num_kept += outcome.is_kept
        self.num_failed += not outcome.is_ok
        self.page_states.update(page.state for page in outcome.pages)
        self.num_records += len(outcome.records)
        self.records.extend(outcome.records[: max(0, MAX_ROWS - len(self.records))])
        name = outcome.uri.rsplit("/", 1)[-1]
        faults = [(name, outcome.reason, outcome.message)] if outcome.reason else []
        faults += [
            (f"{name}, page {page.page_index + 1}", page.reason, page.message)
            for page in outcome.pages
            if page.state is PageState.FAILED
        ]
        self.num_failures += len(faults)
        self.failures.extend(faults[: max(0, MAX_ROWS - len(self.failures))])


@contextmanager
def progress(tally: Tally, console: Console, *, total: int | None) -> Iterator[Progress]:
    """Show a bar over documents; call `update(0, ...)` on what it yields for each."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[tail]}"),
    )
    with Progress(*columns, console=console, transient=False) as bar:
        bar.add_task("documents", total=total, tail="")
        yield bar
        bar.update(bar.task_ids[0], total=tally.num_documents)


def step(bar: Progress, tally: Tally, outcome: DocumentOutcome) -> None:
    """Move the bar on by one document."""
    tally.add(outcome)
    num_pages = sum(tally.page_states.values())
    tail = f"{num_pages} pages, {tally.num_records} records, {tally.num_failed} failed"
    bar.update(bar.task_ids[0], advance=1, tail=tail)


def show_tables(tally: Tally, console: Console) -> None:
    """Print the table of records, then the table of what failed and why."""
    if tally.records:
        records = sorted(tally.records, key=lambda record: record.document.uri)
        console.print(records_table(records, num_columns=max(2, console.width // COLUMN_CHARS - 2)))
        if tally.num_records > len(tally.records):
            console.print(f"... and {tally.num_records - len(tally.records):,} more records")
    if tally.failures:
        console.print(failures_table(tally.failures))
        if tally.num_failures > len(tally.failures):
            console.print(f"... and {tally.num_failures - len(tally.failures):,} more failures")


def records_table(records: list[Record], *, num_columns: int) -> Table:
    """One row a record: the fields that most records have, the number of its rows, and what is to be looked at."""
    paths = _columns(records, num_columns)
    table = Table(title="Records", title_justify="left")
    table.add_column("document", overflow="fold")
    for path in paths:
        table.add_column(path.replace("_", " "), overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("to check", overflow="fold")
    for record in records:
        by_path = {reading.path: reading for reading in record.fields}
        cells = [_cell(by_path.get(path)) for path in paths]
        name = escape(record.document.uri.rsplit("/", 1)[-1])
        table.add_row(name, *cells, str(_num_rows(record)), _to_check(record))
    return table


def failures_table(failures: list[tuple[str, str, str]]) -> Table:
    """One row a failed document or page: where, the class of failure, what was found, what to do."""
    table = Table(title="Failed", title_justify="left")
    for column in ("where", "why", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for where, reason, message in failures:
        table.add_row(escape(where), reason, escape(message), escape(error_hint(reason)))
    return table


def show_summary(summary: RunEnd, console: Console) -> None:
    """Print how the run ended, and its page ledger in words."""
    balance = summary.balance
    state = f"[{STATE_COLOURS[summary.state]}]{summary.state.value}[/]"
    console.print(f"run {summary.run_id} {state}, {summary.seconds:.1f} s: {escape(balance.explain())}")
    if summary.savings.num_pages:
        console.print(savings_line(summary.savings), highlight=False)


def exit_code(state: RunState, balance: Balance) -> int:
    """0 for a run that is complete, or waits for another budget; else 1, or where no document came through, the code of
    what failed them."""
    if state in (RunState.COMPLETE, RunState.PAUSED):
        return 0
    classes = error_classes()
    codes = {classes[reason].exit_code for reason in balance.documents_by_reason if reason in classes}
    is_all = balance.is_balanced and balance.documents_failed == balance.documents_expected
    return codes.pop() if is_all and len(codes) == 1 else 1


def savings_line(savings: Savings) -> str:
    """What known answers saved."""
    return f"{savings.num_pages:,} pages were answered before, which saved {savings.seconds:,.1f} s of the engine"


def show_value(value: object) -> str:
    """A typed value as a person reads it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _columns(records: list[Record], num_columns: int) -> list[str]:
    """The header fields that most records have, in the schema's order."""
    counts: Counter[str] = Counter()
    order: dict[str, int] = {}
    for record in records:
        for position, reading in enumerate(record.fields):
            if "[" not in reading.path:
                order.setdefault(reading.path, position)
                counts[reading.path] += reading.value is not None
    chosen = sorted(counts, key=lambda path: (-counts[path], order[path]))[:num_columns]
    return sorted(chosen, key=order.__getitem__)


def _cell(reading: FieldReading | None) -> str:
    if reading is None:
        return ""
    text = escape(show_value(reading.value)) or f"({reading.state.value})"
    style = STATE_STYLES[reading.state]
    return f"[{style}]{text}[/]" if style else text


def _num_rows(record: Record) -> int:
    return len({reading.path.split("]")[0] for reading in record.fields if "[" in reading.path})


def _to_check(record: Record) -> str:
    states = Counter(reading.state for reading in record.fields)
    odd = [
        f"{states[state]} {state.value}" for state in FieldState if state not in (FieldState.VALUE, FieldState.ABSENT)
    ]
    notes = [note for note in odd if not note.startswith("0 ")] + [finding.check for finding in record.findings]
    if record.needs_review and not notes:
        notes = ["unsure" if any(reading.value is not None for reading in record.fields) else "nothing was read"]
    return escape(", ".join(notes))
