"""Backfill: read documents again into a stage that no view shows, within a budget. Promoting it is for a person."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from pydantic import BaseModel, ConfigDict, Field

from flows.endings import ended
from llava_ocr.backfill import Spent, read_within, stage
from llava_ocr.ledger.backfill import Budget, Why
from llava_ocr.ledger.balance import Balance
from llava_ocr.run import ExtractOrder, Run
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings


class BackfillOrder(BaseModel):
    """Which documents to read again, and what that may take. Several reasons add up; none means everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: Annotated[ExtractOrder, Field(description="What to read and how")]
    is_stale: Annotated[bool, Field(description="Those not read with the present schema and engine")] = False
    below_confidence: Annotated[float | None, Field(ge=0, le=1, description="Those with a less certain value")] = None
    failed: Annotated[tuple[str, ...], Field(description="Those that failed so")] = ()
    max_pages: Annotated[int | None, Field(ge=1, description="Stop after so many pages")] = None
    max_hours: Annotated[float | None, Field(gt=0, description="Stop after so many hours")] = None
    max_cost: Annotated[float | None, Field(gt=0, description="Stop when hours times the price are so much")] = None
    price_per_hour: Annotated[float, Field(ge=0, description="What an hour of the machine costs")] = 0.0


@flow(name="backfill", flow_run_name="backfill {backfill.order.schema_name}", persist_result=False)
def backfill(backfill: BackfillOrder) -> State[str]:
    """Begin a backfill, or go on with the one of the same order whose budget was spent."""
    budget = Budget(backfill.max_pages, backfill.max_hours, backfill.max_cost, backfill.price_per_hour)
    why = Why(backfill.is_stale, backfill.below_confidence, backfill.failed)
    with open_services(backfill.order.settings(load_settings())) as services:
        run = stage(backfill.order, why, services)
        spent = read_within(run, budget)
        balance = run.database.balance(run.id)
    told = _told(run, spent, balance)
    create_markdown_artifact(told, key="backfill-summary", description=f"run {run.id}")
    return ended(spent.state, balance, message=told)


def _told(run: Run, spent: Spent, balance: Balance) -> str:
    stopped = "The budget is spent; the same order goes on. " if spent.is_spent and balance.open_uris else ""
    return f"Run {run.id}, staged: {spent.num_pages:,} pages in {spent.seconds:.0f} s. {stopped}{balance.explain()}"
