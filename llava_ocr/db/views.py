"""Typed SQL views of the generic tables, one set a schema: `invoice` (a row a record), `invoice_lines` (a row a line).

For every leaf a view has the value and, with these endings, what is known of it: `_state`, `_confidence`, `_text` (as
printed), `_page_index`, `_boxes` (JSON). Current records only. An amount is a number that compares, sorts and has a
maximum: `numeric` on PostgreSQL, the nearest double on SQLite, which has no better. Beside it stand `_exact`, all its
digits as text, and `_x10000`, an integer that adds up exactly on both databases:
`SELECT SUM(total_x10000) / 10000.0 FROM invoice WHERE duplicate_of IS NULL`. `duplicate_of` is the document that came
first of those that are the same, NULL for the first itself, so that everything counts once. `addresses` is a JSON list
of where the document's bytes lie; bytes that were replaced at their last address are in no view.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    REAL,
    Column,
    ColumnElement,
    Connection,
    Date,
    Label,
    Numeric,
    Select,
    Text,
    cast,
    exc,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.types import TypeEngine

from llava_ocr.db.flat import ADDRESSES, HEAD, SAME_AS, leaf_columns, list_columns
from llava_ocr.db.links import first_of_record
from llava_ocr.db.rows import FIELDS, LOCATIONS, RECORDS, VIEWS, Row
from llava_ocr.db.upgrades import lock_tables
from llava_ocr.db.upserts import upsert
from llava_ocr.db.values import ValueType
from llava_ocr.errors import BadSchema, DatabaseError
from llava_ocr.schema import DocumentSchema, Kind, LeafNode, tree

# PostgreSQL cuts longer names off without a word.
MAX_NAME_BYTES = 63
# PostgreSQL's word for "something else is built on this".
DEPENDENT_OBJECTS = "2BP01"
DECIMALS = (Kind.MONEY, Kind.NUMBER)


class Cast(NamedTuple):
    """The `value_type` that a leaf's values have, and what each database makes of their text."""

    value_type: str
    postgres: TypeEngine[Any]
    sqlite: TypeEngine[Any]


CASTS = {
    Kind.MONEY: Cast(ValueType.DECIMAL, Numeric(), REAL()),
    Kind.NUMBER: Cast(ValueType.DECIMAL, Numeric(), REAL()),
    # ISO dates sort as text; SQLite would cast them to their year.
    Kind.DATE: Cast(ValueType.DATE, Date(), Text()),
}

Find = Callable[..., ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class View:
    """A view to be: its name, the leaves it shows and whether a row is a row of a list."""

    name: str
    schema: str
    leaves: tuple[tuple[str, LeafNode], ...]
    is_rows: bool


def views_of(schema: type[DocumentSchema]) -> list[View]:
    """List the views of a schema: its own, then one for each list in it. Raises BadSchema where names clash."""
    root = tree(schema)
    found = [View(root.name, root.name, tuple(leaf_columns(root)), is_rows=False)]
    found += [
        View(f"{root.name}_{name}", root.name, tuple(leaf_columns(node.row)), is_rows=True)
        for name, node in list_columns(root)
    ]
    for view in found:
        _refuse_clashes(view)
    return found


def refresh_views(connection: Connection, schema: type[DocumentSchema]) -> None:
    """Create the views of a schema, or replace those whose definition has changed; else touch nothing.

    Raises DatabaseError when a view of someone else's has the name, or one of theirs hangs on the old definition.
    """
    lock_tables(connection)
    known = {row.name: row.fingerprint for row in connection.execute(select(VIEWS))}
    present = set(inspect(connection).get_view_names())
    for view in views_of(schema):
        definition = view_sql(connection, view)
        fingerprint = hashlib.sha256(definition.encode()).hexdigest()[:16]
        if view.name in present and view.name not in known:
            raise DatabaseError(f"the database has a view {view.name} that is not ours; drop or rename it")
        if view.name in present and known[view.name] == fingerprint:
            continue
        _replace(connection, view.name, definition)
        upsert(connection, VIEWS, [{"name": view.name, "schema_name": view.schema, "fingerprint": fingerprint}])


def schemas_with_views(connection: Connection) -> list[str]:
    """Name the schemas whose views were made, whether they are still there or not."""
    return sorted(connection.execute(select(VIEWS.c.schema_name).distinct()).scalars())


def missing(connection: Connection) -> list[str]:
    """Describe the views that were made and are gone."""
    present = set(inspect(connection).get_view_names())
    lost = [row for row in connection.execute(select(VIEWS).order_by(VIEWS.c.name)) if row.name not in present]
    return [f"the view {row.name} is gone; it comes back with the next run of schema {row.schema_name}" for row in lost]


def view_sql(connection: Connection, view: View) -> str:
    """Write the view's SELECT in the database's dialect."""
    query = _row_query(connection, view) if view.is_rows else _record_query(connection, view)
    return str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))


def _replace(connection: Connection, name: str, definition: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(name)
    try:
        connection.execute(text(f"DROP VIEW IF EXISTS {quoted}"))
    except exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != DEPENDENT_OBJECTS:
            raise
        raise DatabaseError(f"view {name} has changed, but views of yours depend on it; drop them first") from error
    # Names come from Python identifiers, so there is nothing in them that a driver takes for a parameter.
    connection.exec_driver_sql(f"CREATE VIEW {quoted} AS {definition}")


def _record_query(connection: Connection, view: View) -> Select[Any]:
    """Look each column up by the field's key, so that a query pays for the records and columns it asks for, no more."""

    def look_up(leaf: LeafNode, column: Column[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        is_it = (FIELDS.c.record_id == RECORDS.c.id, FIELDS.c.path == leaf.path, *conditions)
        return select(column).where(*is_it).correlate(RECORDS).scalar_subquery()

    columns = [column for name, leaf in view.leaves for column in _leaf_columns(connection, name, leaf, look_up)]
    head = (RECORDS.c.id.label("record_id"), *(RECORDS.c[name] for name in HEAD))
    same_as = [
        first_of_record(column).correlate(RECORDS).scalar_subquery().label(name)
        for name, column in zip(SAME_AS, ("document_id", "kind"), strict=True)
    ]
    return select(*head, *same_as, _addresses(connection), *columns).where(
        RECORDS.c.schema_name == view.schema, RECORDS.c.is_current
    )


def _addresses(connection: Connection) -> Label[Any]:
    """All addresses of a record's document, as a JSON list."""
    here = LOCATIONS.c.document_id == RECORDS.c.document_id
    listed: ColumnElement[Any] = func.json_group_array(LOCATIONS.c.uri)
    if connection.dialect.name == "postgresql":
        listed = cast(func.json_agg(aggregate_order_by(LOCATIONS.c.uri, LOCATIONS.c.uri)), Text)
    return select(listed).where(here).correlate(RECORDS).scalar_subquery().label(ADDRESSES)


def _row_query(connection: Connection, view: View) -> Select[Any]:
    """Gather the fields of each row. All of the head is grouped by, so that a condition on it reaches the records."""

    def pick(leaf: LeafNode, column: Column[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        # One field at most has the name in a row, so `max` only picks it.
        return func.max(column).filter(FIELDS.c.name == leaf.path, *conditions)

    columns = [column for name, leaf in view.leaves for column in _leaf_columns(connection, name, leaf, pick)]
    head = (RECORDS.c.id.label("record_id"), *(RECORDS.c[name] for name in HEAD), FIELDS.c.row_index)
    return (
        select(*head, *columns)
        .join_from(RECORDS, FIELDS, FIELDS.c.record_id == RECORDS.c.id)
        .where(RECORDS.c.schema_name == view.schema, RECORDS.c.is_current)
        .where(FIELDS.c.name.in_([leaf.path for _, leaf in view.leaves]))
        .group_by(RECORDS.c.id, *(RECORDS.c[name] for name in HEAD), FIELDS.c.row_index)
    )


def _leaf_columns(connection: Connection, name: str, leaf: LeafNode, find: Find) -> Iterator[Label[Any]]:
    cast_to = CASTS.get(leaf.leaf.kind)
    if cast_to is None:
        yield find(leaf, FIELDS.c.value_text).label(name)
    else:
        # A value of another type than the leaf's (the schema changed) is left out; its cast would fail the view.
        value = find(leaf, FIELDS.c.value_text, FIELDS.c.value_type == cast_to.value_type)
        is_postgres = connection.dialect.name == "postgresql"
        yield cast(value, cast_to.postgres if is_postgres else cast_to.sqlite).label(name)
        if leaf.leaf.kind in DECIMALS:
            yield value.label(f"{name}_exact")
            yield find(leaf, FIELDS.c.value_x10000).label(f"{name}_x10000")
    for ending in ("state", "confidence", "text", "page_index", "boxes"):
        yield find(leaf, FIELDS.c[ending]).label(f"{name}_{ending}")


def _refuse_clashes(view: View) -> None:
    if view.name in Row.metadata.tables:
        raise BadSchema(f"schema {view.schema}: the database has a table {view.name}; choose another name")
    taken = {"record_id", "row_index", *HEAD, *SAME_AS, ADDRESSES}
    for name, leaf in view.leaves:
        endings = ["", "_state", "_confidence", "_text", "_page_index", "_boxes"]
        endings += ["_exact", "_x10000"] if leaf.leaf.kind in DECIMALS else []
        for column in (name + ending for ending in endings):
            if column in taken:
                raise BadSchema(f"schema {view.schema}: two columns {column} in view {view.name}; rename a field")
            if len(column.encode()) > MAX_NAME_BYTES:
                raise BadSchema(f"schema {view.schema}: column {column} is longer than {MAX_NAME_BYTES} bytes")
            taken.add(column)
