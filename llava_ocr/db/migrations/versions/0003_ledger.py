"""Who reads what: shards under leases, their attempts, holds on contents; which shard an object is in.

Revision 0003, after 0002. Append-only: never edit a released one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ZERO = sa.text("0")


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    op.add_column("runs", sa.Column("is_planned", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in ("shard_index", "started_token", "num_crashes"):
        op.add_column("reads", sa.Column(name, sa.Integer(), nullable=False, server_default=ZERO))
    op.add_column("reads", sa.Column("key_json", sa.Text(), nullable=False, server_default=sa.text("'\"\"'")))
    op.add_column("reads", sa.Column("size_bytes", sa.BigInteger(), nullable=False, server_default=ZERO))
    op.create_index("ix_reads_shard", "reads", ["run_id", "shard_index", "state"], unique=False)
    _shards()
    _attempts()
    _holds()


def _shards() -> None:
    op.create_table(
        "shards",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("shard_index", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("num_objects", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hard_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("num_tries", sa.Integer(), nullable=False),
        sa.Column("num_crashes", sa.Integer(), nullable=False),
        sa.Column("num_idle_crashes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_shards_run_id")),
        sa.PrimaryKeyConstraint("run_id", "shard_index", name=op.f("pk_shards")),
    )
    op.create_index("ix_shards_state", "shards", ["state", "run_id"], unique=False)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("shard_index", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attempts_run_id")),
        sa.PrimaryKeyConstraint("run_id", "shard_index", "token", name=op.f("pk_attempts")),
    )


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("schema_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("engine_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("shard_index", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_holds_run_id")),
        sa.PrimaryKeyConstraint("document_id", "schema_fingerprint", "engine_fingerprint", name=op.f("pk_holds")),
    )
    op.create_index(op.f("ix_holds_run_id"), "holds", ["run_id"], unique=False)
