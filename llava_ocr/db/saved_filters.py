"""Selections of records that people keep under a name."""

from __future__ import annotations

from urllib.parse import unquote_plus

from sqlalchemy import Connection, delete, select

from llava_ocr.db.review_rows import SAVED_FILTERS
from llava_ocr.db.upserts import upsert
from llava_ocr.review.terms import searchable


def list_filters(connection: Connection, who: str) -> dict[str, str]:
    """Return somebody's filters: query strings by name."""
    own = select(SAVED_FILTERS).where(SAVED_FILTERS.c.who == who).order_by(SAVED_FILTERS.c.name)
    return {row.name: row.query for row in connection.execute(own)}


def save_filter(connection: Connection, who: str, name: str, query: str) -> None:
    """Keep a filter, in place of one of the same name."""
    upsert(connection, SAVED_FILTERS, [{"who": who, "name": name, "query": query}])


def drop_filter(connection: Connection, who: str, name: str) -> None:
    """Forget a filter."""
    connection.execute(delete(SAVED_FILTERS).where(SAVED_FILTERS.c.who == who, SAVED_FILTERS.c.name == name))


def drop_filters_about(connection: Connection, phrase: str) -> int:
    """Forget every filter that holds a phrase of plain words, whoever kept it; returns how many there were."""
    rows = connection.execute(select(SAVED_FILTERS)).all()
    about = [row for row in rows if f" {phrase} " in f" {searchable(f'{row.name} {unquote_plus(row.query)}')} "]
    for row in about:
        drop_filter(connection, row.who, row.name)
    return len(about)
