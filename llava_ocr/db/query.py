"""Read-only SQL of a person's own over the typed views: one statement, a row limit, a time limit."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from llava_ocr.db.session import Database
from llava_ocr.errors import ConfigError

TIMEOUT_S = 60.0
# SQLite asks after so many of its steps whether to go on.
_STEPS = 20_000
_COMMENT = r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_READS = re.compile(rf"{_COMMENT}(?:SELECT|WITH|VALUES)\b", re.IGNORECASE | re.DOTALL)
# What a statement that only reads asks of SQLite (sqlite3.h): READ, SELECT, FUNCTION, RECURSIVE.
_READING_ACTIONS = frozenset({20, 21, 31, 33})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


class BadQuery(ConfigError):
    """The statement is none that may be run here, or the database does not take it."""

    hint = "Give one SELECT over the views; docs/analysts.md lists their columns."


@dataclass(frozen=True, slots=True)
class Table:
    """What a query found; `is_cut` when there was more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool


def run_query(db: Database, statement: str, *, limit: int, timeout_s: float = TIMEOUT_S) -> Table:
    """Run one statement that only reads, and return at most `limit` rows. Raises BadQuery, DatabaseError.

    The database itself refuses to write: SQLite by an authorizer, PostgreSQL by a read-only transaction.
    """
    assert limit >= 1, limit
    if not _READS.match(statement):
        raise BadQuery("only SELECT (or WITH ... SELECT) can be run")
    bare = statement.strip().rstrip(";")
    with db.reading() as connection:
        is_postgres = connection.dialect.name == "postgresql"
        ask = _ask_postgres if is_postgres else _ask_sqlite
        columns, rows = ask(connection, bare, limit=limit + 1, timeout_s=timeout_s)
    return Table(columns, tuple(rows[:limit]), is_cut=len(rows) > limit)


Found = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def _ask_sqlite(connection: Connection, statement: str, *, limit: int, timeout_s: float) -> Found:
    raw: Any = connection.connection.dbapi_connection
    try:
        with _only_reading(raw, timeout_s):
            cursor = raw.execute(statement)
            rows = [tuple(row) for row in cursor.fetchmany(limit)]
            return tuple(column[0] for column in cursor.description or ()), rows
    except (sqlite3.Error, sqlite3.Warning) as error:
        # It speaks of what the person typed, and of names of tables.
        raise BadQuery(f"the database refuses: {error}") from None


@contextmanager
def _only_reading(raw: Any, timeout_s: float) -> Iterator[None]:
    end = time.monotonic() + timeout_s
    raw.set_authorizer(_allow_reading)
    raw.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        raw.set_authorizer(None)
        raw.set_progress_handler(None, 0)


def _allow_reading(action: int, _: str | None, second: str | None, *__: str | None) -> int:
    is_allowed = action in _READING_ACTIONS and second not in _FORBIDDEN_FUNCTIONS
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _ask_postgres(connection: Connection, statement: str, *, limit: int, timeout_s: float) -> Found:
    import psycopg

    connection.execute(text("SET TRANSACTION READ ONLY"))
    connection.execute(text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(int(timeout_s * 1_000))})
    raw: Any = connection.connection.dbapi_connection
    # Prepared, since the server takes only one statement then; a second could end the read-only transaction.
    limited = f"SELECT * FROM ({statement}\n) AS asked LIMIT {limit}"
    try:
        with raw.cursor() as cursor:
            cursor.execute(limited, prepare=True)
            return tuple(column.name for column in cursor.description), cursor.fetchall()
    except psycopg.Error as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise BadQuery(f"the database refuses: {lines[0][:300]}") from None
