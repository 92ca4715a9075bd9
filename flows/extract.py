"""The extraction flow: list -> shards -> records -> summary. Order, width and limits only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import count, islice

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.tasks import Shard, read_shard
from llava_ocr.run import ExtractOrder, Observer, Run, RunEnd, begin, end, ignore, listed
from llava_ocr.services import open_services
from llava_ocr.settings import Settings
from llava_ocr.store.base import ObjectInfo

# Who watches from the same process, such as the demo's progress bar. Not a parameter: those go to Prefect's server.
OBSERVER: ContextVar[Observer] = ContextVar("observer", default=ignore)


@flow(name="extract", flow_run_name="extract {order.schema_name} from {order.source}", persist_result=False)
def extract(order: ExtractOrder) -> State[RunEnd]:
    """Read what the order names. Completed only if every page is accounted for and nothing failed."""
    started = time.monotonic()
    with open_services(order.settings(Settings())) as services:
        run = begin(order, services)
        for shard_index, infos in zip(count(), shards(run), strict=False):
            shard = Shard(run, infos, OBSERVER.get())
            read_shard.with_options(task_run_name=f"read shard {shard_index}")(shard)
        summary = end(run, seconds=time.monotonic() - started)
    create_markdown_artifact(in_markdown(summary), key="extract-summary", description=f"run {summary.run_id}")
    finished = Completed if summary.balance.is_green else Failed
    return finished(data=summary, message=summary.balance.explain())


def shards(run: Run) -> Iterator[list[ObjectInfo]]:
    """Cut the listing into slices of the order's size, without holding it."""
    infos = listed(run.order, run.source)
    while shard := list(islice(infos, run.order.shard_size)):
        yield shard


def in_markdown(summary: RunEnd) -> str:
    """The run's accounts as a Prefect artifact; no text of any document is in it."""
    balance = summary.balance
    lines = [
        f"# Run {summary.run_id}",
        "",
        f"**{'Balanced' if balance.is_green else 'Not balanced'}**: {balance.explain()}",
        "",
        "| pages | count |",
        "|---|---:|",
        f"| ok | {balance.ok} |",
        f"| failed | {balance.failed} |",
        f"| skipped | {balance.skipped} |",
        "",
        f"{summary.num_records} records in {summary.seconds:.1f} s",
    ]
    return "\n".join(lines)
