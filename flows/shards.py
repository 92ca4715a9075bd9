"""One flow run = one shard, read by whichever worker of a pool takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from flows.endings import WITH_FAILURES
from flows.process import process_for
from llava_ocr.ledger.leases import ShardState
from llava_ocr.logs import without_text
from llava_ocr.owner import this_process
from llava_ocr.run import resume
from llava_ocr.settings import load_settings
from llava_ocr.work import work

# A pool's slots are freed so many seconds after the death of whoever held them.
SLOT_LEASE_S = 60.0


class ShardOrder(BaseModel):
    """Which shard to read. `pool` names the limit on how many may be read at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: Annotated[str, Field(min_length=1, description="A planned run, see `llava-ocr runs list`")]
    shard_index: Annotated[int, Field(ge=0, description="Its shard, from 0")]
    engine: Annotated[str | None, Field(description="The engine that the run began with")] = None
    database: Annotated[str | None, Field(description="Database URL")] = None
    pool: Annotated[str, Field(description="The pool whose concurrency limit holds; empty for none")] = ""


@flow(name="read-shard", flow_run_name="read shard {shard.shard_index} of {shard.run_id}", persist_result=False)
def read_one(shard: ShardOrder) -> State[str]:
    """Read one shard, unless somebody else holds it or it is over; started twice, it is read once."""
    settings = load_settings(db=shard.database, engine=shard.engine)
    with _room(shard.pool), process_for(settings) as process, without_text():
        run = resume(shard.run_id, process.services)
        lease = run.ledger.claim(shard.run_id, shard.shard_index, this_process())
        if lease is None:
            return Completed(message="held, waiting or over")
        work(run, [lease], observe=process.observe, stop=process.stop, on_stall=process.on_stall)
        run.ledger.settle(run.id)
        shard_now = run.ledger.shard(shard.run_id, shard.shard_index)
        assert shard_now is not None, shard
        state = shard_now.state
        num_failed = run.ledger.count_failed(shard.run_id, shard.shard_index)
    if process.stop.is_set() and state is ShardState.OPEN:
        return Completed(name="HandedBack", message="the worker drains; the shard is open for another")
    if state is not ShardState.DONE:
        return Failed(message=f"shard is {state}")
    # Whether that is too many is the whole run's to say.
    name = WITH_FAILURES if num_failed else "Completed"
    return Completed(name=name, message=f"shard is {state}, {num_failed} documents failed")


def limit_of(pool: str) -> str:
    """The name of a pool's global concurrency limit."""
    return f"llava-ocr-{pool}"


@contextmanager
def _room(pool: str) -> Iterator[None]:
    """Wait until the pool may read one more shard. Raises where nobody has set the pool's limit."""
    if not pool:
        yield
        return
    with concurrency(limit_of(pool), strict=True, lease_duration=SLOT_LEASE_S):
        yield
