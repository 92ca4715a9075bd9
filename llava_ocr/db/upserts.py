"""Bulk writes that can be repeated: insert, or replace what has the same key.

Rows always go in as the second argument of `execute`: a statement with the values written into it is compiled anew
for every batch and runs ten times slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

# Rows to a statement's IN list, far below what either database takes.
CHUNK = 500

T = TypeVar("T")


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: tuple[str, ...] = ()
) -> None:
    """Insert rows; where the key exists, replace all but the `keep` columns. Rows must all have the same columns."""
    if rows:
        columns = tuple(rows[0])
        connection.execute(_statement(connection.dialect.name, table, columns, keep), list(rows))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows; where the key exists, change nothing. Returns how many were new."""
    if not rows:
        return 0
    inserted = _insert(connection.dialect.name, table).on_conflict_do_nothing()
    return connection.execute(inserted.execution_options(preserve_rowcount=True), list(rows)).rowcount


def insert_selected(dialect: str, table: Table, query: Select[Any]) -> Insert:
    """Return the statement that inserts what a query selects, by its column names, where the key does not exist yet."""
    columns = [column.name for column in query.selected_columns]
    if dialect == "postgresql":
        return postgresql.insert(table).from_select(columns, query).on_conflict_do_nothing()
    return sqlite.insert(table).from_select(columns, query).on_conflict_do_nothing()


def upsert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """`upsert` for hot tables of plain types: rows are tuples of all columns in order, handed straight to the driver.

    Three times as fast, because SQLAlchemy touches no row.
    """
    if rows:
        connection.exec_driver_sql(_driver_sql(connection, table), list(rows))


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut items into lists of at most `size`."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def key_of(table: Table) -> tuple[str, ...]:
    """Return the columns that name a row: the unique constraint where the primary key is only a counter."""
    unique = next((item for item in table.constraints if isinstance(item, UniqueConstraint)), None)
    return tuple(column.name for column in (unique or table.primary_key).columns)


@cache
def _statement(dialect: str, table: Table, columns: tuple[str, ...], keep: tuple[str, ...]) -> Insert:
    key = key_of(table)
    insert = _insert(dialect, table)
    changed = {name: insert.excluded[name] for name in columns if name not in key and name not in keep}
    return insert.on_conflict_do_update(index_elements=key, set_=changed)


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _driver_sql(connection: Connection, table: Table) -> str:
    columns = tuple(column.name for column in table.columns)
    compiled = _statement(connection.dialect.name, table, columns, ()).compile(dialect=connection.dialect)
    assert compiled.positiontup == list(columns), compiled.positiontup
    return str(compiled)
