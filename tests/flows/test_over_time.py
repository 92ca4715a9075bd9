"""Backfill, evaluation and retention as flows, on real documents and SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.exceptions import ParameterTypeError

from flows.backfill import BackfillOrder, backfill
from flows.evaluate import EvaluationOrder, evaluate
from flows.extract import extract
from flows.upkeep import RetentionOrder, retention
from llava_ocr.db.queries import list_runs
from llava_ocr.db.session import open_database
from llava_ocr.db.stored import current_records
from llava_ocr.ledger.order import RunState
from llava_ocr.run import ExtractOrder
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]


NUM_DOCUMENTS = 30


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExtractOrder:
    """Receipts, read once; with few under way at a time."""
    monkeypatch.setenv("LLAVA_OCR_BATCH_SIZE", "1")
    monkeypatch.setenv("LLAVA_OCR_WORKERS", "1")
    source = tmp_path / "documents"
    source.mkdir()
    for seed in range(NUM_DOCUMENTS):
        (source / f"{seed}.pdf").write_bytes(paint_pdf(paint("receipt", seed)))
    order = ExtractOrder(
        source=str(source),
        schema_name="receipt",
        engine="scripted",
        database=f"sqlite:///{tmp_path / 'records.db'}",
        shard_size=10,
    )
    assert extract(order, return_state=True).is_completed()
    return order


def url(order: ExtractOrder) -> str:
    assert order.database is not None
    return order.database


def test_a_backfill_stops_at_its_budget_goes_on_and_shows_nothing_before_it_is_promoted(order: ExtractOrder) -> None:
    first = backfill(BackfillOrder(order=order, max_pages=2), return_state=True)
    assert first.name == "Paused" and "The budget is spent; the same order goes on." in str(first.message)
    with open_database(url(order)) as opened:
        [staged, live] = list_runs(opened)
        assert staged.state is RunState.PAUSED
        with opened.reading() as connection:
            assert {record.run_id for record in current_records(connection, "receipt")} == {live.id}
    second = backfill(BackfillOrder(order=order, max_pages=100), return_state=True)
    assert second.is_completed() and f"Run {staged.id}, staged" in str(second.message)
    with open_database(url(order)) as opened:
        assert len(list_runs(opened)) == 2
        assert opened.balance(staged.id).documents_ok == NUM_DOCUMENTS


def test_a_backfill_whose_document_failed_is_not_completed(order: ExtractOrder) -> None:
    (Path(order.source) / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    stale = BackfillOrder(order=order, is_stale=True)
    assert backfill(stale, return_state=True).name == "Failed"
    tolerant = order.model_copy(update={"max_failed_share": 1.0})
    state = backfill(BackfillOrder(order=tolerant, is_stale=True), return_state=True)
    assert state.name == "CompletedWithFailures" and "1 failed" in str(state.message)


def test_a_backfill_over_an_empty_source_fails(order: ExtractOrder) -> None:
    empty = order.model_copy(update={"source": f"{order.source}/none-*"})
    assert backfill(BackfillOrder(order=empty), return_state=True).name == "Failed"
    allowed = empty.model_copy(update={"allow_empty": True})
    assert backfill(BackfillOrder(order=allowed), return_state=True).name == "Completed"


def test_a_budget_of_nothing_is_refused(order: ExtractOrder) -> None:
    with pytest.raises(ParameterTypeError, match="max_pages"):
        backfill({"order": order.model_dump(), "max_pages": 0})


def test_an_evaluation_fails_where_less_is_right_than_wanted() -> None:
    wanted = EvaluationOrder(dataset="generated:receipt?count=2", schema_name="receipt", engine="scripted")
    assert evaluate(wanted, return_state=True).is_completed()
    hard = evaluate(wanted.model_copy(update={"min_field_exact": 1.0}), return_state=True)
    assert hard.is_failed() and "at least 1.000 wanted" in str(hard.message)


def test_retention_deletes_what_is_over_for_long_and_nothing_else(order: ExtractOrder) -> None:
    backfill(BackfillOrder(order=order), return_state=True)
    kept = retention(RetentionOrder(database=url(order)), return_state=True)
    assert kept.message == "0 staged records and 0 attempts deleted"
    pruned = retention(RetentionOrder(database=url(order), staged_days=0, attempts_days=0), return_state=True)
    assert pruned.message == f"{NUM_DOCUMENTS} staged records and 6 attempts deleted"
    with open_database(url(order)) as opened, opened.reading() as connection:
        assert len(list(current_records(connection, "receipt"))) == NUM_DOCUMENTS
