"""Where a record stands between the machine and the people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from llava_ocr.grounding.read import REVIEW_BELOW, needs_review
from llava_ocr.records import FieldReading, Finding


class Status(StrEnum):
    """What a list says of a record."""

    TO_CHECK = "to_check"
    SOUND = "sound"
    REVIEWED = "reviewed"
    CONFLICT = "conflict"


def status_of(
    fields: Sequence[FieldReading],
    findings: Sequence[Finding],
    *,
    is_approved: bool,
    num_conflicts: int,
    below: float = REVIEW_BELOW,
) -> Status:
    """Tell where a record stands. A conflict between a person and a newer reading comes before all else.

    A value less sure than `below` is one to check.
    """
    if num_conflicts:
        return Status.CONFLICT
    if is_approved:
        return Status.REVIEWED
    # A record of which nothing was read is no sound one: the page may be torn, blank or of another type.
    is_empty = all(field.value is None for field in fields)
    return Status.TO_CHECK if is_empty or needs_review(fields, findings, below=below) else Status.SOUND
