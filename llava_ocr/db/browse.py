"""Lists of records: filter, search, sort, page by key, add up. Reads `listings` alone, so a million is fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    case,
    literal,
    literal_column,
    select,
    text,
    tuple_,
)

from llava_ocr.db.review_rows import LISTINGS
from llava_ocr.db.rows import FIELDS, RECORDS
from llava_ocr.review.status import WAITING
from llava_ocr.review.terms import phrases_of

# A search that finds more looks at the newest of them only, and says so.
MAX_FOUND = 20_000
PAGE_SIZE = 50
# Confidence in words; the borders are those of `grounding.read` and of a value that needs no second look.
BANDS = {"low": (0.0, 0.5), "middle": (0.5, 0.9), "high": (0.9, 1.01)}


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort: by a column, then by record."""

    column: Column[Any]
    is_falling: bool
    label: str


ORDERS = {
    "newest": Order(LISTINGS.c.record_id, True, "Newest first"),
    "gain": Order(LISTINGS.c.gain, True, "Worth checking first"),
    "date": Order(LISTINGS.c.issued_on, True, "Latest date first"),
    "date_up": Order(LISTINGS.c.issued_on, False, "Earliest date first"),
    "amount": Order(LISTINGS.c.amount_x10000, True, "Largest amount first"),
    "amount_up": Order(LISTINGS.c.amount_x10000, False, "Smallest amount first"),
    "party": Order(LISTINGS.c.party, False, "By name"),
    "confidence": Order(LISTINGS.c.confidence, False, "Least sure first"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are wanted; what is empty does not matter."""

    q: str = ""
    schema: str = ""
    party: str = ""
    month: str = ""
    status: str = ""
    run: str = ""
    band: str = ""


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Listed:
    """One record in a list."""

    record_id: int
    document_id: str
    schema: str
    uri: str
    party: str
    number: str
    issued_on: str
    currency: str
    amount: Decimal
    confidence: float
    num_doubtful: int
    num_findings: int
    num_conflicts: int
    status: str
    gain: float


@dataclass(frozen=True, slots=True)
class ListPage:
    """A screenful of records; `after` is what to ask for to get the next, empty on the last one."""

    rows: tuple[Listed, ...]
    after: str


def list_page(
    connection: Connection, wanted: Filter, *, order: str = "newest", after: str = "", size: int = PAGE_SIZE
) -> ListPage:
    """Read one screenful. `after` is an earlier page's; one that can't be read starts from the beginning."""
    sort = ORDERS[order]
    key = [sort.column, LISTINGS.c.record_id]
    query = select(LISTINGS).where(*conditions_of(connection, wanted))
    query = query.order_by(*(column.desc() if sort.is_falling else column for column in dict.fromkeys(key)))
    last = _key(after, sort)
    if last is not None:
        place, border = tuple_(*key), tuple_(*(literal(value) for value in last))
        query = query.where(place < border if sort.is_falling else place > border)
    found = connection.execute(query.limit(size + 1)).all()
    rows = tuple(_listed(row) for row in found[:size])
    if len(found) <= size:
        return ListPage(rows, "")
    edge = found[size - 1]
    return ListPage(rows, f"{edge.record_id}~{edge._mapping[sort.column.name]}")


def values_at(connection: Connection, record_ids: Sequence[int], paths: Sequence[str]) -> dict[tuple[int, str], str]:
    """Look up the values of further columns for the records of one screen."""
    query = select(FIELDS.c.record_id, FIELDS.c.path, FIELDS.c.value_text)
    query = query.where(FIELDS.c.record_id.in_(record_ids), FIELDS.c.path.in_(paths))
    return {(row.record_id, row.path): row.value_text or "" for row in connection.execute(query)}


def records_of(connection: Connection, document_ids: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the listed records of documents by document and record index, the newest of several schemas."""
    columns = (LISTINGS.c.document_id, LISTINGS.c.record_index, LISTINGS.c.record_id)
    found = select(*columns).where(LISTINGS.c.document_id.in_(document_ids)).order_by(LISTINGS.c.record_id)
    return {(row.document_id, row.record_index): row.record_id for row in connection.execute(found)}


def matching(connection: Connection, wanted: Filter) -> ColumnElement[bool] | None:
    """Say as a condition on records that a filter finds them; None for a filter that says nothing."""
    conditions = conditions_of(connection, wanted)
    return RECORDS.c.id.in_(select(LISTINGS.c.record_id).where(*conditions)) if conditions else None


def next_to_review(connection: Connection, wanted: Filter, *, skip: Sequence[int] = ()) -> int | None:
    """Return the record most worth looking at, those of `skip` (seen a moment ago) aside."""
    query = select(LISTINGS.c.record_id).where(LISTINGS.c.status.in_(WAITING), *conditions_of(connection, wanted))
    query = query.where(LISTINGS.c.record_id.not_in(skip)) if skip else query
    return connection.execute(query.order_by(LISTINGS.c.gain.desc(), LISTINGS.c.record_id.desc()).limit(1)).scalar()


def band_column() -> ColumnElement[str]:
    """The confidence of a record in words. Written out, because PostgreSQL groups by no expression with parameters."""
    below = [
        (LISTINGS.c.confidence < literal_column(str(high)), literal_column(f"'{name}'", String))
        for name, (_, high) in BANDS.items()
    ]
    return case(*below, else_=literal_column("'high'", String))


def conditions_of(connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    """Say a filter as conditions on `listings`."""
    equal = {"schema_name": wanted.schema, "party": wanted.party, "month": wanted.month, "status": wanted.status}
    conditions: list[ColumnElement[bool]] = [LISTINGS.c[name] == value for name, value in equal.items() if value]
    if wanted.run:
        conditions.append(LISTINGS.c.run_id == wanted.run)
    if wanted.band in BANDS:
        low, high = BANDS[wanted.band]
        conditions += [LISTINGS.c.confidence >= low, LISTINGS.c.confidence < high]
    phrases = phrases_of(wanted.q)
    if phrases:
        conditions.append(LISTINGS.c.record_id.in_(_found(connection, phrases)))
    return conditions


def _found(connection: Connection, phrases: Sequence[Sequence[str]]) -> Select[Any]:
    """Select the records whose words have all phrases. What is typed reaches the index as plain words only."""
    if connection.dialect.name == "postgresql":
        query = " & ".join(f"({' <-> '.join(phrase)}:*)" for phrase in phrases)
        clause = "SELECT record_id FROM listings_search WHERE words @@ to_tsquery('simple', :query) LIMIT :most"
    else:
        query = " AND ".join(f'"{" ".join(phrase)}"*' for phrase in phrases)
        clause = (
            "SELECT rowid AS record_id FROM listings_search WHERE listings_search MATCH :query "
            "ORDER BY rowid DESC LIMIT :most"
        )
    found = text(clause).bindparams(query=query, most=MAX_FOUND).columns(LISTINGS.c.record_id).subquery()
    return select(found.c.record_id)


def _key(after: str, sort: Order) -> tuple[Any, Any] | None:
    number, _, value = after.partition("~")
    try:
        kind = sort.column.type.python_type
        return kind(value), int(number)
    except ValueError:
        return None


def _listed(row: Any) -> Listed:
    return Listed(
        record_id=row.record_id,
        document_id=row.document_id,
        schema=row.schema_name,
        uri=row.uri,
        party=row.party,
        number=row.number,
        issued_on=row.issued_on,
        currency=row.currency,
        amount=Decimal(row.amount_x10000) / 10_000,
        confidence=row.confidence,
        num_doubtful=row.num_doubtful,
        num_findings=row.num_findings,
        num_conflicts=row.num_conflicts,
        status=row.status,
        gain=row.gain,
    )
