"""Prefect tasks: each wraps one core call. Retries follow the error's own word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from llava_ocr.errors import ExtractionError
from llava_ocr.run import Observer, Run, read
from llava_ocr.store.base import ObjectInfo


class Shard:
    """A fixed slice of a run's objects. No dataclass, because Prefect walks through those looking for futures."""

    def __init__(self, run: Run, infos: Sequence[ObjectInfo], observe: Observer) -> None:
        self.run = run
        self.infos = infos
        self.observe = observe


async def is_retryable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry only what the error itself calls retryable."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, ExtractionError) and error.retryable


@task(
    name="read-shard",
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=4),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_retryable,
    # A shard's effect is its rows in our database, which are idempotent; there is no result worth caching.
    cache_policy=NO_CACHE,
    persist_result=False,
)
def read_shard(shard: Shard) -> None:
    """Read one slice. A second attempt reads only what the first did not finish."""
    read(shard.run, shard.infos, observe=shard.observe)
