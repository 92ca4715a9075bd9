"""What is left of erased documents, asked before anything is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, text

from llava_ocr.db.planning import Skip
from llava_ocr.db.review_rows import TOMBSTONES
from llava_ocr.db.upserts import chunks
from llava_ocr.records import DocumentOutcome

ERASED = "erased"


def part_erased(
    connection: Connection, outcomes: Sequence[DocumentOutcome]
) -> tuple[list[DocumentOutcome], list[Skip]]:
    """Part what may be kept from what is of erased documents, which a run skips instead."""
    lock_tombstones(connection)
    gone = erased_among(connection, (outcome.document.id for outcome in outcomes if outcome.document is not None))
    if not gone:
        return list(outcomes), []
    kept = [one for one in outcomes if one.document is None or one.document.id not in gone]
    skips = [Skip(one.uri, ERASED) for one in outcomes if one.document is not None and one.document.id in gone]
    return kept, skips


def erased_among(connection: Connection, document_ids: Iterable[str]) -> set[str]:
    """Return those of the documents that were erased."""
    gone: set[str] = set()
    for chunk in chunks(sorted(set(document_ids))):
        found = select(TOMBSTONES.c.document_id).where(TOMBSTONES.c.document_id.in_(chunk))
        gone |= set(connection.execute(found).scalars())
    return gone


def lock_tombstones(connection: Connection) -> None:
    """Wait for an erasure under way, and keep the next one waiting until the transaction ends: what is written
    meanwhile is either seen by the erasure, or knows of it."""
    # SQLite needs nothing: `writing` already holds the only write lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE tombstones IN SHARE MODE"))


def lock_for_erasure(connection: Connection) -> None:
    """Wait for all who keep what was read of documents, and keep the next ones waiting."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE tombstones IN EXCLUSIVE MODE"))
