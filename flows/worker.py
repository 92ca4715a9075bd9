"""A Prefect worker that reads shards in its own process, so that the weights are loaded once and not for every run.

`llava-ocr worker --pool gpu` starts one; a machine with several GPUs runs one for each.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

import anyio
import anyio.abc
import anyio.to_thread
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.patience import NO_ANSWER
from flows.process import Process, SharedServices, sharing
from flows.shards import read_one
from llava_ocr.settings import Settings
from llava_ocr.worker import reporting

log = logging.getLogger(__name__)

# Two shards: the pages of one are read while the engine answers the other.
NUM_AT_ONCE = 2
POLL_S = 2.0
# How often the server hears that the worker is there, and how long the pauses grow while it does not answer.
SYNC_S = 30.0
MAX_PAUSE_S = 30.0
# A run that is silent for some of these is taken for crashed, see `flows.automations`.
HEARTBEAT_S = 30


class InProcessWorker(BaseWorker[BaseJobConfiguration, BaseVariables, BaseWorkerResult]):
    """Takes flow runs of `read-shard` from its pool and runs each in a thread of this process."""

    type = "llava-ocr"
    job_configuration = BaseJobConfiguration
    job_configuration_variables = BaseVariables
    _description = "Reads shards in a long-lived process that holds the engine."

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,  # noqa: ARG002 - part of the interface; there is no job to configure
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> BaseWorkerResult:
        """Run one shard to its end. How it ended is the flow's own word, and the ledger's."""
        if task_status is not None:
            task_status.started(0)
        await anyio.to_thread.run_sync(partial(run_flow, read_one, flow_run=flow_run, return_type="state"))
        return BaseWorkerResult(identifier=str(flow_run.id), status_code=0)


def work_in(
    pool: str, settings: Settings, *, host: str, port: int, stop: threading.Event, on_stall: Callable[[], None]
) -> None:
    """Load the engine and read a pool's shards until `stop` is set; what is begun is finished, the rest handed back."""
    services = SharedServices(settings)
    metrics = services.metrics
    process = Process(services, stop, on_stall=on_stall)
    heartbeat = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: HEARTBEAT_S}
    try:
        with sharing(process), temporary_settings(heartbeat), reporting(metrics, stop, host=host, port=port) as at:
            log.info("engine %s; health and metrics at %s:%d", services.engine.profile.name, host, at)
            anyio.run(_poll, InProcessWorker(work_pool_name=pool, limit=NUM_AT_ONCE), stop)
    finally:
        services.close()


async def _poll(worker: InProcessWorker, stop: threading.Event) -> None:
    """Take flow runs until told to stop, whatever becomes of the server meanwhile."""
    async with worker:
        log.info("worker %s takes shards", worker.name)
        synced_at, pause_s = time.monotonic(), POLL_S
        while not stop.is_set():
            try:
                if time.monotonic() - synced_at > SYNC_S:
                    synced_at = time.monotonic()
                    await worker.sync_with_backend()
                await worker.get_and_submit_flow_runs()
                pause_s = POLL_S
            except NO_ANSWER as error:
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
                log.warning(
                    "the Prefect server does not answer (%s); asking again in %.0f s", type(error).__name__, pause_s
                )
            await _sleep(pause_s, stop)
        while worker.limiter.borrowed_tokens:
            await anyio.sleep(0.1)


async def _sleep(seconds: float, stop: threading.Event) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stop.is_set():
        await anyio.sleep(0.1)
