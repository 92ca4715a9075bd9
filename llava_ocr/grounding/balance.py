"""Arithmetic chooses among candidates: where checks fail or pages disagree, another reading may balance. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import islice, product
from math import prod

from llava_ocr.records import FieldReading, FieldState, Finding

# No more combinations are tried than this, those that change least first.
MOST_TRIALS = 200
# Nor more readings of one field.
MOST_RIVALS = 4

Check = Callable[[Sequence[FieldReading]], Sequence[Finding]]


@dataclass(frozen=True)
class _Doubt:
    """A field that is in doubt, and the readings it may have, the present one first unless it has no value."""

    path: str
    options: tuple[FieldReading, ...]


def balance(
    fields: Sequence[FieldReading], rivals: Mapping[str, Sequence[FieldReading]], check: Check
) -> tuple[FieldReading, ...]:
    """Replace as few doubtful readings as possible so that no check fails.

    Doubtful are fields in conflict and those that a failing check names; `rivals` are their other readings by path,
    the likeliest first. A reading is replaced only where the checks can tell it from another of its field, and one
    that has a label only by another that has one: what is printed as the total stands, though it does not add up.
    """
    known = _unambiguous(fields, check)
    doubts = list(_doubts(known, rivals, check(known)))

    def is_failing(chosen: Mapping[str, FieldReading]) -> bool:
        findings = check([chosen.get(field.path, field) for field in known])
        return any(path in chosen for finding in findings for path in finding.paths)

    balanced = next((chosen for chosen in _trials(doubts) if not is_failing(chosen)), {})
    told = {
        doubt.path: balanced[doubt.path]
        for doubt in doubts
        if balanced and any(is_failing({**balanced, doubt.path: option}) for option in doubt.options)
    }
    return tuple(_settled(field, told.get(field.path)) for field in known)


def _unambiguous(fields: Sequence[FieldReading], check: Check) -> tuple[FieldReading, ...]:
    """Settle amounts whose print leaves open what they are, where all choices that pass the checks agree on them."""
    open_ = {field.path: meanings for field in fields if "[" not in field.path and (meanings := _meanings(field))}
    if not open_ or prod(map(len, open_.values())) > MOST_TRIALS:
        return tuple(fields)
    passing: list[dict[str, FieldReading]] = []
    for choice in product(*open_.values()):
        chosen = dict(zip(open_, choice, strict=True))
        findings = check([chosen.get(field.path, field) for field in fields])
        if not any(path in chosen for finding in findings for path in finding.paths):
            passing.append(chosen)
    agreed = {path for path in open_ if len({chosen[path].value for chosen in passing}) == 1}
    return tuple(passing[0][field.path] if field.path in agreed else field for field in fields)


def _meanings(field: FieldReading) -> list[FieldReading]:
    """What an ambiguous amount can be, each as if it were certain; nothing of other fields."""
    if field.state is not FieldState.AMBIGUOUS:
        return []
    try:
        values = [Decimal(text) for text in field.candidates]
    except InvalidOperation:
        return []
    state = FieldState.VALUE if field.evidence is not None else FieldState.UNGROUNDED
    return [
        replace(field, state=state, value=value, candidates=tuple(str(other) for other in values if other != value))
        for value in values
    ]


def _doubts(
    fields: Sequence[FieldReading], rivals: Mapping[str, Sequence[FieldReading]], findings: Iterable[Finding]
) -> Iterable[_Doubt]:
    named = {path for finding in findings for path in finding.paths}
    for field in fields:
        if field.path in rivals and (field.state is FieldState.CONFLICT or field.path in named):
            others = [rival for rival in rivals[field.path] if _has_label(rival) or not _has_label(field)]
            options = _different([*([field] if field.value is not None else []), *others])
            if options:
                yield _Doubt(field.path, options)


def _has_label(reading: FieldReading) -> bool:
    return reading.value is not None and reading.signals is not None and reading.signals.label_distance is not None


def _different(readings: Iterable[FieldReading]) -> tuple[FieldReading, ...]:
    """Readings that have a value, each value once."""
    by_value = {reading.value: reading for reading in reversed(list(readings)) if reading.value is not None}
    return tuple(reversed(by_value.values()))[:MOST_RIVALS]


def _trials(doubts: Sequence[_Doubt]) -> Iterable[dict[str, FieldReading]]:
    """Every choice of options, those that keep the most first options first."""
    choices = product(*(range(len(doubt.options)) for doubt in doubts))
    few = sorted(islice(choices, 4 * MOST_TRIALS), key=lambda choice: (sum(map(bool, choice)), sum(choice)))
    for choice in few[:MOST_TRIALS]:
        yield {doubt.path: doubt.options[number] for doubt, number in zip(doubts, choice, strict=True)}


def _settled(field: FieldReading, chosen: FieldReading | None) -> FieldReading:
    """What was given up stays a candidate."""
    if chosen is None or chosen is field:
        return field
    given_up = (str(field.value),) if field.value is not None else field.candidates
    return replace(chosen, candidates=tuple(text for text in given_up if text != str(chosen.value)))
