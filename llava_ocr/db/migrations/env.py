"""Alembic's entry: runs the steps on the connection that `llava_ocr.db.upgrades` hands over, inside its transaction."""

from alembic import context

from llava_ocr.db.rows import Row
from llava_ocr.db.upgrades import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
