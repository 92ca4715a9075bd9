"""The tables behind the analysts' pages: what people said of fields, who may do what, and an index for browsing.

`corrections` and `audit` only grow. `fields` always shows what stands: where a person has spoken, their word, and the
machine's reading then lies in `overridden`. `listings` is made from records and can be made again at any time.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKeyConstraint, Index, LargeBinary, String, Text, text
from sqlmodel import Field

from llava_ocr.db.rows import BigKey, DocumentId, Fingerprint, Name, Row, RunId, of_record, table_of

ShortText = String(16)


class HeadlineRow(Row, table=True):
    """Which fields of a schema a list of records shows; empty where it has no such field. `business_key` are the paths,
    with spaces between, of the fields that together name a transaction."""

    __tablename__ = "headlines"

    schema_name: str = Field(sa_type=Name, primary_key=True)
    party: str = Field(sa_type=Name)
    number: str = Field(sa_type=Name)
    issued_on: str = Field(sa_type=Name)
    amount: str = Field(sa_type=Name)
    currency: str = Field(sa_type=Name)
    business_key: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("''")})


class ListingRow(Row, table=True):
    """A current record as a list shows it: plain columns that filter, sort and add up without a look at its fields.

    Nothing is null, so that every column pages by key. `gain` is what looking at the record is worth, 0 once reviewed.
    """

    __tablename__ = "listings"
    __table_args__ = (
        of_record(),
        Index("ix_listings_document_id", "document_id", "schema_name"),
        Index("ix_listings_gain", "gain", "record_id"),
        Index("ix_listings_issued_on", "issued_on", "record_id"),
        Index("ix_listings_amount", "amount_x10000", "record_id"),
        Index("ix_listings_party", "party", "record_id"),
        Index("ix_listings_confidence", "confidence", "record_id"),
        # All that facets and totals read, so that they never touch the table.
        Index("ix_listings_facets", "schema_name", "status", "month", "currency", "amount_x10000"),
        Index("ix_listings_run_id", "run_id"),
    )

    record_id: int = Field(sa_type=BigInteger, primary_key=True)
    document_id: str = Field(sa_type=DocumentId)
    schema_name: str = Field(sa_type=Name)
    record_index: int
    run_id: str = Field(sa_type=RunId)
    uri: str = Field(sa_type=Text)
    party: str = Field(sa_type=Name)
    number: str = Field(sa_type=Name)
    issued_on: str = Field(sa_type=ShortText)
    month: str = Field(sa_type=ShortText)
    currency: str = Field(sa_type=ShortText)
    amount_x10000: int = Field(sa_type=BigInteger)
    confidence: float = Field(sa_type=Float)
    num_doubtful: int
    num_findings: int
    num_conflicts: int
    status: str = Field(sa_type=ShortText)
    gain: float = Field(sa_type=Float)


class CorrectionRow(Row, table=True):
    """What a person said of a field, or of a whole record (`path` empty). Tied to the document, not to a record row,
    so that it outlives a new reading. `seen` is the machine's reading that they looked at; `undoes` takes one back.
    Rows of one `act` were made by one key and are undone together."""

    __tablename__ = "corrections"
    __table_args__ = (Index("ix_corrections_document_id", "document_id", "schema_name", "record_index"),)

    id: int = Field(sa_type=BigKey, primary_key=True)
    document_id: str = Field(sa_type=DocumentId)
    schema_name: str = Field(sa_type=Name)
    record_index: int
    path: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=ShortText)
    reading: str | None = Field(sa_type=Text)
    seen: str | None = Field(sa_type=Text)
    undoes: int | None = Field(sa_type=BigInteger)
    act: str = Field(sa_type=RunId)
    who: str = Field(sa_type=Name)
    made_at: datetime


class OverriddenRow(Row, table=True):
    """The machine's reading of a field that shows a person's word instead."""

    __tablename__ = "overridden"
    __table_args__ = (of_record(),)

    record_id: int = Field(sa_type=BigInteger, primary_key=True)
    path: str = Field(sa_type=Text, primary_key=True)
    correction_id: int = Field(sa_type=BigInteger)
    reading: str | None = Field(sa_type=Text)


class PageWordsRow(Row, table=True):
    """The words of a page with their boxes: compressed JSON."""

    __tablename__ = "page_words"
    __table_args__ = (ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),)

    document_id: str = Field(sa_type=DocumentId, primary_key=True)
    page_index: int = Field(primary_key=True)
    reader: str = Field(sa_type=ShortText)
    words: bytes = Field(sa_type=LargeBinary)


class SavedFilterRow(Row, table=True):
    """A selection of records that somebody wants to come back to."""

    __tablename__ = "saved_filters"

    who: str = Field(sa_type=Name, primary_key=True)
    name: str = Field(sa_type=Name, primary_key=True)
    query: str = Field(sa_type=Text)


class UserRow(Row, table=True):
    """Who may sign in, and as what. `password_hash` says how it was made."""

    __tablename__ = "users"

    name: str = Field(sa_type=Name, primary_key=True)
    role: str = Field(sa_type=ShortText)
    password_hash: str = Field(sa_type=Text)
    made_at: datetime


class TokenRow(Row, table=True):
    """A program's key to the API; only its hash is kept."""

    __tablename__ = "tokens"

    token_hash: str = Field(sa_type=Fingerprint, primary_key=True)
    name: str = Field(sa_type=Name)
    role: str = Field(sa_type=ShortText)
    made_at: datetime
    expires_at: datetime | None


class AuditRow(Row, table=True):
    """Who did what, and when. Never holds a value from a document."""

    __tablename__ = "audit"

    id: int = Field(sa_type=BigKey, primary_key=True)
    at: datetime = Field(index=True)
    who: str = Field(sa_type=Name)
    action: str = Field(sa_type=Name)
    subject: str = Field(sa_type=Text)


class TombstoneRow(Row, table=True):
    """What is left of an erased document: that it was here, when it went, why, and how much went with it."""

    __tablename__ = "tombstones"

    document_id: str = Field(sa_type=DocumentId, primary_key=True)
    erased_at: datetime
    who: str = Field(sa_type=Name)
    reason: str = Field(sa_type=Text)
    counts: str = Field(sa_type=Text)


class CalibrationRow(Row, table=True):
    """How likely a field is right, learnt from people's verdicts. The newest is in use."""

    __tablename__ = "calibrations"

    id: int = Field(sa_type=BigKey, primary_key=True)
    made_at: datetime
    who: str = Field(sa_type=Name)
    parameters: str = Field(sa_type=Text)
    figures: str = Field(sa_type=Text)


HEADLINES, LISTINGS = table_of(HeadlineRow), table_of(ListingRow)
CORRECTIONS, OVERRIDDEN = table_of(CorrectionRow), table_of(OverriddenRow)
PAGE_WORDS, SAVED_FILTERS = table_of(PageWordsRow), table_of(SavedFilterRow)
USERS, TOKENS = table_of(UserRow), table_of(TokenRow)
AUDIT, TOMBSTONES = table_of(AuditRow), table_of(TombstoneRow)
CALIBRATIONS = table_of(CalibrationRow)
