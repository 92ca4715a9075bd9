"""What staging promises, on SQLite and on PostgreSQL alike: nobody sees it, all at once, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from llava_ocr import backfill
from llava_ocr.backfill import diff
from llava_ocr.db import staging
from llava_ocr.db.corrections import Said, machine_readings, say, take_back
from llava_ocr.db.rows import FIELDS, READS, RECORDS
from llava_ocr.db.session import Database, open_database
from llava_ocr.db.staging import TooMuchLost, WrongStage
from llava_ocr.ledger.order import Stage
from llava_ocr.records import DocumentOutcome
from llava_ocr.review.corrections import Verdict
from tests.db.made import ORDER, document, fields, outcome, reading, record

promote, rollback = partial(backfill.promote, who="ann"), partial(backfill.rollback, who="ann")
STAGED = replace(ORDER, stage=Stage.STAGED)
NAMES = ("a.pdf", "b.pdf", "c.pdf")


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        yield database


def read(name: str, total: str, *, engine: str = "engine-1", lines: tuple[str, ...] = ("12.50",)) -> DocumentOutcome:
    of = document(name)
    return outcome(of, record(of, engine=engine, values=fields(total=total, lines=lines)))


def backfilled(db: Database, *, engine: str = "engine-1") -> str:
    """Three documents read live, and two of them staged again with another total and one more line."""
    db.save(db.start_run(ORDER), [read(name, "1.00") for name in NAMES])
    run_id = db.start_run(replace(STAGED, engine_fingerprint=engine))
    db.save(run_id, [read(name, "2.00", engine=engine, lines=("1", "2")) for name in NAMES[:2]])
    return run_id


def totals(db: Database) -> dict[str, str]:
    """What a view shows: the totals of current records."""
    with db.reading() as connection:
        of_record = select(RECORDS.c.uri, FIELDS.c.value_text).join(FIELDS, FIELDS.c.record_id == RECORDS.c.id)
        rows = connection.execute(of_record.where(RECORDS.c.is_current, FIELDS.c.path == "total")).all()
    assert len(rows) == len({row.uri for row in rows})
    return {row.uri[-5]: str(Decimal(row.value_text)) for row in rows}


def everything(db: Database) -> list[tuple[object, ...]]:
    with db.reading() as connection:
        wanted = [c for c in (*RECORDS.c, *FIELDS.c) if c.name not in ("id", "record_id", "made_at")]
        joined = select(*wanted).join_from(RECORDS, FIELDS, FIELDS.c.record_id == RECORDS.c.id)
        return sorted(map(tuple, connection.execute(joined.where(RECORDS.c.is_current))), key=repr)


@pytest.mark.parametrize("engine", ["engine-1", "engine-2"])
def test_promoting_and_rolling_back_bring_back_every_cell(db: Database, engine: str) -> None:
    run_id = backfilled(db, engine=engine)
    before = everything(db)
    assert totals(db) == {"a": "1.00", "b": "1.00", "c": "1.00"}
    assert promote(db, run_id) == 2
    assert totals(db) == {"a": "2.00", "b": "2.00", "c": "1.00"}
    assert rollback(db, run_id) == (2, 0)
    assert everything(db) == before


def test_a_backfill_can_be_promoted_again(db: Database) -> None:
    run_id = backfilled(db)
    promote(db, run_id)
    promoted = everything(db)
    rollback(db, run_id)
    promote(db, run_id)
    assert everything(db) == promoted


def test_the_difference_is_told_by_field(db: Database) -> None:
    found = diff(db, backfilled(db))
    assert (found.num_documents, found.num_changed_documents) == (2, 2)
    assert found.changed == {"total": 2, "lines[].line_total": 2}
    assert found.gained == {"lines[].description": 2, "lines[].quantity": 2, "lines[].line_total": 2}
    assert found.same["number"] == 2 and not found.lost
    [total, _] = [change for change in found.samples if change.path == "total"]
    assert (total.before, total.after) == ("1.00", "2.00")


def test_nothing_changes_where_the_reading_is_the_same(db: Database) -> None:
    db.save(db.start_run(ORDER), [read("a.pdf", "1.00")])
    run_id = db.start_run(STAGED)
    db.save(run_id, [read("a.pdf", "1.00")])
    found = diff(db, run_id)
    assert found.num_changed_documents == 0 and not found.samples


def test_a_later_reading_is_not_rolled_back(db: Database) -> None:
    run_id = backfilled(db)
    promote(db, run_id)
    db.save(db.start_run(replace(ORDER, engine_fingerprint="engine-3")), [read("a.pdf", "3.00", engine="engine-3")])
    assert rollback(db, run_id) == (1, 1)
    assert totals(db) == {"a": "3.00", "b": "1.00", "c": "1.00"}


def test_a_document_that_has_no_record_any_more_loses_it_and_gets_it_back(db: Database) -> None:
    db.save(db.start_run(ORDER), [read("a.pdf", "1.00")])
    run_id = db.start_run(STAGED)
    db.save(run_id, [outcome(document("a.pdf"))])
    promote(db, run_id)
    assert totals(db) == {}
    rollback(db, run_id)
    assert totals(db) == {"a": "1.00"}


def test_each_step_wants_the_one_before(db: Database) -> None:
    live, run_id = db.start_run(ORDER), backfilled(db)
    for act in (diff, promote, rollback):
        with pytest.raises(WrongStage):
            act(db, live)
    with pytest.raises(WrongStage):
        rollback(db, run_id)
    promote(db, run_id)
    for again in (diff, promote):
        with pytest.raises(WrongStage):
            again(db, run_id)


def test_what_is_only_staged_is_not_done(db: Database) -> None:
    run_id = backfilled(db, engine="engine-2")
    assert db.find_done([document("a.pdf").id], "schema-1", "engine-2").ok == frozenset()
    promote(db, run_id)
    assert db.find_done([document("a.pdf").id], "schema-1", "engine-2").ok == {document("a.pdf").id}


def test_an_interrupted_promotion_leaves_nothing_half(db: Database) -> None:
    run_id = backfilled(db)
    before = everything(db)
    with pytest.raises(KeyboardInterrupt), db.writing() as transaction:
        staging.promote(transaction, run_id)
        raise KeyboardInterrupt
    assert everything(db) == before


def test_amounts_stay_exact_on_the_way(db: Database) -> None:
    db.save(db.start_run(ORDER), [read("a.pdf", "1.00")])
    run_id, of = db.start_run(STAGED), document("a.pdf")
    db.save(run_id, [outcome(of, record(of, values=(reading("total", Decimal("12345678901234.5678")),)))])
    promote(db, run_id)
    assert totals(db) == {"a": "12345678901234.5678"}
    with db.reading() as connection:
        assert connection.execute(select(READS.c.uri).where(READS.c.run_id == run_id)).scalars().all() == [of.uri]


def correct(db: Database, name: str, total: str) -> int:
    """Let a person say what the total of a document is; returns the record."""
    with db.writing() as connection:
        is_it = (RECORDS.c.document_id == document(name).id, RECORDS.c.is_current)
        record_id: int = connection.execute(select(RECORDS.c.id).where(*is_it)).scalar_one()
        say(connection, record_id, [Said("total", Verdict.CORRECT, reading("total", Decimal(total)))], who="ann")
    return record_id


@pytest.mark.parametrize("engine", ["engine-1", "engine-2"])
def test_what_a_person_said_stands_and_the_machines_reading_comes_back_behind_it(db: Database, engine: str) -> None:
    run_id = backfilled(db, engine=engine)
    correct(db, "a.pdf", "7.00")
    assert diff(db, run_id).changed["total"] == 1
    promote(db, run_id)
    assert totals(db)["a"] == "7.00"
    rollback(db, run_id)
    assert totals(db)["a"] == "7.00"
    with db.writing() as connection:
        record_id = connection.execute(
            select(RECORDS.c.id).where(RECORDS.c.document_id == document("a.pdf").id, RECORDS.c.is_current)
        ).scalar_one()
        assert machine_readings(connection, [record_id])[record_id]["total"].value == Decimal("1.00")
        assert take_back(connection, record_id, who="ann") == ["total"]
    assert totals(db)["a"] == "1.00"


def test_what_would_be_lost_is_told_and_refused_above_a_limit(db: Database) -> None:
    db.save(db.start_run(ORDER), [read(name, "1.00") for name in NAMES])
    run_id = db.start_run(STAGED)
    emptied = outcome(document("a.pdf"), record(document("a.pdf"), values=(*fields()[:3], *fields()[4:])))
    bare = outcome(document("b.pdf"), record(document("b.pdf"), values=fields(total="1.00", lines=())))
    gone = outcome(document("c.pdf"))
    correct(db, "c.pdf", "7.00")
    db.save(run_id, [emptied, bare, gone])
    found = diff(db, run_id)
    assert found.num_values == 18 and found.lost.total() == 1 + 3 + 6
    assert (found.num_vanished_records, found.num_overridden, found.num_contradicted) == (1, 1, 0)
    assert found.losses()[0] == "10 of 18 values would be lost (55.6%)"
    assert {change.uri for change in found.samples} <= {document(name).uri for name in NAMES}
    before = everything(db)
    with pytest.raises(TooMuchLost, match="10 of 18 values"):
        backfill.promote(db, run_id, who="ann", max_lost_share=0.5)
    assert everything(db) == before
    assert backfill.promote(db, run_id, who="ann", max_lost_share=0.6) == 3


def test_a_reading_against_a_person_s_word_is_told(db: Database) -> None:
    run_id = backfilled(db)
    correct(db, "a.pdf", "7.00")
    found = diff(db, run_id)
    assert (found.num_contradicted, found.num_overridden, found.lost_share) == (1, 0, 0.0)
    assert found.losses() == ["1 values that people gave are read otherwise; theirs stand, as conflicts"]


def test_documents_that_were_replaced_are_told(db: Database) -> None:
    db.save(db.start_run(ORDER), [read("a.pdf", "1.00")])
    run_id, newer = db.start_run(STAGED), document("a.pdf", "other bytes")
    db.save(run_id, [outcome(newer, record(newer, values=fields()))])
    assert diff(db, run_id).num_superseded == 1
