"""What the database promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from llava_ocr.db import saving
from llava_ocr.db.planning import Skip
from llava_ocr.db.rows import DOCUMENTS, FIELDS, FINDINGS, LOCATIONS, PAGES, READS, RECORDS, RUNS
from llava_ocr.db.session import Database, open_database
from llava_ocr.db.values import value_of
from llava_ocr.errors import DatabaseError
from llava_ocr.ledger.order import ReadState
from llava_ocr.records import DocumentOutcome, FieldState
from tests.db.made import HUGE, ORDER, document, fields, info, outcome, reading, record


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        yield database


def count(db: Database, table: object) -> int:
    with db.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def all_rows(db: Database, table: object, *without: str) -> list[tuple[object, ...]]:
    with db.reading() as connection:
        columns = [column for column in table.columns if column.name not in without]
        return sorted(connection.execute(select(*columns)).all(), key=repr)


def test_same_document_under_two_keys_is_one_document(db: Database) -> None:
    run_id = db.start_run(ORDER)
    db.plan(run_id, [info("a.pdf"), info("b.pdf")])
    for name in ("a.pdf", "b.pdf"):
        same = document(name, content="same")
        db.save(run_id, [outcome(same, record(same))])
    assert (count(db, DOCUMENTS), count(db, LOCATIONS), count(db, RECORDS), count(db, READS)) == (1, 2, 1, 2)
    assert db.finish_run(run_id).is_balanced


def test_both_keys_in_one_save_are_one_document(db: Database) -> None:
    run_id = db.start_run(ORDER)
    twins = [document(name, content="same") for name in ("a.pdf", "b.pdf")]
    db.save(run_id, [outcome(twin, record(twin)) for twin in twins])
    assert (count(db, DOCUMENTS), count(db, LOCATIONS), count(db, RECORDS)) == (1, 2, 1)


def test_saving_twice_changes_nothing(db: Database) -> None:
    run_id = db.start_run(ORDER)
    one, other = document("a.pdf"), document("b.pdf")
    outcomes = [outcome(one, record(one), record(one, index=1), num_pages=2), outcome(other, num_pages=3, failed=1)]
    times = ("first_seen_at", "seen_at", "ended_at", "made_at")
    seen = []
    for _ in range(2):
        db.save(run_id, outcomes)
        tables = (DOCUMENTS, LOCATIONS, READS, PAGES, RECORDS, FIELDS, FINDINGS)
        seen.append([all_rows(db, table, *times) for table in tables])
    assert seen[0] == seen[1]


def test_same_fingerprints_make_one_record(db: Database) -> None:
    one = document("a.pdf")
    for total in ("1.00", "2.00"):
        db.save(db.start_run(ORDER), [outcome(one, record(one, values=fields(total=total)))])
    with db.reading() as connection:
        totals = connection.execute(select(FIELDS.c.value_text).where(FIELDS.c.name == "total")).scalars().all()
    assert totals == ["2.00"]


def test_shorter_reading_leaves_no_old_rows(db: Database) -> None:
    one, run_id = document("a.pdf"), db.start_run(ORDER)
    long = record(one, values=fields(lines=("1", "2", "3")))
    db.save(run_id, [outcome(one, long, record(one, index=1), num_pages=3)])
    db.save(run_id, [outcome(one, replace(record(one), findings=()), num_pages=2)])
    assert (count(db, RECORDS), count(db, FINDINGS), count(db, PAGES)) == (1, 0, 2)
    assert count(db, FIELDS) == len(fields())


def test_reading_of_other_fields_leaves_no_old_ones(db: Database) -> None:
    one, run_id = document("a.pdf"), db.start_run(ORDER)
    for names in (("number", "total"), ("total", "currency")):
        db.save(run_id, [outcome(one, record(one, values=tuple(reading(name, "x") for name in names)))])
    with db.reading() as connection:
        left = connection.execute(select(FIELDS.c.path).order_by(FIELDS.c.field_index)).scalars().all()
    assert left == ["total", "currency"]


def test_new_engine_makes_its_record_current(db: Database) -> None:
    one = document("a.pdf")
    for engine in ("engine-1", "engine-2"):
        run_id = db.start_run(replace(ORDER, engine_fingerprint=engine))
        db.save(run_id, [outcome(one, record(one, engine=engine))])
    with db.reading() as connection:
        current = connection.execute(select(RECORDS.c.engine_fingerprint, RECORDS.c.is_current)).all()
    assert sorted(current) == [("engine-1", False), ("engine-2", True)]


def test_failed_reading_keeps_the_current_record(db: Database) -> None:
    one = document("a.pdf")
    db.save(db.start_run(ORDER), [outcome(one, record(one))])
    broken = DocumentOutcome(one.uri, one, 0, (), reason="EngineTimeout", message="took longer than 300 s")
    db.save(db.start_run(ORDER), [broken])
    with db.reading() as connection:
        assert connection.execute(select(RECORDS.c.is_current)).scalars().all() == [True]


def test_document_read_without_record_has_none_current(db: Database) -> None:
    one = document("a.pdf")
    db.save(db.start_run(ORDER), [outcome(one, record(one))])
    db.save(db.start_run(replace(ORDER, engine_fingerprint="engine-2")), [outcome(one)])
    with db.reading() as connection:
        assert connection.execute(select(RECORDS.c.is_current)).scalars().all() == [False]


def test_object_that_cannot_be_fetched_is_a_row_with_a_class(db: Database) -> None:
    run_id = db.start_run(ORDER)
    db.save(run_id, [DocumentOutcome("mem://b/gone.pdf", None, 0, (), reason="ObjectNotFound", message="gone")])
    with db.reading() as connection:
        row = connection.execute(select(READS)).one()
    assert (row.state, row.reason, row.document_id) == (ReadState.FAILED, "ObjectNotFound", None)
    assert db.finish_run(run_id).is_balanced


def test_planned_object_that_never_ends_is_missing(db: Database) -> None:
    run_id = db.start_run(ORDER)
    db.plan(run_id, [info("a.pdf"), info("b.pdf")])
    one = document("a.pdf")
    db.save(run_id, [outcome(one, record(one))])
    balance = db.finish_run(run_id)
    assert not balance.is_balanced and balance.open_uris == ("mem://b/b.pdf",)
    with db.reading() as connection:
        assert connection.execute(select(RUNS.c.state)).scalar_one() == "failed"


def test_page_without_outcome_is_missing(db: Database) -> None:
    run_id, one = db.start_run(ORDER), document("a.pdf")
    whole = outcome(one, num_pages=3)
    db.save(run_id, [replace(whole, pages=whole.pages[:2])])
    [gap] = db.finish_run(run_id).gaps
    assert (gap.expected, gap.ended) == (3, 2)


def test_failed_pages_are_counted_by_reason(db: Database) -> None:
    run_id, one = db.start_run(ORDER), document("a.pdf")
    db.save(run_id, [outcome(one, num_pages=3, failed=1)])
    balance = db.finish_run(run_id)
    assert (balance.expected, balance.ok, balance.failed) == (3, 2, 1)
    assert balance.by_reason == {"CorruptPage": 1} and balance.documents_failed == 1 and balance.is_balanced


def test_resumed_plan_keeps_what_ended(db: Database) -> None:
    run_id, one = db.start_run(ORDER), document("a.pdf")
    infos = [info("a.pdf"), info("b.pdf")]
    assert [item.state for item in db.plan(run_id, infos)] == [ReadState.PLANNED] * 2
    db.save(run_id, [outcome(one, record(one))])
    assert [item.state for item in db.plan(run_id, infos)] == [ReadState.OK, ReadState.PLANNED]


def test_unchanged_object_is_known_to_be_done(db: Database) -> None:
    run_id, one = db.start_run(ORDER), document("a.pdf")
    db.plan(run_id, [info("a.pdf")])
    db.save(run_id, [outcome(one, record(one))])
    again = db.start_run(ORDER)
    [same] = db.plan(again, [info("a.pdf")])
    [changed] = db.plan(db.start_run(ORDER), [info("a.pdf", etag="e2")])
    [other_engine] = db.plan(db.start_run(replace(ORDER, engine_fingerprint="x")), [info("a.pdf")])
    assert [item.is_done for item in (same, changed, other_engine)] == [True, False, False]
    db.skip(again, [Skip(same.info.uri, "done before", document("a.pdf"))])
    assert db.finish_run(again).is_balanced


def test_done_tells_reading_from_failing(db: Database) -> None:
    good, bad, unlucky = document("a.pdf"), document("b.pdf"), document("c.pdf")
    failures = [
        DocumentOutcome(of.uri, of, 0, (), reason=reason)
        for of, reason in ((bad, "CorruptDocument"), (unlucky, "EngineUnavailable"))
    ]
    db.save(db.start_run(ORDER), [outcome(good, record(good)), *failures])
    done = db.find_done([good.id, bad.id, unlucky.id, "unknown"], "schema-1", "engine-1")
    assert done.ok == {good.id} and done.failed == {bad.id: "CorruptDocument"}


def test_moved_document_gains_a_location(db: Database) -> None:
    run_id = db.start_run(ORDER)
    old, new = document("a.pdf", content="same"), document("moved.pdf", content="same")
    db.save(run_id, [outcome(old, record(old))])
    again = db.start_run(ORDER)
    db.plan(again, [info("moved.pdf")])
    db.skip(again, [Skip(new.uri, "done before", new)])
    with db.reading() as connection:
        located = connection.execute(select(LOCATIONS.c.uri, LOCATIONS.c.etag)).all()
    assert set(located) == {(old.uri, ""), (new.uri, "e1")}
    assert count(db, DOCUMENTS) == 1


@pytest.mark.parametrize("text", ["a\0b", "naïve Ünïcode 漢字 🧾", "half \ud800 pair", "x" * 100_000])
def test_any_text_can_be_saved(db: Database, text: str) -> None:
    one, run_id = document("a.pdf"), db.start_run(ORDER)
    broken = replace(record(one, values=(reading("number", text),)), needs_review=True)
    db.save(run_id, [replace(outcome(one, broken), message=text, reason=text)])
    with db.reading() as connection:
        saved = connection.execute(select(FIELDS.c.value_text)).scalar_one()
    assert "\0" not in saved and len(saved) <= 65_536
    assert saved == text or text.isascii() or "\ud800" in text


@pytest.mark.parametrize(
    "amount", [HUGE, -HUGE, Decimal("0.000001"), Decimal("1E+3"), Decimal("9" * 40), Decimal("-0")]
)
def test_amounts_are_exact(db: Database, amount: Decimal) -> None:
    one = document("a.pdf")
    db.save(db.start_run(ORDER), [outcome(one, record(one, values=(reading("total", amount),)))])
    with db.reading() as connection:
        row = connection.execute(select(FIELDS)).one()
    assert value_of(row.value_type, row.value_text) == amount
    fits = abs(amount) < Decimal("922337203685477")
    assert row.value_x10000 == (round(amount * 10_000) if fits else None)


def test_states_and_evidence_come_back(db: Database) -> None:
    one = document("a.pdf")
    torn = replace(reading("total", Decimal(1)), state=FieldState.CONFLICT, candidates=("1.00", "7.00"))
    db.save(db.start_run(ORDER), [outcome(one, record(one, values=(torn, reading("lines[3].quantity", None))))])
    with db.reading() as connection:
        first, second = connection.execute(select(FIELDS).order_by(FIELDS.c.field_index)).all()
    assert (first.state, first.candidates, first.reader) == ("conflict", '["1.00", "7.00"]', "text_layer")
    assert first.boxes == "[[0.1,0.2,0.3,0.25],[0.1,0.25,0.2,0.3]]"
    assert (second.name, second.row_index, second.state, second.boxes) == ("lines[].quantity", 3, "absent", None)


def test_threads_save_at_once(db: Database) -> None:
    run_id = db.start_run(ORDER)
    shared = [document(f"{number}.pdf") for number in range(20)]
    errors: list[Exception] = []

    def save_all(documents: list) -> None:
        try:
            for start in range(0, 20, 5):
                db.save(run_id, [outcome(one, record(one)) for one in documents[start : start + 5]])
        except DatabaseError as error:
            errors.append(error)

    threads = [threading.Thread(target=save_all, args=(order,)) for order in (shared, shared[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and count(db, RECORDS) == 20 and count(db, FIELDS) == 20 * len(fields())


def test_ending_between_statements_leaves_nothing_half(db: Database) -> None:
    run_id, one = db.start_run(ORDER), document("a.pdf")
    with pytest.raises(KeyboardInterrupt), db.writing() as transaction:
        saving.save(transaction, run_id, [outcome(one, record(one))])
        raise KeyboardInterrupt
    assert [count(db, table) for table in (DOCUMENTS, READS, PAGES, RECORDS, FIELDS)] == [0] * 5


@pytest.mark.slow
def test_kill_before_the_commit_leaves_nothing_half(db: Database) -> None:
    run_id = db.start_run(ORDER)
    url = db.engine.url.render_as_string(hide_password=False)
    child = subprocess.Popen([sys.executable, "-c", SAVE_AND_HANG, url, run_id], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"written\n"
    child.kill()
    child.communicate()
    assert [count(db, table) for table in (DOCUMENTS, READS, PAGES, RECORDS, FIELDS)] == [0] * 5
    one = document("a.pdf")
    db.save(run_id, [outcome(one, record(one))])
    assert db.finish_run(run_id).is_balanced and db.check().is_ok


SAVE_AND_HANG = """
import sys, time
from llava_ocr.db import saving
from llava_ocr.db.session import open_database
from tests.db.made import document, outcome, record

one = document("a.pdf")
with open_database(sys.argv[1]).writing() as transaction:
    saving.save(transaction, sys.argv[2], [outcome(one, record(one))])
    print("written", flush=True)
    time.sleep(60)
"""


def test_unknown_run_is_refused(db: Database) -> None:
    with pytest.raises(DatabaseError, match="no run"):
        db.save("nope", [outcome(document("a.pdf"))])
    assert count(db, DOCUMENTS) == 0
