"""`python -m flows.setup`: makes what the deployments need on a Prefect server. Doing it again changes only limits.

python -m flows.setup --gpus 4 --cpus 8 && prefect --no-prompt deploy --all --prefect-file infra/prefect.yaml
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker
from rich.console import Console

from flows.automations import save_automations
from flows.shards import limit_of
from flows.worker import NUM_AT_ONCE, InProcessWorker
from llava_ocr.cli.app import guarded

# Where each pool's flow runs happen: planning in processes of their own, shards in the workers' own process.
PROCESS_POOLS = ("extract",)
SHARD_POOLS = ("gpu", "cpu")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def setup(
    gpus: Annotated[int, typer.Option(min=1, help="GPU workers; twice as many shards are read at once")] = 1,
    cpus: Annotated[int, typer.Option(min=1, help="CPU workers; twice as many shards are read at once")] = 1,
) -> None:
    """Make the work pools, their concurrency limits and the automations that start crashed runs again."""
    with get_client(sync_client=True) as client:
        for name in PROCESS_POOLS:
            _make_pool(client, name, ProcessWorker.type, ProcessWorker.get_default_base_job_template())
        for name, num_workers in zip(SHARD_POOLS, (gpus, cpus), strict=True):
            _make_pool(client, name, InProcessWorker.type, InProcessWorker.get_default_base_job_template())
            client.upsert_global_concurrency_limit_by_name(limit_of(name), num_workers * NUM_AT_ONCE)
    save_automations()
    Console().print(f"pools {', '.join(PROCESS_POOLS + SHARD_POOLS)}, their limits and automations are there")


def _make_pool(client: SyncPrefectClient, name: str, kind: str, template: dict[str, object]) -> None:
    try:
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))
    except ObjectAlreadyExists:
        return


if __name__ == "__main__":
    sys.exit(guarded(app, sys.argv[1:]))
