"""`llava-ocr simulate`: a run on paper, by the ledger's own policy."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from llava_ocr.simulation.fleet import DAY_S, HOUR_S, Faults, Fleet
from llava_ocr.simulation.load import (
    Costs,
    Machines,
    database_writes_per_s,
    demands,
    ladder,
    prefect_calls_per_s,
    price,
)
from llava_ocr.simulation.simulate import Outcome, Simulation

FLEET, FAULTS, MACHINES = Fleet(), Faults(), Machines()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="simulate")(simulate)


def simulate(
    pages: Annotated[int, typer.Option(min=1, help="Pages of the run")] = FLEET.num_pages,
    workers: Annotated[int, typer.Option(min=1)] = FLEET.num_workers,
    shard_size: Annotated[int, typer.Option(min=1, help="Documents in a shard")] = FLEET.shard_size,
    pages_per_document: Annotated[int, typer.Option(min=1)] = FLEET.pages_per_document,
    pages_per_s: Annotated[float, typer.Option(min=1e-3, help="Of one worker")] = FLEET.pages_per_s,
    deaths: Annotated[float, typer.Option(min=0.0, help="Per worker and day")] = FAULTS.deaths_per_day,
    freezes: Annotated[
        float, typer.Option(min=0.0, help="Per worker and day, each longer than a lease")
    ] = FAULTS.freezes_per_day,
    put_offs: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of shards that meet a failure that passes")
    ] = FAULTS.put_offs_per_shard,
    poison: Annotated[
        float, typer.Option(min=0.0, max=1e6, help="Documents in a million that kill their worker")
    ] = FAULTS.poison_per_million,
    cores: Annotated[int, typer.Option(min=1, help="Of the database's server")] = MACHINES.database_cores,
    connections: Annotated[int, typer.Option(min=1, help="That it takes")] = MACHINES.database_connections,
    price_per_hour: Annotated[float, typer.Option(min=0.0, help="Of one worker")] = MACHINES.worker_price,
    seed: Annotated[int, typer.Option()] = 0,
) -> int:
    """Run a fleet on paper and print one JSON object: time, writes, API calls, cost, bottlenecks. No page is read."""
    fleet = Fleet(pages, pages_per_document, shard_size, workers, pages_per_s)
    faults = Faults(deaths, freezes, put_offs_per_shard=put_offs, poison_per_million=poison)
    machines = Machines(database_cores=cores, database_connections=connections, worker_price=price_per_hour)
    started = time.perf_counter()
    outcome = Simulation(fleet, faults, seed=seed).run()
    told = told_of(outcome, fleet, machines) | {"simulated_in_s": round(time.perf_counter() - started, 1)}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0 if told["lost_pages"] == 0 else 1


def told_of(outcome: Outcome, fleet: Fleet, machines: Machines) -> dict[str, object]:
    """The run's figures, ready for JSON."""
    per_document = fleet.pages_per_document
    num_accounted = outcome.num_ok + outcome.num_poison + outcome.num_given_up
    return {
        "pages": outcome.num_documents * per_document,
        "workers": fleet.num_workers,
        "shards": -(-outcome.num_documents // fleet.shard_size),
        "hours": round(outcome.seconds / HOUR_S, 2),
        "days": round(outcome.seconds / DAY_S, 2),
        "tail_minutes": round((outcome.seconds - outcome.full_s) / 60, 1),
        "pages_per_s": round(outcome.num_ok * per_document / outcome.seconds, 1),
        "busy_share": round(outcome.busy_s / (fleet.num_workers * outcome.seconds), 4),
        "lost_pages": (outcome.num_documents - num_accounted) * per_document,
        "poison_pages": outcome.num_poison * per_document,
        "given_up_pages": outcome.num_given_up * per_document,
        "stopped_shards": outcome.num_stopped_shards,
        "reread_pages": outcome.num_reread * per_document,
        "reread_share": round(outcome.num_reread / outcome.num_documents, 7),
        "deaths": outcome.num_deaths,
        "freezes": outcome.num_freezes,
        "refused_writes": outcome.num_refused,
        "endings": {ending.value: count for ending, count in sorted(outcome.endings.items())},
        **_load_of(outcome, fleet, machines),
    }


def _load_of(outcome: Outcome, fleet: Fleet, machines: Machines) -> dict[str, object]:
    """What the run asks of the shared machines, and what it costs."""
    costs, cost = Costs(), price(outcome, fleet, machines)
    num_pages = outcome.num_documents * fleet.pages_per_document
    return {
        "steps_per_s": {step.value: round(count / outcome.seconds, 3) for step, count in outcome.steps.items()},
        "database_writes_per_s": round(database_writes_per_s(outcome), 1),
        "database_rows_per_s": round(outcome.num_ok / outcome.seconds * costs.rows_per_document),
        "database_tables_gb": round(outcome.num_documents * costs.table_bytes_per_document / 1e9),
        "prefect_calls_per_s_if_shards_are_flow_runs": round(prefect_calls_per_s(outcome, fleet, machines), 1),
        "cost": round(cost),
        "cost_per_million_pages": round(cost / num_pages * 1e6, 2),
        "demands": [
            asdict(one) | {"asked": round(one.asked, 2), "utilisation": round(one.utilisation, 3)}
            for one in demands(outcome, fleet, costs, machines)
        ],
        "bottlenecks": [
            {"after": rung.change or "nothing", "first": rung.first.resource, "workers_at_most": rung.max_workers}
            for rung in ladder(outcome, fleet, costs, machines)
        ],
    }
