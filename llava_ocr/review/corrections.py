"""What people said of fields, and what it means for a reading, now and when the document is read again. Pure.

Corrections are only ever added. An undo is a correction too, one that takes an earlier one back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from llava_ocr.records import FieldReading, FieldState

# The path of a verdict on the whole record.
WHOLE_RECORD = ""


class Verdict(StrEnum):
    """What a person says of a field (`approve`: of the whole record)."""

    ACCEPT = "accept"
    CORRECT = "correct"
    ABSENT = "absent"
    ILLEGIBLE = "illegible"
    APPROVE = "approve"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Correction:
    """One verdict. `reading` is what the field should show, `seen` the machine's reading that the person looked at.

    Verdicts of one `act` were given by one key and are taken back together. `is_elsewhere`: it is about a page that is
    another record's now, because the file is split otherwise than when it was given.
    """

    id: int
    path: str
    verdict: Verdict
    reading: FieldReading | None
    seen: FieldReading | None
    undoes: int | None
    act: str
    who: str
    made_at: datetime
    is_elsewhere: bool = False

    @property
    def page_index(self) -> int | None:
        """The page that it is about, where it tells."""
        readings = (one for one in (self.reading, self.seen) if one is not None)
        return next((one.evidence.page_index for one in readings if one.evidence is not None), None)


def standing(corrections: Iterable[Correction]) -> dict[str, Correction]:
    """Return the verdict that stands for each path: the newest that was not taken back. In order of `id`."""
    listed = sorted(corrections, key=lambda one: one.id)
    undone = _undone(listed) | {one.id for one in listed if one.is_elsewhere}
    return {one.path: one for one in listed if one.verdict is not Verdict.UNDO and one.id not in undone}


def last_act(corrections: Iterable[Correction], *, who: str) -> list[Correction]:
    """Return the verdicts of this person's newest act that still stands, which is what `undo` takes back."""
    listed = sorted(corrections, key=lambda one: one.id)
    undone = _undone(listed)
    own = [one for one in listed if one.who == who and one.verdict is not Verdict.UNDO and one.id not in undone]
    return [one for one in own if one.act == own[-1].act] if own else []


def ruled(verdict: Verdict, seen: FieldReading) -> FieldReading:
    """Return what a field shows after a verdict that brings no value of its own. A person is sure."""
    if verdict is Verdict.ABSENT:
        return FieldReading(seen.path, FieldState.ABSENT, confidence=1.0)
    if verdict is Verdict.ILLEGIBLE:
        return replace(seen, state=FieldState.ILLEGIBLE, value=None, confidence=1.0, candidates=())
    assert verdict is Verdict.ACCEPT, verdict
    state = FieldState.VALUE if seen.value is not None else FieldState.ABSENT
    return replace(seen, state=state, confidence=1.0, candidates=())


def disagrees(correction: Correction, reading: FieldReading | None) -> bool:
    """Whether a newer reading contradicts a verdict in a way its author has not seen.

    A reading like the one they looked at was ruled on already; one like their own agrees with them.
    """
    if correction.reading is None or reading is None:
        return False
    return meaning(reading) not in (meaning(correction.reading), meaning(correction.seen))


def shown(correction: Correction, reading: FieldReading | None) -> FieldReading:
    """Return what a corrected field shows over the machine's `reading`: the person's word, or a CONFLICT that keeps
    the person's value and names the machine's among the candidates."""
    assert correction.reading is not None, correction.path
    if reading is None or not disagrees(correction, reading):
        return correction.reading
    other = "" if reading.value is None else str(reading.value)
    candidates = tuple(filter(None, (str(correction.reading.value or ""), other)))
    return replace(correction.reading, state=FieldState.CONFLICT, confidence=0.0, candidates=candidates)


def meaning(reading: FieldReading | None) -> tuple[str, object]:
    """What a reading says, without where and how surely: nothing, or a value (texts without case and spacing)."""
    if reading is None or reading.value is None:
        return ("none" if reading is None else reading.state.value, None)
    value = reading.value
    return ("value", " ".join(value.casefold().split()) if isinstance(value, str) else value)


def num_conflicts(corrections: Iterable[Correction], machine: Mapping[str, FieldReading]) -> int:
    """Count the fields whose new reading contradicts a verdict, and, in an approved record, values nobody has seen."""
    verdicts = standing(corrections)
    against = sum(disagrees(one, machine.get(path)) for path, one in verdicts.items())
    if WHOLE_RECORD not in verdicts:
        return against
    return against + sum(reading.value is not None and path not in verdicts for path, reading in machine.items())


def _undone(listed: Sequence[Correction]) -> set[int]:
    return {one.undoes for one in listed if one.undoes is not None}
