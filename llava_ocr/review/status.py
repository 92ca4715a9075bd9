"""Where a record stands between the machine and the people: the one place that decides what a person looks at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from llava_ocr.records import FieldReading, FieldState, Finding

# A value below this confidence is shown to a person.
REVIEW_BELOW = 0.5
# States that alone say that a person should look.
DOUBTFUL = (FieldState.CONFLICT, FieldState.AMBIGUOUS, FieldState.ILLEGIBLE, FieldState.UNGROUNDED)


class Status(StrEnum):
    """What a list says of a record."""

    TO_CHECK = "to_check"
    SOUND = "sound"
    REVIEWED = "reviewed"
    CONFLICT = "conflict"

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at the record: `needs_review` of views, exports, `--json` and the queue."""
        return self in WAITING


# The records that wait for a person.
WAITING = (Status.TO_CHECK, Status.CONFLICT)


def status_of(
    fields: Sequence[FieldReading],
    findings: Sequence[Finding],
    *,
    is_approved: bool = False,
    num_conflicts: int = 0,
    below: float = REVIEW_BELOW,
) -> Status:
    """Tell where a record stands. A conflict between a person and a newer reading comes before all else.

    To be checked is a record with a check that does not hold or a field that `is_doubtful`, and one of which nothing
    was read: its page may be torn, blank or of another type.
    """
    if num_conflicts:
        return Status.CONFLICT
    if is_approved:
        return Status.REVIEWED
    is_empty = all(field.value is None for field in fields)
    has_doubts = bool(findings) or any(is_doubtful(field, below=below) for field in fields)
    return Status.TO_CHECK if is_empty or has_doubts else Status.SOUND


def is_doubtful(field: FieldReading, *, below: float = REVIEW_BELOW) -> bool:
    """Whether a person should look at a field: its state is doubtful, or its value less sure than `below`."""
    return field.state in DOUBTFUL or (field.state is FieldState.VALUE and field.confidence < below)
