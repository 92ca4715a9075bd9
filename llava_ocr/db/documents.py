"""What the pages ask about a document: whether it is known, where it lies, what was read from it and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from llava_ocr.db.rows import DOCUMENTS, LOCATIONS, RECORDS
from llava_ocr.db.stored import StoredRecord


@dataclass(frozen=True, slots=True)
class Version:
    """One reading of a record."""

    id: int
    run_id: str
    engine: str
    made_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """Another current record of the same document."""

    id: int
    schema_name: str
    record_index: int


def count_pages(connection: Connection, document_id: str) -> int | None:
    """How many pages a document has, None where nobody knows it."""
    found: int | None = connection.execute(select(DOCUMENTS.c.num_pages).where(DOCUMENTS.c.id == document_id)).scalar()
    return found


def places_of(connection: Connection, document_id: str) -> list[str]:
    """Where a document lay when it was last seen."""
    places = select(LOCATIONS.c.uri).where(LOCATIONS.c.document_id == document_id).order_by(LOCATIONS.c.uri)
    return list(connection.execute(places).scalars())


def versions_of(connection: Connection, record: StoredRecord) -> tuple[Version, ...]:
    """List all readings of a record, the newest first."""
    columns = (RECORDS.c.id, RECORDS.c.run_id, RECORDS.c.engine, RECORDS.c.made_at, RECORDS.c.is_current)
    same = (RECORDS.c.schema_name == record.schema, RECORDS.c.record_index == record.record_index)
    found = select(*columns).where(RECORDS.c.document_id == record.document_id, *same)
    return tuple(Version(*row) for row in connection.execute(found.order_by(RECORDS.c.made_at.desc(), RECORDS.c.id)))


def other_records(connection: Connection, record: StoredRecord) -> tuple[OtherRecord, ...]:
    """List the other current records of the document."""
    same = (RECORDS.c.schema_name == record.schema) & (RECORDS.c.record_index == record.record_index)
    found = select(RECORDS.c.id, RECORDS.c.schema_name, RECORDS.c.record_index)
    found = found.where(RECORDS.c.document_id == record.document_id, RECORDS.c.is_current, ~same)
    return tuple(OtherRecord(*row) for row in connection.execute(found.order_by(RECORDS.c.id)))
