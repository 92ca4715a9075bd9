"""Taking a document out of the database whole. A tombstone stays: its hash, who, when, why and how much."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, delete, func, select, text, update

from llava_ocr.db.answers import forget_answers
from llava_ocr.db.documents import count_pages, places_of
from llava_ocr.db.link_rows import ANSWER_USES, LINKS
from llava_ocr.db.mentions import mentions_of
from llava_ocr.db.people import note
from llava_ocr.db.review_rows import CORRECTIONS, LISTINGS, OVERRIDDEN, PAGE_WORDS, TOMBSTONES
from llava_ocr.db.rows import (
    DOCUMENTS,
    FIELDS,
    FINDINGS,
    HOLDS,
    LOCATIONS,
    PAGES,
    READS,
    RECORDS,
    RUNS,
    STAGED,
)
from llava_ocr.db.saved_filters import drop_filters_about
from llava_ocr.db.session import Database
from llava_ocr.db.stored import AFTER_HEX
from llava_ocr.db.tombstones import ERASED, lock_for_erasure
from llava_ocr.db.upserts import upsert
from llava_ocr.db.values import MAX_MESSAGE_CHARS, MAX_NAME_CHARS, clean
from llava_ocr.errors import DatabaseError
from llava_ocr.review.terms import words_of

_OF_DOCUMENT = (
    RECORDS,
    STAGED,
    CORRECTIONS,
    LISTINGS,
    LINKS,
    ANSWER_USES,
    PAGE_WORDS,
    PAGES,
    LOCATIONS,
    READS,
    HOLDS,
)
_OF_RECORD = (FIELDS, FINDINGS, OVERRIDDEN)
# What SQLite itself puts beside a database.
_SQLITE_ENDINGS = ("-wal", "-shm", "-journal")
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Erased:
    """What went with a document. `left` counts what a second look still found, and must be empty.

    `places` are where the document itself lies; the store's owner has to remove it there.
    """

    document_id: str
    counts: dict[str, int]
    left: dict[str, int]
    places: tuple[str, ...]


def erase_document(db: Database, document_id: str, *, who: str, reason: str) -> Erased:
    """Erase a document and all that was read from it or said of it. Raises DatabaseError where nobody knows it."""
    with db.writing() as connection:
        lock_for_erasure(connection)
        if count_pages(connection, document_id) is None and not _count_answers(connection, document_id):
            raise DatabaseError(f"the database has no document {document_id[:12]}")
        if connection.dialect.name == "sqlite":
            # Overwrites what is deleted; else it stays legible in the file's free pages.
            connection.execute(text("PRAGMA secure_delete = ON"))
        counts, places = _counts(connection, document_id), tuple(places_of(connection, document_id))
        _erase(connection, document_id)
        row = {"document_id": document_id, "erased_at": datetime.now(UTC), "counts": json.dumps(counts)}
        row |= {"who": clean(who, max_chars=MAX_NAME_CHARS), "reason": clean(reason, max_chars=MAX_MESSAGE_CHARS)}
        upsert(connection, TOMBSTONES, [row])
        note(connection, who, ERASED, document_id)
        left = {name: count for name, count in _counts(connection, document_id).items() if count}
    _compact(db)
    return Erased(document_id, counts, left, places)


@dataclass(frozen=True, slots=True)
class ErasedSubject:
    """The proof: what mentioned somebody before and after, with all that was erased. Names nobody.

    `subject_sha256` is the hash of what was looked for; `before` and `after` count mentions by `table.column`, and
    `num_files_with_it` the database's own files that still hold its bytes (always 0 where it is no file).
    `untouched` are files beside it, such as copies, that hold them too: nothing here erases those.
    """

    subject_sha256: str
    num_texts_read: int
    before: dict[str, int]
    after: dict[str, int]
    num_files_with_it: int
    num_filters_dropped: int
    untouched: tuple[str, ...]
    documents: tuple[Erased, ...]

    @property
    def is_proved(self) -> bool:
        """Whether nothing is left."""
        return not self.after and not self.num_files_with_it and not any(one.left for one in self.documents)


def documents_about(db: Database, subject: str) -> dict[str, str]:
    """Find the documents of which any text holds a subject (a name, a number): one of their addresses, by id."""
    with db.reading() as connection:
        found = sorted(mentions_of(connection, subject).document_ids)
        return {document_id: next(iter(places_of(connection, document_id)), "") for document_id in found}


def documents_named(db: Database, wanted: str) -> dict[str, str]:
    """Find documents by the start of their id, or by their address, whole or from a `/` on: an address, by id.

    What lies inside of a document is found with it.
    Also those without a record: of which every page failed, or of which only pages were answered before a crash.
    """
    is_it = (LOCATIONS.c.uri == wanted) | LOCATIONS.c.uri.endswith(f"/{wanted}", autoescape=True)
    with db.reading() as connection:
        found = set(connection.execute(select(LOCATIONS.c.document_id).where(is_it)).scalars())
        for column in (DOCUMENTS.c.id, ANSWER_USES.c.document_id):
            starts = select(column).where(column >= wanted, column < wanted + AFTER_HEX).distinct()
            found |= set(connection.execute(starts).scalars())
        for uri in [uri for document_id in found for uri in places_of(connection, document_id)]:
            is_inside = LOCATIONS.c.uri.startswith(f"{uri}#", autoescape=True)
            found |= set(connection.execute(select(LOCATIONS.c.document_id).where(is_inside)).scalars())
        return {document_id: next(iter(places_of(connection, document_id)), "") for document_id in sorted(found)}


def erase_subject(db: Database, subject: str, *, who: str, reason: str) -> ErasedSubject:
    """Erase every document that mentions somebody, and filters that do, then read everything again to prove it."""
    with db.reading() as connection:
        before = mentions_of(connection, subject)
    documents = tuple(erase_document(db, one, who=who, reason=reason) for one in sorted(before.document_ids))
    phrase = " ".join(words_of(subject))
    with db.writing() as connection:
        num_filters = drop_filters_about(connection, phrase)
    _compact(db)
    with db.reading() as connection:
        after = mentions_of(connection, subject)
    own, beside = _files_of(db)
    return ErasedSubject(
        subject_sha256=hashlib.sha256(phrase.encode()).hexdigest(),
        num_texts_read=before.num_texts,
        before=dict(before.found),
        after=dict(after.found),
        num_files_with_it=len(_files_with(own, subject)),
        num_filters_dropped=num_filters,
        untouched=tuple(path.name for path in _files_with(beside, subject)),
        documents=documents,
    )


def _files_of(db: Database) -> tuple[list[Path], list[Path]]:
    """The files of an SQLite database, and those beside it whose names begin like its own, such as copies of it."""
    if db.engine.dialect.name != "sqlite" or not db.engine.url.database:
        return [], []
    place = Path(db.engine.url.database)
    found = sorted(path for path in place.parent.iterdir() if path.name.startswith(place.stem) and path.is_file())
    own = {place.name + ending for ending in ("", *_SQLITE_ENDINGS)}
    return [path for path in found if path.name in own], [path for path in found if path.name not in own]


def _files_with(files: Sequence[Path], subject: str) -> list[Path]:
    """The files whose bytes hold the subject, as it was given or in small or large letters; read a piece at a time."""
    spelt = {spelling.encode() for spelling in (subject, subject.lower(), subject.upper())}
    return [path for path in files if _holds(path, spelt)]


def _holds(path: Path, spelt: Collection[bytes]) -> bool:
    # What lies across the border of two pieces is whole in the second, which begins with the end of the first.
    overlap = max(map(len, spelt)) - 1
    end = b""
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            data = end + piece
            if any(spelling in data for spelling in spelt):
                return True
            end = data[-overlap:] if overlap else b""
    return False


def _erase(connection: Connection, document_id: str) -> None:
    forget_answers(connection, document_id)
    ids = select(RECORDS.c.id).where(RECORDS.c.document_id == document_id)
    connection.execute(delete(LISTINGS).where(LISTINGS.c.record_id.in_(ids)))
    for table in (OVERRIDDEN, FINDINGS, FIELDS):
        connection.execute(delete(table).where(table.c.record_id.in_(ids)))
    _rename_orders(connection, document_id)
    for table in (CORRECTIONS, RECORDS, STAGED, LINKS, PAGE_WORDS, PAGES, LOCATIONS, HOLDS):
        connection.execute(delete(table).where(table.c.document_id == document_id))
    # The runs' accounts keep a line for it, without the name it had: names of files name people.
    renamed = update(READS).where(READS.c.document_id == document_id)
    nameless = text(f"'{ERASED}:{document_id[:16]}-' || gen_random_uuid()")
    if connection.dialect.name == "sqlite":
        nameless = text(f"'{ERASED}:{document_id[:16]}-' || rowid")
    connection.execute(renamed.values(uri=nameless, document_id=None, message="", etag="", version=""))
    connection.execute(delete(DOCUMENTS).where(DOCUMENTS.c.id == document_id))


def _rename_orders(connection: Connection, document_id: str) -> None:
    """A run that was ordered for this document alone has its name in the order."""
    nameless = f"{ERASED}:{document_id[:16]}"
    for uri in places_of(connection, document_id):
        # A source is an address, or, where it was given so, a path.
        sources = (uri, unquote(uri.removeprefix("file://")))
        orders = select(RUNS.c.id, RUNS.c.source, RUNS.c.order_json).where(RUNS.c.source.in_(sources))
        for run in connection.execute(orders).all():
            order_json = json.dumps(_without(json.loads(run.order_json or "null"), run.source, nameless))
            renamed = update(RUNS).where(RUNS.c.id == run.id)
            connection.execute(renamed.values(source=nameless, order_json=order_json))


def _without(order: Any, name: str, nameless: str) -> Any:
    if isinstance(order, dict):
        return {key: _without(value, name, nameless) for key, value in order.items()}
    if isinstance(order, list):
        return [_without(value, name, nameless) for value in order]
    return nameless if order == name else order


def _counts(connection: Connection, document_id: str) -> dict[str, int]:
    """Count the rows that speak of a document, by table."""
    ids = select(RECORDS.c.id).where(RECORDS.c.document_id == document_id)
    conditions = {DOCUMENTS: DOCUMENTS.c.id == document_id}
    conditions |= {table: table.c.document_id == document_id for table in _OF_DOCUMENT}
    conditions |= {table: table.c.record_id.in_(ids) for table in _OF_RECORD}
    counted = (select(func.count()).select_from(table).where(condition) for table, condition in conditions.items())
    return {
        table.name: int(connection.execute(query).scalar_one())
        for table, query in zip(conditions, counted, strict=True)
    }


def _count_answers(connection: Connection, document_id: str) -> int:
    used = select(func.count()).select_from(ANSWER_USES).where(ANSWER_USES.c.document_id == document_id)
    return int(connection.execute(used).scalar_one())


def _compact(db: Database) -> None:
    """Write SQLite's file anew, so that nothing of the document is left in it, its log or its index."""
    if db.engine.dialect.name != "sqlite":
        return
    with db.writing() as connection:
        connection.execute(text("INSERT INTO listings_search (listings_search) VALUES ('optimize')"))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        cursor = raw.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
