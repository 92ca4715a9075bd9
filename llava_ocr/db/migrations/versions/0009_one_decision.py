"""`records.needs_review` says what the list says: once a record of which nothing was read counted as sound here alone.

Revision 0009, after 0008. Append-only: never edit a released one.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    op.execute(
        "UPDATE records SET needs_review = (SELECT listings.status IN ('to_check', 'conflict') FROM listings "
        "WHERE listings.record_id = records.id) "
        "WHERE EXISTS (SELECT 1 FROM listings WHERE listings.record_id = records.id)"
    )
