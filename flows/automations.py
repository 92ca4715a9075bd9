"""What the Prefect server does by itself: it notices runs that fell silent, and starts crashed ones again.

A crashed run is started anew, never re-scheduled: that would kill the worker which still holds it. The new one takes
up the run in the ledger that was left, so nothing is read twice; the ledger counts the deaths and puts an end to it.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture, RunDeployment
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

# Two missed heartbeats and a half; workers send one every 30 s.
SILENCE_S = 75.0
ENDED = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
HEARTBEAT = "prefect.flow-run.heartbeat"
FLOW_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
# Shards are handed out again by their run, so only what hands out is started again.
RESTARTED = "extract"


def silent_is_crashed(*, silence_s: float = SILENCE_S) -> AutomationCore:
    """Call a run crashed that sent heartbeats and then neither another nor its end."""
    return AutomationCore(
        name="llava-ocr: silent runs have crashed",
        trigger=EventTrigger(
            after={HEARTBEAT},
            expect={HEARTBEAT, *ENDED},
            match=FLOW_RUNS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=silence_s),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="no heartbeat any more")],
    )


def crashed_starts_again() -> AutomationCore:
    """Start a crashed extraction again, with the same order."""
    return AutomationCore(
        name="llava-ocr: crashed extractions start again",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=FLOW_RUNS,
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": RESTARTED},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(seconds=0),
        ),
        actions=[
            RunDeployment(source="inferred", parameters={name: _same(name) for name in ("order", "pool")}),
        ],
    )


def save_automations(*, silence_s: float = SILENCE_S) -> None:
    """Make the automations, in place of those of the same name."""
    with get_client(sync_client=True) as client:
        for wanted in (silent_is_crashed(silence_s=silence_s), crashed_starts_again()):
            for old in client.read_automations_by_name(wanted.name):
                client.delete_automation(old.id)
            client.create_automation(wanted)


def _same(parameter: str) -> dict[str, object]:
    """The crashed run's own value of a parameter."""
    template = "{{ flow_run.parameters['" + parameter + "'] | tojson }}"
    return {"__prefect_kind": "json", "value": {"__prefect_kind": "jinja", "template": template}}
