"""Records whose document lies nowhere any more, since other bytes took its address; claims known by a name; runs that
are complete or failed.

Revision 0008, after 0007. Append-only: never edit a released one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Of older databases: the document has no address, and that of its record has another with a current record.
SUPERSEDED = """
SELECT DISTINCT old.document_id FROM records AS old
JOIN locations AS place ON place.uri = old.uri AND place.document_id <> old.document_id
JOIN records AS new ON new.document_id = place.document_id AND new.is_current
WHERE old.is_current AND NOT EXISTS (SELECT 1 FROM locations AS other WHERE other.document_id = old.document_id)
"""
RETIRE = "UPDATE records SET is_current = :no, superseded_by = run_id WHERE document_id = :id AND is_current"
# A run used to be green though documents of it had failed.
FAILED = """
UPDATE runs SET state = 'failed' WHERE state = 'red' OR (state = 'green' AND EXISTS
    (SELECT 1 FROM reads WHERE reads.run_id = runs.id AND reads.state = 'failed'))
"""


def upgrade() -> None:
    """Bring the tables from the revision before to this one."""
    op.add_column("records", sa.Column("superseded_by", sa.String(32), nullable=True))
    op.create_index("ix_records_superseded_by", "records", ["superseded_by"])
    op.add_column("attempts", sa.Column("claim_id", sa.String(16), nullable=False, server_default=sa.text("''")))
    connection = op.get_bind()
    connection.execute(sa.text(FAILED))
    connection.execute(sa.text("UPDATE runs SET state = 'complete' WHERE state = 'green'"))
    for document_id in connection.execute(sa.text(SUPERSEDED)).scalars().all():
        for table in ("listings", "links"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE document_id = :id"), {"id": document_id})
        connection.execute(sa.text(RETIRE), {"id": document_id, "no": False})
