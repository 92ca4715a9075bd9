"""What need not be kept for ever: staged records that nobody promoted, rows of runs long over. Accounts stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, delete, select

from llava_ocr.db.connection import translated
from llava_ocr.db.rows import ATTEMPTS, RUNS, STAGED
from llava_ocr.db.session import Database
from llava_ocr.ledger.order import RunState

OVER = (RunState.COMPLETE, RunState.FAILED, RunState.CANCELLED)
VACUUM = {"sqlite": "PRAGMA optimize", "postgresql": "VACUUM (ANALYZE)"}


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went."""

    num_staged: int
    num_attempts: int


def prune(database: Database, *, staged_days: float, attempts_days: float) -> Pruned:
    """Delete what runs left that have been over for so many days: staged records of both sides, and who held shards.

    A run whose staged records are gone can be neither promoted nor rolled back. How each object of it ended stays:
    that is how later runs know what was done.
    """
    now = datetime.now(UTC)
    staged, attempts = _over(now - timedelta(days=staged_days)), _over(now - timedelta(days=attempts_days))
    with database.writing() as connection:
        num_staged = connection.execute(delete(STAGED).where(STAGED.c.run_id.in_(staged))).rowcount
        num_attempts = connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.run_id.in_(attempts))).rowcount
        return Pruned(num_staged, num_attempts)


def vacuum(database: Database) -> None:
    """Let the database tidy up and count its rows, so that it goes on planning queries well."""
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with translated(engine.url), engine.connect() as connection:
        connection.exec_driver_sql(VACUUM[engine.dialect.name])


def _over(before: datetime) -> Select[tuple[str]]:
    return select(RUNS.c.id).where(RUNS.c.state.in_(OVER), RUNS.c.finished_at < before)
