"""What stands of what people said, whatever the order in which they said and took it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.records import FieldReading, FieldState
from llava_ocr.review.corrections import Correction, Verdict, disagrees, last_act, num_conflicts, shown, standing

AT = datetime(2026, 1, 1, tzinfo=UTC)


def value(text: str, path: str = "a") -> FieldReading:
    return FieldReading(path, FieldState.VALUE, text, text, 0.9)


def said(number: int, path: str = "a", text: str = "X", **more: object) -> Correction:
    made = Correction(
        number, path, Verdict.CORRECT, value(text, path), value("M", path), None, f"act{number}", "ann", AT
    )
    return replace(made, **more)


def undo(number: int, of: Correction) -> Correction:
    return said(number, of.path, verdict=Verdict.UNDO, reading=None, undoes=of.id, act=f"act{number}")


def test_the_newest_verdict_stands() -> None:
    assert standing([said(1), said(2, text="Y")])["a"].id == 2


def test_taking_back_lets_the_one_before_stand() -> None:
    first, second = said(1), said(2, text="Y")
    assert standing([first, second, undo(3, second)])["a"] == first
    assert standing([first, second, undo(3, second), undo(4, first)]) == {}


def test_undo_takes_back_one_s_own_last_act_whole() -> None:
    mine = [said(1, "a", act="one"), said(2, "b", act="one")]
    other = said(3, "c", who="bob")
    assert [one.id for one in last_act([*mine, other], who="ann")] == [1, 2]
    assert last_act([other], who="ann") == []


def test_a_reading_like_the_one_ruled_on_is_no_conflict() -> None:
    correction = said(1, text="X")
    assert not disagrees(correction, value("M")) and not disagrees(correction, value(" x "))
    assert disagrees(correction, value("N")) and not disagrees(correction, None)


def test_a_conflict_keeps_the_person_s_value_and_names_both() -> None:
    found = shown(said(1, text="X"), value("N"))
    assert (found.state, found.value, found.candidates) == (FieldState.CONFLICT, "X", ("X", "N"))


def test_a_value_nobody_saw_is_a_conflict_in_an_approved_record() -> None:
    approval = said(1, "", verdict=Verdict.APPROVE, reading=None, seen=None)
    assert num_conflicts([approval], {"b": value("new", "b")}) == 1
    assert num_conflicts([], {"b": value("new", "b")}) == 0


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(["say", "undo"]), max_size=20))
def test_undo_is_a_stack(acts: list[str]) -> None:
    log: list[Correction] = []
    stack: list[int] = []
    for number, act in enumerate(acts, 1):
        if act == "say":
            log.append(said(number))
            stack.append(number)
        elif stack:
            log += [undo(number, one) for one in last_act(log, who="ann")]
            stack.pop()
    assert [one.id for one in standing(log).values()] == stack[-1:]
