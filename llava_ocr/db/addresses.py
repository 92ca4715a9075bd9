"""What lies at which address now. The newest bytes at an address are the truth about it.

A document whose last address was taken by other bytes is superseded: no record of it is current, until its bytes are
met again somewhere. A copy at another address keeps it alive. What staged runs met counts when they are promoted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from llava_ocr.db import links, listings
from llava_ocr.db.link_rows import LINKS
from llava_ocr.db.planning import Moved, move
from llava_ocr.db.rows import DOCUMENTS, LOCATIONS, READS, RECORDS
from llava_ocr.db.upserts import chunks
from llava_ocr.ledger.order import ReadState


def follow(connection: Connection, run_id: str, moved: Moved) -> None:
    """Bring records up to date with what a run found at addresses."""
    changed = moved.left | moved.arrived
    if changed and connection.dialect.name == "postgresql":
        # Two who take a document's last two addresses, or give it one, must see each other.
        locked = select(DOCUMENTS.c.id).order_by(DOCUMENTS.c.id).with_for_update(key_share=True)
        for chunk in chunks(sorted(changed)):
            connection.execute(locked.where(DOCUMENTS.c.id.in_(chunk)))
    located = _located(connection, moved.left)
    _supersede(connection, run_id, moved.left - located)
    _rename(connection, located)
    _revive(connection, moved.seen)


def arrive(connection: Connection, run_id: str) -> None:
    """Let what a staged run found at addresses count, but where other bytes were found there since."""
    newer = LOCATIONS.c.seen_at > READS.c.ended_at
    found = select(READS.c.uri, READS.c.document_id).where(READS.c.run_id == run_id, READS.c.document_id.is_not(None))
    found = found.where(READS.c.state.in_((ReadState.OK, ReadState.SKIPPED)))
    stays = found.join(LOCATIONS, LOCATIONS.c.uri == READS.c.uri).where(newer)
    overtaken = {row.uri for row in connection.execute(stays)}
    rows = connection.execute(found.order_by(READS.c.uri)).all()
    for chunk in chunks(rows):
        moved = move(connection, run_id, [row.uri for row in chunk if row.uri not in overtaken], None)
        # A document that was promoted and lies nowhere any more is superseded at once.
        documents = frozenset(row.document_id for row in chunk)
        follow(connection, run_id, Moved(moved.left | documents, moved.arrived, moved.seen))


def num_superseded_by(connection: Connection, run_id: str) -> int:
    """Count the documents with current records whose last address a staged run would take if it were promoted."""
    taken = (
        select(LOCATIONS.c.document_id, func.count().label("num"))
        .join(READS, READS.c.uri == LOCATIONS.c.uri)
        .where(READS.c.run_id == run_id, READS.c.state.in_((ReadState.OK, ReadState.SKIPPED)))
        .where(READS.c.document_id != LOCATIONS.c.document_id, LOCATIONS.c.seen_at <= READS.c.ended_at)
        .group_by(LOCATIONS.c.document_id)
        .subquery()
    )
    place = LOCATIONS.alias("place")
    places = select(func.count()).select_from(place).where(place.c.document_id == taken.c.document_id)
    current = select(RECORDS.c.id).where(RECORDS.c.document_id == taken.c.document_id, RECORDS.c.is_current)
    gone = select(func.count()).select_from(taken)
    return connection.execute(gone.where(taken.c.num == places.scalar_subquery(), current.exists())).scalar_one()


def give_back(connection: Connection, run_id: str) -> None:
    """Give addresses back to the documents that a promotion superseded, where it is undone: where nothing of what took
    the address is current."""
    superseded = select(RECORDS.c.document_id).where(RECORDS.c.superseded_by == run_id).distinct()
    taker, current = READS.alias("taker"), RECORDS.alias("current")
    took = select(taker.c.uri).where(taker.c.run_id == run_id, taker.c.uri == READS.c.uri)
    stands = select(current.c.id).where(current.c.document_id == LOCATIONS.c.document_id, current.c.is_current)
    lost = (
        select(READS.c.run_id, READS.c.uri)
        .join(LOCATIONS, LOCATIONS.c.uri == READS.c.uri)
        .where(READS.c.document_id != LOCATIONS.c.document_id, READS.c.state != ReadState.PLANNED)
        .where(took.exists(), ~stands.exists())
        .order_by(READS.c.ended_at)
    )
    for chunk in chunks(list(connection.execute(superseded).scalars())):
        # The newest reading of an address comes last, and wins.
        back = {uri: by for by, uri in connection.execute(lost.where(READS.c.document_id.in_(chunk)))}
        for by in sorted(set(back.values())):
            moved = move(connection, by, [uri for uri, of in back.items() if of == by], None)
            follow(connection, run_id, moved)


def _located(connection: Connection, documents: Collection[str]) -> set[str]:
    """Those of the documents that lie anywhere."""
    located: set[str] = set()
    for chunk in chunks(sorted(documents)):
        found = select(LOCATIONS.c.document_id).where(LOCATIONS.c.document_id.in_(chunk)).distinct()
        located |= set(connection.execute(found).scalars())
    return located


def _supersede(connection: Connection, run_id: str, documents: Collection[str]) -> None:
    for chunk in chunks(sorted(documents)):
        is_it = (RECORDS.c.document_id.in_(chunk), RECORDS.c.is_current)
        pairs = connection.execute(select(RECORDS.c.document_id, RECORDS.c.schema_name).where(*is_it).distinct()).all()
        connection.execute(update(RECORDS).where(*is_it).values(is_current=False, superseded_by=run_id))
        listings.unlist(connection, [(document_id, schema) for document_id, schema in pairs])
        # Nothing that is current may count as a copy of it.
        connection.execute(delete(LINKS).where(LINKS.c.document_id.in_(chunk)))


def _rename(connection: Connection, documents: Collection[str]) -> None:
    """Let current records name an address where their document still lies."""
    place = LOCATIONS.alias("place")
    lies_there = select(place.c.uri).where(place.c.uri == RECORDS.c.uri, place.c.document_id == RECORDS.c.document_id)
    for chunk in chunks(sorted(documents)):
        _renamed(connection, RECORDS.c.document_id.in_(chunk) & RECORDS.c.is_current & ~lies_there.exists())


def _revive(connection: Connection, documents: Collection[str]) -> None:
    """Make records current again whose document is met again."""
    for chunk in chunks(sorted(documents)):
        is_it = (RECORDS.c.document_id.in_(chunk), RECORDS.c.superseded_by.is_not(None))
        rows = connection.execute(select(RECORDS.c.id, RECORDS.c.document_id).where(*is_it)).all()
        if rows:
            ids = [row.id for row in rows]
            again = update(RECORDS).where(RECORDS.c.id.in_(ids)).values(is_current=True, superseded_by=None)
            connection.execute(again)
            links.link_pixels_again(connection, sorted({row.document_id for row in rows}))
            _renamed(connection, RECORDS.c.id.in_(ids))


def _renamed(connection: Connection, is_it: ColumnElement[bool]) -> None:
    """Write the first address of these records' documents into them, and list them by it."""
    ids: Sequence[int] = connection.execute(select(RECORDS.c.id).where(is_it)).scalars().all()
    if ids:
        first = select(func.min(LOCATIONS.c.uri)).where(LOCATIONS.c.document_id == RECORDS.c.document_id)
        named = update(RECORDS).where(RECORDS.c.id.in_(ids))
        connection.execute(named.values(uri=func.coalesce(first.scalar_subquery(), RECORDS.c.uri)))
        listings.list_records(connection, ids)
