"""When a run is green, and what it says when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llava_ocr.ledger.balance import Balance, PageGap
from llava_ocr.ledger.order import is_final, read_reason
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


def test_failures_that_are_accounted_for_are_green() -> None:
    assert EVEN.is_green and EVEN.explain().count("\n") == 0


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
def test_anything_missing_is_not_green_and_is_explained(uneven: Balance) -> None:
    assert not uneven.is_green and len(uneven.explain().splitlines()) > 1


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
