"""When a run is complete, and what it says when it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llava_ocr.ledger.balance import Balance, PageGap, end_state
from llava_ocr.ledger.order import NOT_A_DOCUMENT, RunState, is_final, read_reason
from llava_ocr.records import DocumentOutcome, PageOutcome, PageState

EVEN = Balance(
    expected=10,
    ok=7,
    failed=2,
    skipped=1,
    documents_expected=3,
    documents_ok=1,
    documents_failed=1,
    documents_skipped=1,
    by_reason={"blank": 1, "CorruptPage": 2},
)


def test_accounts_with_failures_balance() -> None:
    assert EVEN.is_balanced and EVEN.explain().count("\n") == 0


@pytest.mark.parametrize(
    "uneven",
    [
        replace(EVEN, ok=6),
        replace(EVEN, ok=8),
        replace(EVEN, documents_ok=0),
        replace(EVEN, open_uris=("mem://a",)),
        replace(EVEN, gaps=(PageGap("mem://a", 3, 2),)),
    ],
)
def test_anything_missing_does_not_balance_and_is_explained(uneven: Balance) -> None:
    assert not uneven.is_balanced and len(uneven.explain().splitlines()) > 1


NEW = replace(EVEN, documents_expected=4, documents_ok=3, documents_skipped=0)
OTHER = Balance(0, 0, 0, 0, 2, 0, 0, 2, documents_by_reason={NOT_A_DOCUMENT: 2})


@pytest.mark.parametrize(
    ("balance", "allowed", "state"),
    [
        (replace(EVEN, documents_ok=2, documents_failed=0), {}, RunState.COMPLETE),
        (NEW, {}, RunState.FAILED),
        (NEW, {"max_failed_share": 0.25}, RunState.COMPLETE),
        (NEW, {"max_failed_share": 0.24}, RunState.FAILED),
        # What was skipped makes no failure smaller.
        (EVEN, {"max_failed_share": 0.49}, RunState.FAILED),
        (replace(NEW, open_uris=("mem://a",)), {"max_failed_share": 1.0, "allow_empty": True}, RunState.FAILED),
        (Balance(0, 0, 0, 0, 0, 0, 0, 0), {}, RunState.COMPLETE),
        (OTHER, {}, RunState.FAILED),
        (OTHER, {"allow_empty": True}, RunState.COMPLETE),
    ],
)
def test_a_run_is_complete_only_if_what_was_asked_for_was_read(
    balance: Balance, allowed: dict[str, Any], state: RunState
) -> None:
    assert end_state(balance, **allowed) is state


def test_missing_things_are_named_up_to_a_number() -> None:
    uneven = replace(
        EVEN,
        open_uris=tuple(f"mem://{number}" for number in range(8)),
        gaps=(PageGap("mem://torn", 3, 2),),
    )
    words = uneven.explain()
    assert "Not ended: mem://0" in words and "3 more" in words and "mem://torn has 3, 2 ended" in words


@pytest.mark.parametrize(
    ("reason", "final"),
    [
        ("CorruptPage", True),
        ("CutAnswer", True),
        ("EngineTimeout", False),
        ("ObjectChanged", False),
        ("KeyError", False),
    ],
)
def test_only_faults_of_document_and_answer_are_final(reason: str, final: bool) -> None:
    assert is_final(reason) is final


def test_failure_that_may_pass_speaks_for_the_document() -> None:
    pages = tuple(
        PageOutcome(index, PageState.FAILED, reason)
        for index, reason in enumerate(["CorruptPage", "EngineUnavailable"])
    )
    assert read_reason(DocumentOutcome("mem://a", None, 2, pages)) == "EngineUnavailable"
    assert read_reason(DocumentOutcome("mem://a", None, 1, pages[:1])) == "CorruptPage"
    assert read_reason(DocumentOutcome("mem://a", None, 0, ())) == ""
