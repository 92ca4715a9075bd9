"""Upkeep deletes what is long over, and nothing that anything rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.retention import Pruned, prune, vacuum
from llava_ocr.db.rows import ATTEMPTS, RUNS, STAGED
from llava_ocr.db.session import Database, open_database
from llava_ocr.ledger.leases import Ending
from llava_ocr.ledger.order import Stage
from tests.db.made import ORDER, document, info, outcome, record


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        yield database


def ended_run(db: Database, *, days_ago: float) -> str:
    """A staged run with one record and one attempt, over for so long."""
    ledger, of = Ledger(db), document("a.pdf")
    run_id = db.start_run(replace(ORDER, stage=Stage.STAGED))
    ledger.cut(run_id, [info("a.pdf")], is_forced=True)
    ledger.close_plan(run_id)
    lease = ledger.claim(run_id, 0, "one")
    assert lease is not None
    ledger.save(lease, [outcome(of, record(of))])
    ledger.hand_back(lease, Ending.DONE)
    assert ledger.settle(run_id)
    with db.writing() as connection:
        ended = datetime.now(UTC) - timedelta(days=days_ago)
        connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(finished_at=ended))
    return run_id


def count(db: Database) -> tuple[int, int]:
    with db.reading() as connection:
        one, other = (connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (STAGED, ATTEMPTS))
        return one, other


def test_only_what_is_old_goes(db: Database) -> None:
    ended_run(db, days_ago=40)
    young = ended_run(db, days_ago=3)
    assert prune(db, staged_days=30, attempts_days=90) == Pruned(num_staged=1, num_attempts=0)
    assert prune(db, staged_days=30, attempts_days=30) == Pruned(num_staged=0, num_attempts=1)
    assert count(db) == (1, 1)
    assert db.balance(young).is_balanced
    vacuum(db)


def test_a_run_that_is_not_over_keeps_everything(db: Database) -> None:
    run_id = ended_run(db, days_ago=400)
    Ledger(db).reopen(run_id)
    assert prune(db, staged_days=0, attempts_days=0) == Pruned(0, 0)
