"""Which pages of a bundle a record is of, and why a document begins there.

Revision 0007, after 0006. Append-only: never edit a released one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    op.add_column("records", sa.Column("page_indices", sa.Text(), nullable=True))
    op.add_column("records", sa.Column("part_reason", sa.String(128), nullable=True))
    op.add_column("records", sa.Column("part_certainty", sa.Float(), nullable=True))
