"""Upkeep: free the shards of workers that died, close runs that nobody works on, delete what is long over."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.queries import running_runs
from llava_ocr.db.retention import prune, vacuum
from llava_ocr.db.session import open_database
from llava_ocr.settings import load_settings


class UpkeepOrder(BaseModel):
    """What upkeep may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: Annotated[str | None, Field(description="Database URL")] = None
    idle_hours: Annotated[
        float, Field(gt=0, description="A run that nobody has worked on for so long is closed; its order takes it up")
    ] = 12.0


class RetentionOrder(BaseModel):
    """What is deleted, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: Annotated[str | None, Field(description="Database URL")] = None
    staged_days: Annotated[float, Field(ge=0, description="Staged records, so long after their run ended")] = 30.0
    attempts_days: Annotated[float, Field(ge=0, description="Who held which shard, so long after the run ended")] = 90.0


@flow(name="upkeep", persist_result=False)
def upkeep(order: UpkeepOrder | None = None) -> State[str]:
    """Reap and settle; whoever claims a dead worker's shard does the same for that shard alone."""
    order = order or UpkeepOrder()
    with open_database(order.database or load_settings().db) as opened:
        ledger = Ledger(opened)
        num_freed = len(ledger.reap())
        num_closed = num_left = 0
        for run_id in running_runs(opened):
            num_closed += ledger.settle(run_id) is not None
            num_left += ledger.break_off(run_id, idle_s=3600 * order.idle_hours) is not None
    return Completed(message=f"{num_freed} shards freed, {num_closed} runs closed, {num_left} given up as abandoned")


@flow(name="retention", persist_result=False)
def retention(order: RetentionOrder | None = None) -> State[str]:
    """Delete what is long over, and let the database tidy up."""
    order = order or RetentionOrder()
    with open_database(order.database or load_settings().db) as opened:
        pruned = prune(opened, staged_days=order.staged_days, attempts_days=order.attempts_days)
        vacuum(opened)
    return Completed(message=f"{pruned.num_staged} staged records and {pruned.num_attempts} attempts deleted")
