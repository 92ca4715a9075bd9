"""From compared documents to figures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.evaluation.figures import figures_of, summarize, weights_of
from llava_ocr.records import FieldState
from tests.evaluation.made import document, result

BLANK = {"expected": None, "predicted": None, "state": FieldState.ABSENT}


def test_documents_of_one_content_weigh_one_together() -> None:
    copies = [document(str(n), result("a", is_right=False), content="same") for n in range(3)]
    figures = summarize("x", [*copies, document("other", result("a", is_right=True))]).figures
    assert figures.field_exact == pytest.approx(0.5) and figures.num_documents == 4


def test_header_fields_and_cells_are_counted_apart() -> None:
    cells = result("lines[0].a", is_right=True), result("lines[1].a", is_right=False, predicted=None, state=None)
    reading = summarize("x", [document("1", result("b", is_right=True), *cells)])
    assert reading.figures.field_exact == 1.0 and reading.figures.list_f1 == pytest.approx(2 / 3)
    assert reading.by_field["lines[].a"].field_exact == 0.5 and reading.by_field["b"].list_f1 is None


def test_surplus_cells_lower_the_lists_f1_alone() -> None:
    surplus = result("lines[1].a", is_right=False, expected=None, predicted="2", is_surplus=True)
    figures = summarize("x", [document("1", result("lines[0].a", is_right=True), surplus)]).figures
    assert figures.list_f1 == pytest.approx(2 / 3) and figures.num_fields == 1
    assert figures.blank_recall is None and figures.document_exact == 0.0


def test_blanks_have_precision_and_recall() -> None:
    fields = [
        result("a", is_right=True, **BLANK),
        result("b", is_right=False, **(BLANK | {"predicted": "1", "state": FieldState.VALUE})),
        result("c", is_right=False, predicted=None, state=FieldState.ABSENT),
        result("d", is_right=False, **(BLANK | {"state": None})),
    ]
    figures = summarize("x", [document("1", *fields)]).figures
    assert figures.blank_precision == pytest.approx(1 / 2) and figures.blank_recall == pytest.approx(1 / 3)


def test_failed_documents_score_nothing() -> None:
    unread = result("a", is_right=False, predicted=None, state=None, confidence=0.0)
    failed = document("1", unread, reason="CorruptDocument", num_pages=0)
    figures = summarize("x", [failed, document("2", result("a", is_right=True))]).figures
    assert (figures.num_failed, figures.field_exact, figures.document_exact) == (1, 0.5, 0.5)
    assert figures.accuracy_at_80 == pytest.approx(1 / 1.6)


def test_groups_are_issuers_and_languages() -> None:
    documents = [document("1", result("a", is_right=True), language="de"), document("2", result("a", is_right=False))]
    groups = summarize("x", documents).by_group
    assert {name: figures.field_exact for name, figures in groups["language"].items()} == {"de": 1.0, "en": 0.0}
    assert set(groups["issuer"]) == {"1", "2"}


def test_nothing_to_measure_is_none() -> None:
    figures = summarize("x", []).figures
    assert figures.field_exact is figures.list_f1 is figures.auc is figures.seconds_per_page is None


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0, 1)), min_size=2, max_size=12))
@settings(deadline=None, max_examples=15)
def test_figures_are_shares_inside_their_intervals(rows: list[tuple[int, bool, float]]) -> None:
    documents = [
        document(str(n), result("a", is_right=right, confidence=sure), issuer=str(issuer), content=str(n // 2))
        for n, (issuer, right, sure) in enumerate(rows)
    ]
    figures = figures_of(documents, weights_of(documents), num_draws=50)
    assert figures.field_exact is not None and 0 <= figures.field_exact <= 1 + 1e-9
    for interval in figures.intervals.values():
        assert -1e-9 <= interval.low <= interval.high <= 1 + 1e-9
