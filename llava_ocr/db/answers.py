"""The one door to answers kept for reuse: bounded, checked when read, shared by processes, gone with their documents.

An answer is no account: it follows from its key, so who writes it needs no lease. Before anything else every writer
takes the lock that an erasure takes, so that no answer of an erased document can slip in behind its back.
"""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, select, text, update

from llava_ocr.db.link_rows import ANSWER_USES, ANSWERS
from llava_ocr.db.session import Database
from llava_ocr.db.tombstones import erased_among, lock_tombstones
from llava_ocr.db.upserts import chunks, insert_missing

log = logging.getLogger(__name__)

# What a row takes beside its payload: keys, times, its place in the indexes, whose page it was.
ROW_BYTES = 700
# The bound is looked at whenever this share of it was written; so it may be passed by as much for each process.
CHECKED_SHARE = 1 / 64
# Throwing out goes on to this share of the bound, so that it is rare.
KEPT_SHARE = 0.9
# Any number, the same for all of us: PostgreSQL's lock that lets one process at a time throw out.
PRUNE_LOCK = 0x11A7A0C3


@dataclass(frozen=True, slots=True)
class Answer:
    """An engine's answer as kept: bytes that only its owner can read, and the seconds it took."""

    payload: bytes
    seconds: float


class Use(NamedTuple):
    """An answer, by key, given about a page of a document."""

    key: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Under which fingerprints answers are looked up and kept; no other's are ever returned."""

    engine_fingerprint: str
    schema_fingerprint: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept under one pair of fingerprints. `saved_s` is what its hits would have taken."""

    scope: Scope
    num_answers: int
    size_bytes: int
    num_hits: int
    saved_s: float
    oldest_at: datetime
    used_at: datetime


class Answers:
    """Answers of a database. Methods raise DatabaseError where the database fails."""

    def __init__(self, database: Database, *, limit_bytes: int) -> None:
        self._database, self._limit_bytes = database, limit_bytes
        # The first write looks at the bound: the one before may have ended just short of it.
        self._unchecked_bytes = limit_bytes

    def get(self, wanted: Sequence[Use], scope: Scope) -> dict[str, Answer]:
        """Return the answers there are, by key. One that is damaged is thrown out; erased documents get none."""
        if not self._known({use.key for use in wanted}):
            return {}
        with self._database.writing() as connection:
            lock_tombstones(connection)
            allowed = _allowed(connection, wanted)
            rows = [row for row in _locked(connection, {use.key for use in allowed}) if _fits(row, scope)]
            damaged = [row.key for row in rows if _checksum(row.key, row.payload) != row.checksum]
            if damaged:
                log.warning("%d damaged answers are thrown out", len(damaged))
                connection.execute(delete(ANSWERS).where(ANSWERS.c.key.in_(damaged)))
            sound = {row.key: Answer(row.payload, row.seconds) for row in rows if row.key not in damaged}
            _note(connection, [use for use in allowed if use.key in sound])
        return sound

    def put(self, answers: Mapping[str, Answer], uses: Sequence[Use], scope: Scope) -> None:
        """Keep answers by key; `uses` says whose pages they are about. Those of erased documents are not kept."""
        if not answers:
            return
        with self._database.writing() as connection:
            lock_tombstones(connection)
            allowed = _allowed(connection, uses)
            kept = {key: answers[key] for key in sorted({use.key for use in allowed})}
            insert_missing(connection, ANSWERS, [_row(key, one, scope) for key, one in kept.items()])
            insert_missing(connection, ANSWER_USES, [use._asdict() for use in allowed])
            self._unchecked_bytes += sum(_size(one.payload) for one in kept.values())
            if self._unchecked_bytes >= self._limit_bytes * CHECKED_SHARE:
                _throw_out(connection, above_bytes=self._limit_bytes)
                self._unchecked_bytes = 0

    def prune(
        self, *, max_bytes: int | None = None, max_age: timedelta | None = None, engine_fingerprint: str = ""
    ) -> int:
        """Throw out what was not used for `max_age`, what an engine said, and the longest unused above `max_bytes`;
        returns how many answers that was."""
        with self._database.writing() as connection:
            lock_tombstones(connection)
            before = _count(connection)
            if max_age is not None:
                connection.execute(delete(ANSWERS).where(ANSWERS.c.used_at < datetime.now(UTC) - max_age))
            if engine_fingerprint:
                of_engine = ANSWERS.c.engine_fingerprint.startswith(engine_fingerprint, autoescape=True)
                connection.execute(delete(ANSWERS).where(of_engine))
            if max_bytes is not None:
                _throw_out(connection, above_bytes=max_bytes, kept_share=1.0)
            return before - _count(connection)

    def kept(self) -> list[Kept]:
        """Say what there is, by fingerprints, the latest used first."""
        scope = (ANSWERS.c.engine_fingerprint, ANSWERS.c.schema_fingerprint)
        figures: tuple[ColumnElement[Any], ...] = (
            func.count(),
            func.sum(ANSWERS.c.size_bytes),
            func.sum(ANSWERS.c.num_hits),
            func.sum(ANSWERS.c.num_hits * ANSWERS.c.seconds),
            func.min(ANSWERS.c.made_at),
            func.max(ANSWERS.c.used_at).label("last"),
        )
        with self._database.reading() as connection:
            rows = connection.execute(select(*scope, *figures).group_by(*scope).order_by(text("last DESC"))).all()
        return [
            Kept(Scope(engine, schema), count, int(size), int(hits), float(saved), oldest, used)
            for engine, schema, count, size, hits, saved, oldest, used in rows
        ]

    def _known(self, keys: Iterable[str]) -> bool:
        """Whether there is any of these answers; a look that locks nothing, as most pages are new."""
        with self._database.reading() as connection:
            found = (select(ANSWERS.c.key).where(ANSWERS.c.key.in_(chunk)).limit(1) for chunk in chunks(keys))
            return any(connection.execute(query).first() is not None for query in found)


def readable(payload: bytes) -> str:
    """A payload as text; nothing of one that was damaged."""
    try:
        return zlib.decompress(payload).decode("utf-8", "replace")
    except zlib.error:
        return ""


def forget_answers(connection: Connection, document_id: str) -> None:
    """Throw out every answer that was given about a document's pages, whoever else has such a page."""
    used = select(ANSWER_USES.c.key).where(ANSWER_USES.c.document_id == document_id)
    connection.execute(delete(ANSWERS).where(ANSWERS.c.key.in_(used)))


def _locked(connection: Connection, keys: Iterable[str]) -> list[Row[Any]]:
    """Read answers, in the order of their keys so that two readers never wait for each other in a ring."""
    ordered = select(ANSWERS).order_by(ANSWERS.c.key).with_for_update()
    found = (connection.execute(ordered.where(ANSWERS.c.key.in_(chunk))) for chunk in chunks(sorted(keys)))
    return [row for rows in found for row in rows]


def _fits(row: Row[Any], scope: Scope) -> bool:
    # The key says so already; an answer under a wrong one would still not be taken.
    return (row.engine_fingerprint, row.schema_fingerprint) == (scope.engine_fingerprint, scope.schema_fingerprint)


def _allowed(connection: Connection, uses: Sequence[Use]) -> list[Use]:
    """Leave out the answers that an erased document has a part in, in the order of their keys."""
    erased = erased_among(connection, (use.document_id for use in uses))
    out = {use.key for use in uses if use.document_id in erased}
    return sorted({use for use in uses if use.key not in out})


def _note(connection: Connection, uses: Sequence[Use]) -> None:
    if uses:
        used = update(ANSWERS).where(ANSWERS.c.key == bindparam("of_key"))
        touched = used.values(used_at=datetime.now(UTC), num_hits=ANSWERS.c.num_hits + 1)
        connection.execute(touched, [{"of_key": use.key} for use in uses])
        insert_missing(connection, ANSWER_USES, [use._asdict() for use in uses])


def _throw_out(connection: Connection, *, above_bytes: int, kept_share: float = KEPT_SHARE) -> None:
    """Delete the answers that were not used for longest, where there are more bytes than `above_bytes`."""
    if connection.dialect.name == "postgresql":
        mine = connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": PRUNE_LOCK}).scalar_one()
        if not mine:
            return
    total = connection.execute(select(func.coalesce(func.sum(ANSWERS.c.size_bytes), 0))).scalar_one()
    if total <= above_bytes:
        return
    surplus = int(total) - int(above_bytes * kept_share)
    oldest = select(ANSWERS.c.key, ANSWERS.c.size_bytes).order_by(ANSWERS.c.used_at, ANSWERS.c.key)
    while surplus > 0:
        rows = connection.execute(oldest.limit(500).with_for_update(skip_locked=True)).all()
        if not rows:
            return
        keys = []
        for key, size_bytes in rows:
            if surplus <= 0:
                break
            keys.append(key)
            surplus -= size_bytes
        connection.execute(delete(ANSWERS).where(ANSWERS.c.key.in_(keys)))


def _row(key: str, answer: Answer, scope: Scope) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "key": key,
        "engine_fingerprint": scope.engine_fingerprint,
        "schema_fingerprint": scope.schema_fingerprint,
        "payload": answer.payload,
        "checksum": _checksum(key, answer.payload),
        "size_bytes": _size(answer.payload),
        "seconds": answer.seconds,
        "num_hits": 0,
        "made_at": now,
        "used_at": now,
    }


def _size(payload: bytes) -> int:
    return len(payload) + ROW_BYTES


def _checksum(key: str, payload: bytes) -> str:
    return hashlib.sha256(key.encode() + payload).hexdigest()


def _count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(ANSWERS)).scalar_one())
