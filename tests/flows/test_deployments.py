"""`infra/prefect.yaml`: what it deploys exists and would be accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import load_flow_from_entrypoint

from llava_ocr.run import ExtractOrder

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "infra" / "prefect.yaml").read_text(encoding="utf-8")
)["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_a_deployment_names_a_flow_that_is_there(deployment: dict[str, Any]) -> None:
    found: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"])
    assert found.name == "extract"
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_the_order_of_a_deployment_is_one(deployment: dict[str, Any]) -> None:
    for order in deployment["parameters"].values():
        ExtractOrder.model_validate(order)


def test_schedules_say_their_time_zone_and_start_paused() -> None:
    [scheduled] = [one for one in DEPLOYMENTS if one["schedules"]]
    [schedule] = scheduled["schedules"]
    assert CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    assert scheduled["paused"]
    assert not schedule["active"]
