"""The tables. Generic on purpose: records and fields are rows by path; typed SQL views per schema stand in `views`.

Amounts never pass through floats: `fields.value_text` is the exact decimal as text, `fields.value_x10000` the same
times 10,000 as an integer, which sorts and sums. Times are aware. A change here needs a new file in `migrations`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Enum, Float, ForeignKeyConstraint, Index, Integer, MetaData, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field, SQLModel

from llava_ocr.ledger.order import ReadState, RunState
from llava_ocr.records import PageState, WordReader

NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}

# SQLite counts up only in a column declared as INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")
DocumentId = String(64)
RunId = String(32)
Fingerprint = String(64)
Name = String(128)


def _words(kind: type[StrEnum]) -> Enum:
    """Return the type for an enum's values as plain strings, so that a new value needs no change of a database type."""
    return Enum(kind, native_enum=False, length=16, values_callable=lambda members: [m.value for m in members])


def _of_record() -> ForeignKeyConstraint:
    """Tie a row to its record, so that it goes when the record goes."""
    return ForeignKeyConstraint(["record_id"], ["records.id"], ondelete="CASCADE")


class Row(SQLModel):
    """Base of all tables; their names end in `Row`."""

    metadata = MetaData(naming_convention=NAMES)


class DocumentRow(Row, table=True):
    """One content, named by the SHA-256 of its bytes."""

    __tablename__ = "documents"

    id: str = Field(sa_type=DocumentId, primary_key=True)
    size_bytes: int = Field(sa_type=BigInteger)
    media_type: str = Field(sa_type=Name)
    num_pages: int
    first_seen_at: datetime


class LocationRow(Row, table=True):
    """Where a document lies: one content under two keys is one document with two locations."""

    __tablename__ = "locations"

    uri: str = Field(sa_type=Text, primary_key=True)
    document_id: str = Field(sa_type=DocumentId, foreign_key="documents.id", index=True)
    etag: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    modified_at: datetime | None
    seen_at: datetime


class RunRow(Row, table=True):
    """One order of work. `order_json` holds it whole."""

    __tablename__ = "runs"

    id: str = Field(sa_type=RunId, primary_key=True)
    source: str = Field(sa_type=Text)
    schema_name: str = Field(sa_type=Name)
    schema_fingerprint: str = Field(sa_type=Fingerprint)
    engine: str = Field(sa_type=Text)
    engine_fingerprint: str = Field(sa_type=Fingerprint)
    order_json: str = Field(sa_type=Text)
    state: RunState = Field(sa_type=_words(RunState))
    started_at: datetime = Field(index=True)
    finished_at: datetime | None


class ReadRow(Row, table=True):
    """One planned object in a run and how reading it ended. `num_pages` is what the document said on opening."""

    __tablename__ = "reads"
    __table_args__ = (Index("ix_reads_document_id", "document_id", "state"), Index("ix_reads_state", "run_id", "state"))

    run_id: str = Field(sa_type=RunId, primary_key=True, foreign_key="runs.id")
    uri: str = Field(sa_type=Text, primary_key=True)
    document_id: str | None = Field(sa_type=DocumentId, foreign_key="documents.id")
    etag: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    modified_at: datetime | None
    state: ReadState = Field(sa_type=_words(ReadState))
    reason: str = Field(sa_type=Name)
    message: str = Field(sa_type=Text)
    num_pages: int
    seconds: float
    seconds_json: str = Field(sa_type=Text)
    ended_at: datetime | None


class PageRow(Row, table=True):
    """How one page of a document ended in a run."""

    __tablename__ = "pages"

    run_id: str = Field(sa_type=RunId, primary_key=True, foreign_key="runs.id")
    document_id: str = Field(sa_type=DocumentId, primary_key=True, foreign_key="documents.id")
    page_index: int = Field(primary_key=True)
    state: PageState = Field(sa_type=_words(PageState))
    reason: str = Field(sa_type=Name)
    message: str = Field(sa_type=Text)
    image_hash: str = Field(sa_type=Fingerprint)
    reader: WordReader = Field(sa_type=_words(WordReader))


class RecordRow(Row, table=True):
    """One filled schema. One row for a (document, record, schema fingerprint, engine fingerprint).

    `is_current` marks the newest reading of a document as a schema; the older ones stay for comparison.
    """

    __tablename__ = "records"
    __table_args__ = (
        Unique("document_id", "schema_name", "schema_fingerprint", "engine_fingerprint", "record_index"),
        # Not over `is_current`: SQLite would then look a document's records up among all current ones.
        Index("ix_records_schema_name", "schema_name", "document_id"),
    )

    id: int = Field(sa_type=BigKey, primary_key=True)
    document_id: str = Field(sa_type=DocumentId, foreign_key="documents.id")
    record_index: int
    schema_name: str = Field(sa_type=Name)
    schema_fingerprint: str = Field(sa_type=Fingerprint)
    engine: str = Field(sa_type=Text)
    engine_fingerprint: str = Field(sa_type=Fingerprint)
    run_id: str = Field(sa_type=RunId, foreign_key="runs.id", index=True)
    uri: str = Field(sa_type=Text)
    needs_review: bool
    is_current: bool
    num_prompt_tokens: int
    num_new_tokens: int
    num_forced_tokens: int
    made_at: datetime


class FieldRow(Row, table=True):
    """One leaf of a record. Hot: plain types only, and on SQLite stored in the order of its key.

    `name` is the leaf's path in the schema (`lines[].line_total`), `path` that in the record (`lines[2].line_total`).
    `text` is what is printed, `value_text` the typed value as text (decimal point, ISO date), `value_type` one of
    `values.ValueType`. `boxes` and `candidates` are JSON lists.
    """

    __tablename__ = "fields"
    __table_args__ = (_of_record(), {"sqlite_with_rowid": False})

    record_id: int = Field(sa_type=BigInteger, primary_key=True)
    path: str = Field(sa_type=Text, primary_key=True)
    field_index: int
    name: str = Field(sa_type=Text)
    row_index: int | None
    state: str = Field(sa_type=String(16))
    text: str | None = Field(sa_type=Text)
    value_type: str | None = Field(sa_type=String(16))
    value_text: str | None = Field(sa_type=Text)
    value_x10000: int | None = Field(sa_type=BigInteger)
    confidence: float = Field(sa_type=Float)
    page_index: int | None
    boxes: str | None = Field(sa_type=Text)
    reader: str | None = Field(sa_type=String(16))
    score: float | None = Field(sa_type=Float)
    candidates: str | None = Field(sa_type=Text)


class FindingRow(Row, table=True):
    """A cross-field check of a record that does not hold. `paths` is a JSON list."""

    __tablename__ = "findings"
    __table_args__ = (_of_record(),)

    record_id: int = Field(sa_type=BigInteger, primary_key=True)
    finding_index: int = Field(primary_key=True)
    check_name: str = Field(sa_type=Name)
    message: str = Field(sa_type=Text)
    paths: str = Field(sa_type=Text)


class ViewRow(Row, table=True):
    """A typed view that `views` made; `fingerprint` is its definition's."""

    __tablename__ = "views"

    name: str = Field(sa_type=Name, primary_key=True)
    schema_name: str = Field(sa_type=Name)
    fingerprint: str = Field(sa_type=Fingerprint)


def _table(row: type[Row]) -> Table:
    return Row.metadata.tables[str(row.__tablename__)]


DOCUMENTS, LOCATIONS = _table(DocumentRow), _table(LocationRow)
RUNS, READS, PAGES = _table(RunRow), _table(ReadRow), _table(PageRow)
RECORDS, FIELDS, FINDINGS = _table(RecordRow), _table(FieldRow), _table(FindingRow)
VIEWS = _table(ViewRow)
