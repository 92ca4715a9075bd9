"""What a fleet asks of the machines that all workers share, which is at its end first, and what moves that end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from llava_ocr.simulation.fleet import HOUR_S, Fleet
from llava_ocr.simulation.simulate import Outcome, Step


@dataclass(frozen=True, slots=True)
class Costs:
    """What a step costs the database's server: milliseconds of its processor, bytes of its log and its tables.

    Middle values of what `llava-ocr bench scale` measured, see tests/benchmarks/scale-postgres.jsonl; invoices of 50
    fields. A claim reads every shard that is held, and walks past those that are over, so it grows with both.
    """

    claim_ms: float = 1.0
    claim_ms_per_1000_held: float = 4.5
    claim_ms_per_million_shards: float = 80.0
    hold_ms: float = 1.3
    save_ms: float = 5.8
    save_ms_per_document: float = 1.45
    small_step_ms: float = 0.75
    hand_back_ms: float = 3.0
    log_bytes_per_document: float = 24_500.0
    log_bytes_per_step: float = 1_000.0
    table_bytes_per_document: float = 17_000.0
    rows_per_document: float = 58.0


@dataclass(frozen=True, slots=True)
class Machines:
    """What the shared machines can take. Of each, the share `usable` may be asked for in the long run.

    A worker keeps `connections_per_worker` open to the database. `prefect_per_run` are the API calls of one flow run,
    `prefect_per_worker_s` those of a Prefect worker that only polls and beats. Prices are those of an hour.
    """

    database_cores: int = 32
    database_log_bytes_per_s: float = 500e6
    database_connections: int = 500
    connections_per_worker: int = 5
    prefect_calls_per_s: float = 200.0
    prefect_per_run: float = 40.0
    prefect_per_worker_s: float = 0.13
    store_gets_per_s: float = 5_500.0
    usable: float = 0.7
    worker_price: float = 3.0
    shared_price: float = 10.0


@dataclass(frozen=True, slots=True)
class Demand:
    """One shared resource: what is asked of it, and what it can give."""

    resource: str
    unit: str
    asked: float
    given: float

    @property
    def utilisation(self) -> float:
        """The share that is asked for; over 1 it can't keep up."""
        return self.asked / self.given


@dataclass(frozen=True, slots=True)
class Rung:
    """How many workers the shared machines bear, what is at its end then, and which change brought it there."""

    change: str
    first: Demand
    max_workers: int


Setting = tuple[Costs, Machines]
# What there is to do about a resource, in the order in which to do it; the names are explained in docs/scale.md.
CHANGES: dict[str, tuple[tuple[str, Callable[[Costs, Machines], Setting]], ...]] = {
    "database connections": (
        ("connection pooler", lambda costs, machines: (costs, replace(machines, database_connections=20_000))),
        ("ten poolers", lambda costs, machines: (costs, replace(machines, database_connections=200_000))),
    ),
    "Prefect API": (
        (
            "workers claim by themselves",
            lambda costs, machines: (costs, replace(machines, prefect_per_run=0.0, prefect_per_worker_s=0.0)),
        ),
    ),
    "database processor": (
        (
            "index for claims",
            lambda costs, machines: (
                replace(costs, claim_ms_per_1000_held=0.0, claim_ms_per_million_shards=0.0),
                machines,
            ),
        ),
        ("holds by the batch", lambda costs, machines: (replace(costs, hold_ms=costs.hold_ms / 10), machines)),
        ("database of 128 cores", lambda costs, machines: (costs, replace(machines, database_cores=128))),
    ),
    "object store": (("four prefixes", lambda costs, machines: (costs, replace(machines, store_gets_per_s=22_000.0))),),
}


def database_writes_per_s(outcome: Outcome) -> float:
    """Transactions that write, per second of the run."""
    return (outcome.steps.total() - outcome.steps[Step.LOOK]) / outcome.seconds


def prefect_calls_per_s(outcome: Outcome, fleet: Fleet, machines: Machines) -> float:
    """API calls a second if every shard is a flow run; where workers claim by themselves there is one run in all."""
    per_worker = fleet.num_workers * machines.prefect_per_worker_s
    return outcome.steps[Step.CLAIM] / outcome.seconds * machines.prefect_per_run + per_worker


def demands(outcome: Outcome, fleet: Fleet, costs: Costs, machines: Machines) -> list[Demand]:
    """What is asked of each shared resource, the one that is asked most of first."""
    documents_per_s = outcome.steps[Step.HOLD] / outcome.seconds
    log_bytes = costs.log_bytes_per_document * documents_per_s
    log_bytes += costs.log_bytes_per_step * database_writes_per_s(outcome)
    connections = float(fleet.num_workers * machines.connections_per_worker)
    asked = [
        Demand("database processor", "cores", _cores(outcome, fleet, costs), machines.database_cores),
        Demand("database log", "bytes a second", log_bytes, machines.database_log_bytes_per_s),
        Demand("database connections", "connections", connections, machines.database_connections),
        Demand(
            "Prefect API",
            "calls a second",
            prefect_calls_per_s(outcome, fleet, machines),
            machines.prefect_calls_per_s,
        ),
        Demand("object store", "gets a second", documents_per_s, machines.store_gets_per_s),
    ]
    return sorted(asked, key=lambda demand: -demand.utilisation)


def ladder(outcome: Outcome, fleet: Fleet, costs: Costs, machines: Machines) -> list[Rung]:
    """The first bottleneck, and one after another those that appear when it is removed, until nothing is known to do.

    Everything asked is taken to grow with the workers, which is so while no resource is full.
    """
    left = {resource: list(changes) for resource, changes in CHANGES.items()}
    rungs, change = [], ""
    while True:
        first = demands(outcome, fleet, costs, machines)[0]
        rungs.append(Rung(change, first, int(fleet.num_workers * machines.usable / first.utilisation)))
        if not left.get(first.resource):
            return rungs
        change, make = left[first.resource].pop(0)
        costs, machines = make(costs, machines)


def price(outcome: Outcome, fleet: Fleet, machines: Machines) -> float:
    """What the run costs: every worker and the shared machines, to its end."""
    return outcome.seconds / HOUR_S * (fleet.num_workers * machines.worker_price + machines.shared_price)


def _cores(outcome: Outcome, fleet: Fleet, costs: Costs) -> float:
    """Cores of the database's server that are busy."""
    num_shards = fleet.num_documents / fleet.shard_size
    claim_ms = (
        costs.claim_ms
        + costs.claim_ms_per_1000_held * fleet.num_workers / 1e3
        + costs.claim_ms_per_million_shards * num_shards / 1e6
    )
    steps = outcome.steps
    busy_ms = (
        steps[Step.CLAIM] * claim_ms
        + steps[Step.HOLD] * costs.hold_ms
        + steps[Step.SAVE] * costs.save_ms
        + outcome.num_documents * costs.save_ms_per_document
        + (steps[Step.RENEW] + steps[Step.BEGIN]) * costs.small_step_ms
        + steps[Step.HAND_BACK] * costs.hand_back_ms
    )
    return busy_ms / 1e3 / outcome.seconds
