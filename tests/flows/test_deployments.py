"""`infra/prefect.yaml`: what it deploys exists and would be accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import load_flow_from_entrypoint

from flows.automations import crashed_starts_again, silent_is_crashed
from flows.setup import PROCESS_POOLS, SHARD_POOLS

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "infra" / "prefect.yaml").read_text(encoding="utf-8")
)["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_a_deployment_names_a_flow_and_takes_its_parameters(deployment: dict[str, Any]) -> None:
    found: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"])
    assert found.name in (
        "extract",
        "read-shard",
        "upkeep",
        "retention",
        "backfill",
        "evaluate",
        "ask",
        "describe",
        "searchable",
    )
    if deployment["parameters"]:
        found.validate_parameters(deployment["parameters"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_shards_are_read_in_pools_of_their_own_named_like_their_deployment(deployment: dict[str, Any]) -> None:
    pool = deployment["work_pool"]["name"]
    assert (pool in SHARD_POOLS) == ("shard" in deployment["tags"])
    assert pool in PROCESS_POOLS or pool == deployment["name"]


def test_schedules_say_their_time_zone_and_start_paused() -> None:
    for scheduled in (one for one in DEPLOYMENTS if one["schedules"]):
        [schedule] = scheduled["schedules"]
        assert CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
        assert scheduled["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
        assert scheduled["paused"]
        assert not schedule["active"]


def test_the_nightly_run_is_incremental_and_names_a_pool() -> None:
    [nightly] = [one for one in DEPLOYMENTS if one["name"] == "nightly"]
    assert nightly["parameters"]["order"]["is_incremental"]
    assert nightly["parameters"]["pool"] in SHARD_POOLS


def test_only_what_hands_out_is_started_again() -> None:
    assert "extract" in str(crashed_starts_again().model_dump())
    assert silent_is_crashed(silence_s=15).trigger.within.total_seconds() == 15
