"""What is the same twice: links between documents and between records, and the engine's answers kept for reuse.

Revision 0006, after 0005. Append-only: never edit a released one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Pages read and links written at once.
BATCH = 5_000
PAGES = sa.table(
    "pages", *(sa.column(name) for name in ("run_id", "document_id", "page_index", "state", "reason", "image_hash"))
)
LINKS = sa.table(
    "links", *(sa.column(name) for name in ("kind", "digest", "document_id", "schema_name", "record_index"))
)
DUPLICATES = """
CREATE VIEW duplicates AS
SELECT one.kind AS kind, one.document_id AS document_id,
    (SELECT MIN(uri) FROM locations WHERE document_id = one.document_id) AS uri,
    one.schema_name AS schema_name, one.record_index AS record_index,
    original.document_id AS first_document_id,
    (SELECT MIN(uri) FROM locations WHERE document_id = original.document_id) AS first_uri,
    original.record_index AS first_record_index
FROM links AS one JOIN links AS original ON original.id =
    (SELECT MIN(id) FROM links AS other WHERE other.kind = one.kind AND other.digest = one.digest)
WHERE original.id < one.id
UNION
SELECT 'bytes', place.document_id, place.uri, '', 0, place.document_id,
    (SELECT MIN(uri) FROM locations WHERE document_id = place.document_id), 0
FROM locations AS place
WHERE place.uri > (SELECT MIN(uri) FROM locations WHERE document_id = place.document_id)
"""


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    op.add_column("headlines", sa.Column("business_key", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("pages", sa.Column("saved_s", sa.Float(), nullable=True))
    _links()
    _answers()
    op.execute(DUPLICATES)
    _link_pixels(op.get_bind())


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("schema_name", sa.String(length=128), nullable=False),
        sa.Column("record_index", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_links_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint(
            "document_id", "kind", "schema_name", "record_index", "digest", name=op.f("uq_links_document_id")
        ),
    )
    op.create_index("ix_links_digest", "links", ["kind", "digest", "id"], unique=False)


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("engine_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("schema_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("num_hits", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answers")),
    )
    op.create_index("ix_answers_used_at", "answers", ["used_at", "size_bytes"], unique=False)
    op.create_table(
        "answer_uses",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["answers.key"], name=op.f("fk_answer_uses_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", "document_id", name=op.f("pk_answer_uses")),
    )
    op.create_index("ix_answer_uses_document_id", "answer_uses", ["document_id"], unique=False)


def _link_pixels(connection: sa.Connection) -> None:
    """Link the documents that were read before. Business keys follow with the next run of their schema."""
    found = _digests(connection)
    while batch := list(islice(found, BATCH)):
        common = {"kind": "pixels", "schema_name": "", "record_index": 0}
        connection.execute(LINKS.insert(), [common | {"document_id": one, "digest": digest} for one, digest in batch])


def _digests(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Yield documents with each digest of their pages, as `review.sameness` makes it at this revision."""
    place = (PAGES.c.document_id, PAGES.c.run_id)
    ordered = sa.select(PAGES).order_by(*place, PAGES.c.page_index)
    pages = connection.execute(ordered, execution_options={"yield_per": BATCH})
    for document_id, of_document in groupby(pages, key=lambda row: row.document_id):
        of_runs = (list(rows) for _, rows in groupby(of_document, key=lambda row: row.run_id))
        yield from ((document_id, digest) for digest in sorted({_digest(rows) for rows in of_runs} - {""}))


def _digest(pages: Sequence[sa.Row[Any]]) -> str:
    if any(page.state == "failed" for page in pages) or not any(page.image_hash for page in pages):
        return ""
    parts = [page.image_hash or page.reason for page in pages]
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()
