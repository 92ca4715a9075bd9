"""What analysts' pages need: corrections, an index of records for browsing and search, people, an audit log.

Revision 0005, after 0004. Append-only: never edit a released one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    _listings()
    _search()
    _corrections()
    _people()
    _audit()
    _calibrations()


def _listings() -> None:
    op.create_table(
        "headlines",
        sa.Column("schema_name", sa.String(length=128), nullable=False),
        sa.Column("party", sa.String(length=128), nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("issued_on", sa.String(length=128), nullable=False),
        sa.Column("amount", sa.String(length=128), nullable=False),
        sa.Column("currency", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("schema_name", name=op.f("pk_headlines")),
    )
    op.create_table(
        "listings",
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("schema_name", sa.String(length=128), nullable=False),
        sa.Column("record_index", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("party", sa.String(length=128), nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("issued_on", sa.String(length=16), nullable=False),
        sa.Column("month", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=16), nullable=False),
        sa.Column("amount_x10000", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("num_doubtful", sa.Integer(), nullable=False),
        sa.Column("num_findings", sa.Integer(), nullable=False),
        sa.Column("num_conflicts", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("gain", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_listings_record_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_listings")),
    )
    op.create_index("ix_listings_amount", "listings", ["amount_x10000", "record_id"], unique=False)
    op.create_index("ix_listings_confidence", "listings", ["confidence", "record_id"], unique=False)
    op.create_index("ix_listings_document_id", "listings", ["document_id", "schema_name"], unique=False)
    op.create_index(
        "ix_listings_facets", "listings", ["schema_name", "status", "month", "currency", "amount_x10000"], unique=False
    )
    op.create_index("ix_listings_gain", "listings", ["gain", "record_id"], unique=False)
    op.create_index("ix_listings_issued_on", "listings", ["issued_on", "record_id"], unique=False)
    op.create_index("ix_listings_party", "listings", ["party", "record_id"], unique=False)
    op.create_index("ix_listings_run_id", "listings", ["run_id"], unique=False)


def _search() -> None:
    """Make the full-text index: FTS5 on SQLite, tsvector on PostgreSQL. No class of rows stands for it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE listings_search (record_id bigint PRIMARY KEY "
            "REFERENCES listings (record_id) ON DELETE CASCADE, words tsvector NOT NULL)"
        )
        op.execute("CREATE INDEX ix_listings_search ON listings_search USING gin (words)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE listings_search USING fts5(words, tokenize = 'unicode61 remove_diacritics 2', "
        "prefix = '2 3 4')"
    )
    op.execute(
        "CREATE TRIGGER listings_gone AFTER DELETE ON listings BEGIN "
        "DELETE FROM listings_search WHERE rowid = old.record_id; END"
    )


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("schema_name", sa.String(length=128), nullable=False),
        sa.Column("record_index", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reading", sa.Text(), nullable=True),
        sa.Column("seen", sa.Text(), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(
        "ix_corrections_document_id", "corrections", ["document_id", "schema_name", "record_index"], unique=False
    )
    op.create_table(
        "overridden",
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("correction_id", sa.BigInteger(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["records.id"], name=op.f("fk_overridden_record_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("record_id", "path", name=op.f("pk_overridden")),
    )
    op.create_table(
        "page_words",
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("page_index", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=16), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_page_words_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "page_index", name=op.f("pk_page_words")),
    )


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_tokens")),
    )
    op.create_table(
        "saved_filters",
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("who", "name", name=op.f("pk_saved_filters")),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_table(
        "tombstones",
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_tombstones")),
    )


def _calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
    )
