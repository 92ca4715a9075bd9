"""What the command line asks of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.db.queries import find_records, list_failures, list_runs, summarize_run
from llava_ocr.db.session import Database, open_database
from llava_ocr.errors import DatabaseError
from llava_ocr.ledger.order import RunState
from llava_ocr.records import DocumentOutcome
from tests.db.made import ORDER, document, fields, outcome, record


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        yield database


def test_runs_are_listed_newest_first(db: Database) -> None:
    ids = [db.start_run(ORDER) for _ in range(3)]
    db.finish_run(ids[2])
    runs = list_runs(db, limit=2)
    assert runs[0].id == ids[2] and len(runs) == 2
    assert runs[0].state is RunState.COMPLETE and runs[0].started_at.tzinfo is not None


def test_summary_counts_records_and_pages(db: Database) -> None:
    run_id, one = db.start_run(ORDER), document("a.pdf")
    sound = replace(record(one, index=1), findings=())
    db.save(run_id, [outcome(one, record(one), sound, num_pages=4)])
    summary = summarize_run(db, run_id)
    assert (summary.num_records, summary.num_needing_review, summary.balance.ok) == (2, 1, 4)


def test_unknown_run_has_no_summary(db: Database) -> None:
    with pytest.raises(DatabaseError, match="no run"):
        summarize_run(db, "nope")


def test_failures_name_the_page_or_the_object(db: Database) -> None:
    run_id = db.start_run(ORDER)
    torn = outcome(document("a.pdf"), num_pages=3, failed=1)
    gone = DocumentOutcome("mem://b/gone.pdf", None, 0, (), reason="ObjectNotFound", message="gone")
    fine = outcome(document("c.pdf"))
    db.save(run_id, [gone, torn, fine])
    found = [(failure.uri, failure.page_index, failure.reason) for failure in list_failures(db, run_id)]
    assert found == [("mem://b/a.pdf", 1, "CorruptPage"), ("mem://b/gone.pdf", None, "ObjectNotFound")]


def test_record_is_found_by_start_of_id_and_by_uri(db: Database) -> None:
    one, other = document("a.pdf"), document("b.pdf")
    db.save(db.start_run(ORDER), [outcome(of, record(of)) for of in (one, other)])
    for wanted in (one.id, one.id[:12], one.uri, "a.pdf"):
        [found] = find_records(db, wanted)
        assert found.document_id == one.id and found.fields == fields()
    assert find_records(db, "zz") == find_records(db, "") == find_records(db, one.id, schema="other") == []
    [found] = find_records(db, one.id, schema="bill")
    assert found.findings == record(one).findings
