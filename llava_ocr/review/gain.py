"""What looking at a record is worth: how likely its fields are wrong, and how much hangs on them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from llava_ocr.records import FieldReading, FieldState
from llava_ocr.review.status import DOUBTFUL

# How likely a person changes a field that is not a plain value, until their own corrections tell better.
_RISKS = {
    FieldState.CONFLICT: 0.8,
    FieldState.AMBIGUOUS: 0.6,
    FieldState.ILLEGIBLE: 0.5,
    FieldState.UNGROUNDED: 0.5,
    FieldState.ABSENT: 0.04,
}
_FINDING_RISK = 0.7
# Cells of a list weigh less than the header: there are many, and the sums check them.
_CELL_WEIGHT = 0.25


def risk(reading: FieldReading) -> float:
    """How likely the field is wrong, 0 to 1: of a value what its confidence leaves, else by its state."""
    return _RISKS.get(reading.state, 1.0 - reading.confidence)


def expected_gain(fields: Sequence[FieldReading], *, num_findings: int, amount: Decimal | None) -> float:
    """Expected mistakes found by looking at a record, weighted by its amount: ten times the money, half as much again.

    Never negative; more risk or more money never lowers it.
    """
    mistakes = sum(risk(field) * (_CELL_WEIGHT if "[" in field.path else 1.0) for field in fields)
    stake = math.log10(1 + abs(float(amount))) if amount is not None and amount.is_finite() else 0.0
    return round((mistakes + _FINDING_RISK * num_findings) * (1 + stake / 2), 4)


def num_doubtful(fields: Sequence[FieldReading]) -> int:
    """Fields whose state alone says that a person should look."""
    return sum(field.state in DOUBTFUL for field in fields)
