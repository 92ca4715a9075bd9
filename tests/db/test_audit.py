"""What is decided and the line that says who decided it: both, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text

from llava_ocr import backfill
from llava_ocr.cli import serving
from llava_ocr.db.erase import erase_document
from llava_ocr.db.review_rows import AUDIT, CORRECTIONS, USERS
from llava_ocr.db.reviewing import approve_record
from llava_ocr.db.rows import LOCATIONS, RECORDS
from llava_ocr.db.session import Database, open_database
from llava_ocr.errors import DatabaseError
from llava_ocr.ledger.order import Order, Stage
from llava_ocr.review.people import Role
from tests.db.made import ORDER, Bill, document, outcome, record

STAGED = replace(ORDER, stage=Stage.STAGED)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        yield database


def read(db: Database, order: Order) -> str:
    run_id, of = db.start_run(order), document("a.pdf")
    db.save(run_id, [outcome(of, record(of))])
    return run_id


def promoted(db: Database) -> str:
    run_id = read(db, STAGED)
    backfill.promote(db, run_id, who="bob")
    return run_id


def everything(db: Database) -> list[list[str]]:
    with db.reading() as connection:
        rows = [connection.execute(select(table)) for table in (RECORDS, CORRECTIONS, USERS, LOCATIONS, AUDIT)]
        return [[repr(row) for row in found] for found in rows]


@pytest.mark.parametrize(
    ("prepare", "decide", "line"),
    [
        (partial(read, order=ORDER), lambda db, _: approve_record(db, 1, Bill, who="ann"), "approved"),
        (partial(read, order=STAGED), partial(backfill.promote, who="ann"), "promoted 1 documents"),
        (promoted, partial(backfill.rollback, who="ann"), "rolled back 1 documents"),
        (
            partial(read, order=ORDER),
            lambda db, _: erase_document(db, document("a.pdf").id, who="ann", reason="asked to"),
            "erased",
        ),
        (
            partial(read, order=ORDER),
            lambda db, _: serving.add_user("bob", Role.VIEWER, "long enough, surely", str(db.engine.url)),
            "made viewer",
        ),
    ],
)
def test_a_decision_stands_with_its_line_or_not_at_all(
    db: Database, prepare: Callable[[Database], str], decide: Callable[[Database, str], object], line: str
) -> None:
    run_id = prepare(db)
    with db.writing() as connection:
        connection.execute(text("CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"))
    before = everything(db)
    with pytest.raises(DatabaseError):
        decide(db, run_id)
    assert everything(db) == before
    with db.writing() as connection:
        connection.execute(text("DROP TRIGGER refuse"))
    decide(db, run_id)
    with db.reading() as connection:
        newest = select(AUDIT.c.action).order_by(AUDIT.c.id.desc()).limit(1)
        assert connection.execute(newest).scalar_one() == line
    assert everything(db) != before
