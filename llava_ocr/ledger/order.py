"""What a run is asked to do, and when reading a document again can't help. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from llava_ocr import errors
from llava_ocr.errors import ExtractionError, InputError, OutputError
from llava_ocr.records import DocumentOutcome, PageState

# Why an object is skipped that is none to read.
NOT_A_DOCUMENT = "not a document"
# How documents are named; an object that is named otherwise may be anything.
DOCUMENT_SUFFIXES = frozenset(
    {"pdf", "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "webp", "bmp", "gif", "heic", "heif", "jp2", "avif"}
)


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
    """How a run stands: COMPLETE when what was asked for was read, FAILED when something is missing or too much failed
    (`balance.end_state` says which), CANCELLED by a person.

    PAUSED: its budget is spent, nobody is to read for it until it is resumed.
    """

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    FAILED = "failed"
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


def outcome_word(outcome: DocumentOutcome) -> str:
    """Say in one word what came of a document, as logs and metrics do."""
    if outcome.is_kept:
        return "kept"
    return "skipped" if outcome.skipped else "ok" if outcome.is_ok else "failed"


def is_no_document(uri: str, reason: str) -> bool:
    """Whether what failed for this reason is none to read, by bytes and name: a note, an archive, a `truth.jsonl`.

    What is named as a document and is none has failed.
    """
    _, dot, suffix = uri.rsplit("/", 1)[-1].rpartition(".")
    if dot and suffix.lower() in DOCUMENT_SUFFIXES:
        return False
    # Nobody has looked into what is too large, so its name alone must say what it is.
    is_unread = bool(dot) and reason == errors.DocumentTooLarge.__name__
    return is_unread or reason in (errors.UnknownFormat.__name__, errors.EmptyDocument.__name__)


def without_other_files(outcome: DocumentOutcome) -> DocumentOutcome:
    """Turn a failure into a skip where the object is no document."""
    if not is_no_document(outcome.uri, outcome.reason):
        return outcome
    return replace(outcome, skipped=NOT_A_DOCUMENT, reason="", message="", num_pages=0, pages=())


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
