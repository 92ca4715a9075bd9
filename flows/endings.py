"""How a run's end is said to Prefect: in the ledger's words."""

from __future__ import annotations

from typing import TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from llava_ocr.ledger.balance import Balance
from llava_ocr.ledger.order import RunState

# Complete, because the order allows that so much fails; the name says that something did.
WITH_FAILURES = "CompletedWithFailures"

T = TypeVar("T")


def ended(state: RunState, balance: Balance, *, message: str, data: T | None = None) -> State[T]:
    """Return Prefect's state for a run that is over, or paused because its budget is spent."""
    if state is RunState.PAUSED:
        return Completed(name="Paused", data=data, message=message)
    if state is RunState.CANCELLED:
        return Cancelled(data=data, message=message)
    if state is not RunState.COMPLETE:
        return Failed(data=data, message=message)
    name = WITH_FAILURES if balance.documents_failed else "Completed"
    return Completed(name=name, data=data, message=message)
