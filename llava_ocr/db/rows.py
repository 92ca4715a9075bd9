"""The tables. Generic on purpose: records and fields are rows by path; typed SQL views per schema stand in `views`.

Amounts never pass through floats: `fields.value_text` is the exact decimal as text, `fields.value_x10000` the same
times 10,000 as an integer, which sorts and sums. Times are aware. A change here needs a new file in `migrations`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Enum,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field, SQLModel

from llava_ocr.ledger.leases import Ending, ShardState
from llava_ocr.ledger.order import ReadState, RunState, Stage
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
ClaimId = String(16)
Name = String(128)
# Columns that came later; older rows hold this.
ZERO = {"server_default": text("0")}


def _words(kind: type[StrEnum]) -> Enum:
    """Return the type for an enum's values as plain strings, so that a new value needs no change of a database type."""
    return Enum(kind, native_enum=False, length=16, values_callable=lambda members: [m.value for m in members])


def of_record() -> ForeignKeyConstraint:
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
    """One order of work. `order_json` holds it whole; `is_planned` says that every object it names has a shard."""

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
    is_planned: bool = Field(sa_column_kwargs={"server_default": false()})
    stage: Stage = Field(sa_type=_words(Stage), sa_column_kwargs={"server_default": text("'live'")})


class ReadRow(Row, table=True):
    """One planned object in a run and how reading it ended. `num_pages` is what the document said on opening.

    `key_json` is its key in the store, as JSON because keys may hold what a text column can't.
    `started_token` is the lease under which a cautious worker last began it, `num_crashes` how often that worker died.
    """

    __tablename__ = "reads"
    __table_args__ = (
        Index("ix_reads_document_id", "document_id", "state"),
        Index("ix_reads_state", "run_id", "state"),
        Index("ix_reads_shard", "run_id", "shard_index", "state"),
    )

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
    key_json: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'\"\"'")})
    size_bytes: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    shard_index: int = Field(sa_column_kwargs=ZERO)
    started_token: int = Field(sa_column_kwargs=ZERO)
    num_crashes: int = Field(sa_column_kwargs=ZERO)


class ShardRow(Row, table=True):
    """A fixed slice of a run and who holds it. `token` rises with every change of hands; see `ledger.leases.Shard`."""

    __tablename__ = "shards"
    __table_args__ = (Index("ix_shards_state", "state", "run_id"),)

    run_id: str = Field(sa_type=RunId, primary_key=True, foreign_key="runs.id")
    shard_index: int = Field(primary_key=True)
    state: ShardState = Field(sa_type=_words(ShardState))
    num_objects: int
    token: int
    owner: str = Field(sa_type=Name)
    lease_until: datetime | None
    hard_until: datetime | None
    progress_at: datetime | None
    not_before: datetime | None
    num_tries: int
    num_crashes: int
    num_idle_crashes: int


class AttemptRow(Row, table=True):
    """One holding of a shard: by whom, how it ended, and the failure class behind it where there is one.

    `claim_id` names the call that began it, so that whoever lost the answer knows it for its own.
    """

    __tablename__ = "attempts"

    run_id: str = Field(sa_type=RunId, primary_key=True, foreign_key="runs.id")
    shard_index: int = Field(primary_key=True)
    token: int = Field(primary_key=True)
    owner: str = Field(sa_type=Name)
    started_at: datetime
    ended_at: datetime | None
    ending: Ending | None = Field(sa_type=_words(Ending))
    reason: str = Field(sa_type=Name)
    claim_id: str = Field(sa_type=ClaimId, sa_column_kwargs={"server_default": text("''")})


class HoldRow(Row, table=True):
    """Which lease reads a content under these fingerprints, so that no two runs pay for it. Dead with its lease."""

    __tablename__ = "holds"

    document_id: str = Field(sa_type=DocumentId, primary_key=True)
    schema_fingerprint: str = Field(sa_type=Fingerprint, primary_key=True)
    engine_fingerprint: str = Field(sa_type=Fingerprint, primary_key=True)
    run_id: str = Field(sa_type=RunId, foreign_key="runs.id", index=True)
    shard_index: int
    token: int


class PageRow(Row, table=True):
    """How one page of a document ended in a run. `saved_s`: its answer was known, and took so long when it was made."""

    __tablename__ = "pages"

    run_id: str = Field(sa_type=RunId, primary_key=True, foreign_key="runs.id")
    document_id: str = Field(sa_type=DocumentId, primary_key=True, foreign_key="documents.id")
    page_index: int = Field(primary_key=True)
    state: PageState = Field(sa_type=_words(PageState))
    reason: str = Field(sa_type=Name)
    message: str = Field(sa_type=Text)
    image_hash: str = Field(sa_type=Fingerprint)
    reader: WordReader = Field(sa_type=_words(WordReader))
    saved_s: float | None = Field(sa_type=Float)


class RecordRow(Row, table=True):
    """One filled schema. One row for a (document, record, schema fingerprint, engine fingerprint).

    `is_current` marks the newest reading of a document as a schema; the older ones stay for comparison. Where other
    bytes took the document's last address, `superseded_by` is the run that found them, and nothing of it is current.
    `page_indices` (a JSON list, in reading order) are the pages of a bundle that it is of, NULL where it is of the
    whole document; `part_reason` and `part_certainty` say why a document begins there.
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
    page_indices: str | None = Field(sa_type=Text)
    part_reason: str | None = Field(sa_type=Name)
    part_certainty: float | None = Field(sa_type=Float)
    superseded_by: str | None = Field(sa_type=RunId, index=True)


class FieldRow(Row, table=True):
    """One leaf of a record. Hot: plain types only, and on SQLite stored in the order of its key.

    `name` is the leaf's path in the schema (`lines[].line_total`), `path` that in the record (`lines[2].line_total`).
    `text` is what is printed, `value_text` the typed value as text (decimal point, ISO date), `value_type` one of
    `values.ValueType`. `boxes` and `candidates` are JSON lists.
    """

    __tablename__ = "fields"
    __table_args__ = (of_record(), {"sqlite_with_rowid": False})

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
    __table_args__ = (of_record(),)

    record_id: int = Field(sa_type=BigInteger, primary_key=True)
    finding_index: int = Field(primary_key=True)
    check_name: str = Field(sa_type=Name)
    message: str = Field(sa_type=Text)
    paths: str = Field(sa_type=Text)


class StagedRow(Row, table=True):
    """A record of a staged run, whole, as JSON: `is_new` waits to be promoted, the others were current before that."""

    __tablename__ = "staged_records"

    run_id: str = Field(sa_type=RunId, primary_key=True, foreign_key="runs.id")
    document_id: str = Field(sa_type=DocumentId, primary_key=True)
    is_new: bool = Field(primary_key=True)
    record_index: int = Field(primary_key=True)
    payload_json: str = Field(sa_type=Text)


class ViewRow(Row, table=True):
    """A typed view that `views` made; `fingerprint` is its definition's."""

    __tablename__ = "views"

    name: str = Field(sa_type=Name, primary_key=True)
    schema_name: str = Field(sa_type=Name)
    fingerprint: str = Field(sa_type=Fingerprint)


def table_of(row: type[Row]) -> Table:
    """Return the table behind a row class."""
    return Row.metadata.tables[str(row.__tablename__)]


DOCUMENTS, LOCATIONS = table_of(DocumentRow), table_of(LocationRow)
RUNS, READS, PAGES = table_of(RunRow), table_of(ReadRow), table_of(PageRow)
RECORDS, FIELDS, FINDINGS = table_of(RecordRow), table_of(FieldRow), table_of(FindingRow)
SHARDS, ATTEMPTS, HOLDS = table_of(ShardRow), table_of(AttemptRow), table_of(HoldRow)
STAGED, VIEWS = table_of(StagedRow), table_of(ViewRow)
