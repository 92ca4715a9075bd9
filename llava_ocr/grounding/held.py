"""Which values a check holds to: had one of them been read wrongly, the check would have failed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from llava_ocr.records import FieldReading, Finding

Check = Callable[[Sequence[FieldReading]], Sequence[Finding]]


def held_paths(fields: Sequence[FieldReading], check: Check) -> frozenset[str]:
    """Return the paths of numbers that some check is about, whether it holds or not.

    A check says nothing while it holds, so every number is shifted by an amount of its own, and what then fails is
    what is checked.
    """
    shifted = [_shifted(one, index) for index, one in enumerate(fields)]
    return frozenset(path for finding in check(shifted) for path in finding.paths)


def _shifted(one: FieldReading, index: int) -> FieldReading:
    if not isinstance(one.value, Decimal) or not one.value.is_finite():
        return one
    # An amount that no sum or product of others makes good by accident.
    return replace(one, value=one.value + 37 * (index + 1) + Decimal("0.13") * (index * index + 1))
