"""The history of the tables, one file a step, append-only; run by `llava_ocr.db.upgrades`, without an alembic.ini."""
