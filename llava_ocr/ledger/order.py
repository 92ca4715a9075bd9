"""What a run is asked to do, and when reading a document again can't help. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from llava_ocr import errors
from llava_ocr.errors import ExtractionError, InputError, OutputError
from llava_ocr.records import DocumentOutcome, PageState


class Stage(StrEnum):
    """Where a run's records go: LIVE ones count at once, STAGED ones wait to be PROMOTED."""

    LIVE = "live"
    STAGED = "staged"
    PROMOTED = "promoted"


@dataclass(frozen=True, slots=True)
class Order:
    """One order of work: what is read, as which schema, by which engine.

    The fingerprints cover everything that can change an answer; `arguments` are the rest of the order, for people,
    and must be JSON values without secrets.
    """

    source: str
    schema: str
    schema_fingerprint: str
    engine: str
    engine_fingerprint: str
    stage: Stage = Stage.LIVE
    arguments: Mapping[str, object] = field(default_factory=dict)


class RunState(StrEnum):
    """How a run stands: GREEN when its accounts balance, RED when something is missing, CANCELLED by a person.

    PAUSED: its budget is spent, nobody is to read for it until it is resumed.
    """

    RUNNING = "running"
    PAUSED = "paused"
    GREEN = "green"
    RED = "red"
    CANCELLED = "cancelled"


class ReadState(StrEnum):
    """How one planned object stands in a run."""

    PLANNED = "planned"
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


def read_state(outcome: DocumentOutcome) -> ReadState:
    """Say how a document ended: FAILED as soon as one of its pages did."""
    return ReadState.OK if outcome.is_ok else ReadState.FAILED


def read_reason(outcome: DocumentOutcome) -> str:
    """Return the failure class that stands for the whole document, empty when ok.

    Of several failed pages, one whose failure may go away on another try speaks for all.
    """
    if outcome.reason:
        return outcome.reason
    reasons = [page.reason for page in outcome.pages if page.state is PageState.FAILED]
    return next((reason for reason in reasons if not is_final(reason)), next(iter(reasons), ""))


def is_final(reason: str) -> bool:
    """Whether a failure class lies with the document or the answer, so that the same order would fail again."""
    error = getattr(errors, reason, None)
    if not (isinstance(error, type) and issubclass(error, ExtractionError)):
        return False
    return issubclass(error, (InputError, OutputError)) and not error.retryable
