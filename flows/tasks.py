"""Prefect tasks: each wraps one core call. What is tried again, and when, is the ledger's word, not Prefect's."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from llava_ocr.ledger.leases import Lease
from llava_ocr.logs import without_text
from llava_ocr.run import Observer, Run
from llava_ocr.work import work


class Shard:
    """A shard that is held here. No dataclass, because Prefect walks through those looking for futures."""

    def __init__(self, run: Run, lease: Lease, observe: Observer) -> None:
        self.run = run
        self.lease = lease
        self.observe = observe


@task(
    name="read-shard",
    # A shard's effect is its rows in our database, which are idempotent; there is no result worth caching.
    cache_policy=NO_CACHE,
    persist_result=False,
)
def read_shard(shard: Shard) -> None:
    """Read one shard and hand it back. Raises what the engine or the database raised; the ledger knows by then."""
    # Prefect keeps and shows all that an exception says, causes included.
    with without_text():
        work(shard.run, [shard.lease], observe=shard.observe)
