"""Handing the shards of a run to a work pool, and again where whoever took one is gone.

The ledger says what is open. A shard's token rises with every change of hands, so run, shard and token name one
handing out, and Prefect makes no second flow run of the same name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from flows.patience import patiently
from flows.shards import ShardOrder, read_one
from llava_ocr.ledger.leases import Shard
from llava_ocr.run import Run
from llava_ocr.work import LOOK_S

# So many shards wait in the pool at once; the rest stay in the ledger.
MAX_HANDED_OUT = 256
# A shard that is still open so long after it was handed out is asked after.
ASK_AFTER_S = 60.0


@dataclass
class _Handed:
    """A handing out: the flow run, when it was made or asked after, and how often the shard was handed out so."""

    flow_run_id: UUID
    at: float
    num_times: int = 1


def hand_out(run: Run, pool: str) -> None:
    """Have every shard of a planned run read in a pool; returns when none is open or held any more."""
    handed: dict[tuple[int, int], _Handed] = {}
    with get_client(sync_client=True) as client:
        deployment_id = patiently(lambda: client.read_deployment_by_name(f"{read_one.name}/{pool}")).id
        while (wait_s := run.ledger.wait_s(run.id)) is not None:
            run.ledger.reap(run.id)
            due = run.ledger.due(run.id, limit=MAX_HANDED_OUT)
            handed = {key: one for key, one in handed.items() if key in {(s.shard_index, s.token) for s in due}}
            for shard in due:
                key = shard.shard_index, shard.token
                if key not in handed:
                    handed[key] = _Handed(_create(client, deployment_id, run, shard, pool), time.monotonic())
                elif _is_lost(client, handed[key]):
                    num_times = handed[key].num_times + 1
                    flow_run_id = _create(client, deployment_id, run, shard, pool, num_times=num_times)
                    handed[key] = _Handed(flow_run_id, time.monotonic(), num_times)
            time.sleep(min(max(wait_s, 0.5), LOOK_S))


def _create(
    client: SyncPrefectClient, deployment_id: UUID, run: Run, shard: Shard, pool: str, *, num_times: int = 1
) -> UUID:
    order = ShardOrder(
        run_id=run.id,
        shard_index=shard.shard_index,
        engine=run.order.engine,
        database=run.order.database,
        pool=pool,
    )
    key = f"{run.id}/{shard.shard_index}/{shard.token}/{num_times}"
    flow_run = patiently(
        lambda: client.create_flow_run_from_deployment(
            deployment_id, parameters={"shard": order.model_dump()}, state=Scheduled(), idempotency_key=key
        )
    )
    return flow_run.id


def _is_lost(client: SyncPrefectClient, handed: _Handed) -> bool:
    """Whether a flow run that should have claimed its shard by now never will."""
    if time.monotonic() - handed.at < ASK_AFTER_S:
        return False
    handed.at = time.monotonic()
    try:
        state: State[object] | None = patiently(lambda: client.read_flow_run(handed.flow_run_id)).state
    except ObjectNotFound:
        return True
    # One that is scheduled waits for room in the pool. One that is under way for so long without a claim is stuck.
    return state is None or not state.is_scheduled()
