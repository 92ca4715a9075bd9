"""Arithmetic chooses among what was read, and only where it can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.geometry import Box
from llava_ocr.grounding.balance import balance
from llava_ocr.records import Evidence, FieldReading, FieldState, Finding, RulesSay, Signals, WordReader

SOMEWHERE = Evidence(0, (Box(0.1, 0.1, 0.2, 0.2),), WordReader.TEXT_LAYER, 1.0)
SUM = Finding("sum", "net + tax is not the total", ("net", "tax", "total"))


def value(path: str, number: int, *, confidence: float = 0.5) -> FieldReading:
    return FieldReading(path, FieldState.VALUE, str(number), str(number), confidence)


def conflict(path: str, *numbers: int) -> FieldReading:
    return FieldReading(path, FieldState.CONFLICT, candidates=tuple(map(str, numbers)))


def adds_up(fields: Sequence[FieldReading]) -> list[Finding]:
    amounts = {field.path: field.value for field in fields}
    if None in (amounts["net"], amounts["tax"], amounts["total"]):
        return []
    net, tax, total = (int(str(amounts[name])) for name in ("net", "tax", "total"))
    return [] if net + tax == total else [SUM]


FIELDS = (value("number", 7), value("net", 100), value("tax", 19), value("total", 119))


def values(fields: Sequence[FieldReading]) -> dict[str, object]:
    return {field.path: field.value for field in fields}


def test_what_balances_stays() -> None:
    rivals = {"net": [value("net", 81)], "total": [value("total", 100)]}
    assert balance(FIELDS, rivals, adds_up) == FIELDS


def test_another_reading_that_balances_is_taken_and_the_first_stays_a_candidate() -> None:
    fields = (*FIELDS[:1], value("net", 10), *FIELDS[2:])
    balanced = balance(fields, {"net": [value("net", 10), value("net", 100)]}, adds_up)
    assert values(balanced) == values(FIELDS)
    assert balanced[1].candidates == ("10",)


def test_what_never_balances_stays_as_it_was_read() -> None:
    fields = (*FIELDS[:1], value("net", 10), *FIELDS[2:])
    assert balance(fields, {"net": [value("net", 11)], "tax": [value("tax", 8)]}, adds_up) == fields


def test_pages_in_conflict_are_settled_by_the_sum() -> None:
    fields = (*FIELDS[:3], conflict("total", 3, 119))
    balanced = balance(fields, {"total": [value("total", 3), value("total", 119)]}, adds_up)
    assert values(balanced) == values(FIELDS)


def test_a_conflict_that_no_check_can_tell_stays_one() -> None:
    fields = (conflict("number", 7, 8), value("net", 10), *FIELDS[2:])
    rivals = {"number": [value("number", 7), value("number", 8)], "net": [value("net", 100)]}
    balanced = balance(fields, rivals, adds_up)
    assert balanced[0] == fields[0]
    assert balanced[1].value == "100"


def ambiguous(path: str, *numbers: str) -> FieldReading:
    return FieldReading(path, FieldState.AMBIGUOUS, numbers[0], candidates=numbers, evidence=SOMEWHERE)


def test_an_ambiguous_amount_is_settled_by_the_sum() -> None:
    fields = (value("net", 1100), value("tax", 134), ambiguous("total", "1234", "1.234"))
    total = balance(fields, {}, sums_to_the_cent)[2]
    assert (total.value, total.state, total.candidates) == (Decimal(1234), FieldState.VALUE, ("1.234",))


def test_amounts_that_balance_in_two_ways_stay_ambiguous() -> None:
    fields = (ambiguous("net", "1100", "1.100"), ambiguous("tax", "134", "0.134"), ambiguous("total", "1234", "1.234"))
    assert balance(fields, {}, sums_to_the_cent) == fields


def test_a_sign_that_the_sum_knows_is_settled() -> None:
    fields = (ambiguous("net", "-100", "100"), value("tax", -19), value("total", -119))
    assert balance(fields, {}, sums_to_the_cent)[0].value == Decimal(-100)


def test_what_a_label_says_gives_way_to_another_labelled_reading_alone() -> None:
    fields = (value("net", 100), value("tax", 19), labelled(value("total", 120)))
    assert balance(fields, {"total": [value("total", 119)]}, adds_up) == fields
    assert balance(fields, {"total": [labelled(value("total", 119))]}, adds_up)[2].value == "119"


def labelled(reading: FieldReading) -> FieldReading:
    signals = Signals(None, None, RulesSay.NOT_ASKED, 1.0, 1, 1.0, 1.0, label_distance=0.1)
    return replace(reading, signals=signals)


def sums_to_the_cent(fields: Sequence[FieldReading]) -> list[Finding]:
    net, tax, total = (field.value for field in fields)
    if None in (net, tax, total):
        return []
    return [] if Decimal(str(net)) + Decimal(str(tax)) == Decimal(str(total)) else [SUM]


numbers = st.integers(1, 9)


others_of = st.dictionaries(st.sampled_from(["net", "tax", "total"]), st.lists(numbers))


@settings(deadline=None)
@given(st.tuples(numbers, numbers, numbers), others_of)
def test_balancing_never_adds_findings_and_says_only_what_was_read(
    read: tuple[int, int, int], others: dict[str, list[int]]
) -> None:
    fields = tuple(value(path, number) for path, number in zip(("net", "tax", "total"), read, strict=True))
    rivals = {path: [value(path, number) for number in listed] for path, listed in others.items()}
    balanced = balance(fields, rivals, adds_up)
    assert len(adds_up(balanced)) <= len(adds_up(fields))
    for before, after in zip(fields, balanced, strict=True):
        said = [before, *rivals.get(before.path, [])]
        assert replace(after, candidates=()) in [replace(reading, candidates=()) for reading in said]
