"""The extraction flow: list -> shards -> records -> summary. Order, width and limits only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Annotated

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from pydantic import Field

from flows.dispatch import hand_out
from flows.endings import ended
from flows.progress import showing_progress
from flows.tasks import Shard, read_shard
from llava_ocr.ledger.leases import Lease
from llava_ocr.run import ExtractOrder, Observer, Run, RunEnd, begin, breaking_off, end, ignore, join, plan, wanted
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings
from llava_ocr.work import LOOK_S, claims

# Who watches from the same process, such as the demo's progress bar. Not a parameter: those go to Prefect's server.
OBSERVER: ContextVar[Observer] = ContextVar("observer", default=ignore)


@flow(name="extract", flow_run_name="extract {order.schema_name} from {order.source}", persist_result=False)
def extract(
    order: ExtractOrder,
    pool: Annotated[str, Field(description="The work pool that reads the shards; empty to read them here")] = "",
) -> State[RunEnd]:
    """Read what the order names. Completed only if every page is accounted for and no more failed than the order
    allows, which is nothing unless it says so."""
    started = time.monotonic()
    with open_services(order.settings(load_settings())) as services:
        run = join(order, services) if pool else begin(order, services)
        with breaking_off(run), showing_progress(run):
            if pool:
                _read_there(run, pool)
            else:
                _read_here(run)
        summary = end(run, seconds=time.monotonic() - started)
    create_markdown_artifact(in_markdown(summary), key="extract-summary", description=f"run {summary.run_id}")
    return ended(summary.state, summary.balance, message=summary.balance.explain(), data=summary)


def leases(run: Run, observe: Observer = ignore) -> Iterator[Lease]:
    """Read what is left of a run that is taken up; plan the whole run, so that other workers may share it; then claim
    shards until none is open or held."""
    yield from claims(run)
    _plan(run, observe)
    while (wait_s := run.ledger.wait_s(run.id)) is not None:
        time.sleep(min(wait_s, LOOK_S))
        yield from claims(run)


def _read_here(run: Run) -> None:
    for lease in leases(run, OBSERVER.get()):
        named = read_shard.with_options(task_run_name=f"read shard {lease.shard_index}")
        # What failed is in the ledger, which knows whether it is worth another try.
        named(Shard(run, lease, OBSERVER.get()), return_state=True)


def _read_there(run: Run, pool: str) -> None:
    _plan(run, OBSERVER.get())
    hand_out(run, pool)


def _plan(run: Run, observe: Observer) -> None:
    for _ in plan(run, wanted(run), observe=observe):
        continue


def in_markdown(summary: RunEnd) -> str:
    """The run's accounts as a Prefect artifact; no text of any document is in it."""
    balance = summary.balance
    lines = [
        f"# Run {summary.run_id}",
        "",
        f"**{summary.state.value.capitalize()}**: {balance.explain()}",
        "",
        "| pages | count |",
        "|---|---:|",
        f"| ok | {balance.ok} |",
        f"| failed | {balance.failed} |",
        f"| skipped | {balance.skipped} |",
        "",
        f"{summary.num_records:,} records in {summary.seconds:.1f} s; "
        f"{summary.savings.num_pages:,} pages were answered before, which saved {summary.savings.seconds:.1f} s",
    ]
    for what, reasons in (("documents", balance.documents_by_reason), ("pages", balance.by_reason)):
        if reasons:
            lines += ["", f"| {what} failed or skipped because | count |", "|---|---:|"]
            lines += [f"| {reason} | {count} |" for reason, count in sorted(reasons.items())]
    return "\n".join(lines)
