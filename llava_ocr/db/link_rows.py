"""The tables of what is the same twice: documents and records that are linked, and answers that need no second asking.

Nothing here is a record: links are made from pages and records, and answers can be had again from the engine.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from llava_ocr.db.rows import BigKey, DocumentId, Fingerprint, Name, Row, table_of


class LinkRow(Row, table=True):
    """One end of a link: rows of one kind and digest are linked, and that with the lowest id came first.

    A link of pixels is a document's (`schema_name` empty), one of a business key a record's. Ends instead of pairs, so
    that two writers who never see each other's rows still make the link, and a thousand copies make a thousand rows.
    """

    __tablename__ = "links"
    __table_args__ = (
        Unique("document_id", "kind", "schema_name", "record_index", "digest"),
        Index("ix_links_digest", "kind", "digest", "id"),
        ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    )

    id: int = Field(sa_type=BigKey, primary_key=True)
    kind: str = Field(sa_type=String(16))
    digest: str = Field(sa_type=Fingerprint)
    document_id: str = Field(sa_type=DocumentId)
    schema_name: str = Field(sa_type=Name)
    record_index: int


class AnswerRow(Row, table=True):
    """An engine's answer to one page, under the hash of all that was asked. `payload` is compressed JSON, `checksum`
    the hash of key and payload, `seconds` what the answer took."""

    __tablename__ = "answers"
    __table_args__ = (Index("ix_answers_used_at", "used_at", "size_bytes"),)

    key: str = Field(sa_type=Fingerprint, primary_key=True)
    engine_fingerprint: str = Field(sa_type=Fingerprint)
    schema_fingerprint: str = Field(sa_type=Fingerprint)
    payload: bytes = Field(sa_type=LargeBinary)
    checksum: str = Field(sa_type=Fingerprint)
    size_bytes: int = Field(sa_type=BigInteger)
    seconds: float = Field(sa_type=Float)
    num_hits: int
    made_at: datetime
    used_at: datetime


class AnswerUseRow(Row, table=True):
    """Whose page an answer was given for, so that it goes when that document is erased. No foreign key to documents:
    a page is answered before its document is saved."""

    __tablename__ = "answer_uses"
    __table_args__ = (
        ForeignKeyConstraint(["key"], ["answers.key"], ondelete="CASCADE"),
        Index("ix_answer_uses_document_id", "document_id"),
    )

    key: str = Field(sa_type=Fingerprint, primary_key=True)
    document_id: str = Field(sa_type=DocumentId, primary_key=True)


LINKS, ANSWERS, ANSWER_USES = table_of(LinkRow), table_of(AnswerRow), table_of(AnswerUseRow)
