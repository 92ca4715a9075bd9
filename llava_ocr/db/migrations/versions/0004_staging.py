"""Backfills: whether a run's records are live or staged, and the records that wait.

Revision 0004, after 0003. Append-only: never edit a released one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    op.add_column("runs", sa.Column("stage", sa.String(length=16), nullable=False, server_default=sa.text("'live'")))
    op.create_table(
        "staged_records",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("record_index", sa.Integer(), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("payload_json", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_staged_records_run_id")),
        sa.PrimaryKeyConstraint("run_id", "document_id", "is_new", "record_index", name=op.f("pk_staged_records")),
    )
