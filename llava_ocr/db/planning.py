"""The start of a run's accounts: what is ordered, which objects are expected, what was done before."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from llava_ocr.db.rows import DOCUMENTS, LOCATIONS, READS, RECORDS, RUNS
from llava_ocr.db.upserts import chunks, insert_missing, upsert
from llava_ocr.db.values import MAX_NAME_CHARS, clean
from llava_ocr.errors import DatabaseError
from llava_ocr.ledger.order import Order, ReadState, RunState, Stage, is_final
from llava_ocr.records import Document
from llava_ocr.store.base import ObjectInfo


@dataclass(frozen=True, slots=True)
class Done:
    """Documents that were read before under the same fingerprints: to the end, or to a failure that would come again.

    `failed` maps a document to its failure class. A person may have mended its cause (a password, a limit), so it is
    for the caller to decide whether those are read again.
    """

    ok: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """An expected object. `state` is how it stands in this run (a resumed run has ended some already).

    `document_id` is its content where the same object (uri, ETag, version) was read before, and `is_done` says that
    this content was read to the end under the run's fingerprints, so it need not even be fetched.
    """

    info: ObjectInfo
    state: ReadState
    document_id: str | None = None
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """An object that is not read, and why (`done before`). `document` where its bytes were seen."""

    uri: str
    reason: str
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Documents that lost an address to other bytes, those that gained one, and all that were found where they lie."""

    left: frozenset[str] = frozenset()
    arrived: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()

    def __or__(self, other: Moved) -> Moved:
        return Moved(self.left | other.left, self.arrived | other.arrived, self.seen | other.seen)


# What the plan and the ledger say of an object, which its outcome leaves alone.
PLANNED_COLUMNS = (
    *("etag", "version", "modified_at", "key_json", "size_bytes"),
    *("shard_index", "started_token", "num_crashes"),
)
# Why an object is skipped whose content was read before.
DONE_BEFORE = "done before"


def start_run(connection: Connection, order: Order) -> str:
    """Open a run's accounts and return its id, which sorts by time."""
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    row = {
        "id": run_id,
        "source": clean(order.source),
        "schema_name": order.schema,
        "schema_fingerprint": order.schema_fingerprint,
        "engine": clean(order.engine),
        "engine_fingerprint": order.engine_fingerprint,
        "order_json": _order_json(order),
        "state": RunState.RUNNING,
        "started_at": now,
        "finished_at": None,
        "is_planned": False,
        "stage": order.stage,
    }
    connection.execute(RUNS.insert(), [row])
    return run_id


def find_unfinished(connection: Connection, order: Order) -> str | None:
    """Return the newest run of exactly this order that has something left to do, or was never planned to the end."""
    is_left = select(READS.c.uri).where(READS.c.run_id == RUNS.c.id, READS.c.state == ReadState.PLANNED).exists()
    is_broken_off = (RUNS.c.state == RunState.FAILED) & (is_left | ~RUNS.c.is_planned)
    is_unfinished = RUNS.c.state.in_((RunState.RUNNING, RunState.PAUSED)) | is_broken_off
    same = select(RUNS.c.id).where(is_unfinished, RUNS.c.order_json == _order_json(order))
    found: str | None = connection.execute(same.order_by(RUNS.c.started_at.desc()).limit(1)).scalar()
    return found


def unread(connection: Connection, infos: Sequence[ObjectInfo], schema: str) -> list[ObjectInfo]:
    """Pick the objects that are new or changed: never read as this schema, by whatever engine, as they are now.

    What failed for good counts as read. Reading again under another engine is what backfills are for.
    """
    known = _known_contents(connection, infos)
    documents = sorted(set(known.values()))
    ended = select(READS.c.document_id, READS.c.state, READS.c.reason).join(RUNS, RUNS.c.id == READS.c.run_id)
    ended = ended.where(RUNS.c.schema_name == schema, RUNS.c.stage != Stage.STAGED)
    ended = ended.where(READS.c.document_id.in_(documents), READS.c.state.in_((ReadState.OK, ReadState.FAILED)))
    read = {row.document_id for row in connection.execute(ended) if row.state is ReadState.OK or is_final(row.reason)}
    current = select(RECORDS.c.document_id).where(RECORDS.c.schema_name == schema, RECORDS.c.is_current)
    read |= set(connection.execute(current.where(RECORDS.c.document_id.in_(documents))).scalars())
    return [info for info in infos if known.get(clean(info.uri)) not in read]


def get_run(connection: Connection, run_id: str) -> Row[Any]:
    """Return a run's row. Raises DatabaseError when there is none."""
    run = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).one_or_none()
    if run is None:
        raise DatabaseError(f"the database has no run {run_id}")
    return run


def plan(connection: Connection, run_id: str, infos: Sequence[ObjectInfo], *, shard_index: int = 0) -> list[Planned]:
    """Write down one batch of objects that a run must account for. Planning an object again changes nothing."""
    run = get_run(connection, run_id)
    expected = [_expected(run_id, info) | {"shard_index": shard_index} for info in infos]
    num_new = insert_missing(connection, READS, expected)
    uris = [clean(info.uri) for info in infos]
    states = dict.fromkeys(uris, ReadState.PLANNED)
    # Not asked needlessly: before PostgreSQL has counted a new run's rows, it walks through all of them for this.
    if num_new < len(expected):
        ended = select(READS.c.uri, READS.c.state).where(READS.c.run_id == run_id, READS.c.uri.in_(uris))
        states |= {row.uri: row.state for row in connection.execute(ended)}
    known = _known_contents(connection, infos)
    done = find_done(connection, list(known.values()), run.schema_fingerprint, run.engine_fingerprint)
    return [
        Planned(info, states[uri], known.get(uri), is_done=known.get(uri) in done.ok)
        for info, uri in zip(infos, uris, strict=True)
    ]


def find_done(
    connection: Connection, document_ids: Sequence[str], schema_fingerprint: str, engine_fingerprint: str
) -> Done:
    """Tell which documents were read before under these fingerprints."""
    ok: set[str] = set()
    failed: dict[str, str] = {}
    found = (
        select(READS.c.document_id, READS.c.state, READS.c.reason)
        .join(RUNS, RUNS.c.id == READS.c.run_id)
        .where(RUNS.c.schema_fingerprint == schema_fingerprint, RUNS.c.engine_fingerprint == engine_fingerprint)
        # What a staged run read counts when it is promoted.
        .where(READS.c.state.in_([ReadState.OK, ReadState.FAILED]), RUNS.c.stage != Stage.STAGED)
    )
    for chunk in chunks(document_ids):
        for document_id, state, reason in connection.execute(found.where(READS.c.document_id.in_(chunk))):
            if state is ReadState.OK:
                ok.add(document_id)
            elif is_final(reason):
                failed[document_id] = reason
    return Done(frozenset(ok), {key: reason for key, reason in failed.items() if key not in ok})


def skip(connection: Connection, run_id: str, skips: Sequence[Skip]) -> Moved:
    """End objects that are not read. Where their document is given, it gains a location; `addresses` follows that."""
    now = datetime.now(UTC)
    documents = [one.document for one in sorted(skips, key=lambda one: one.uri) if one.document is not None]
    insert_missing(connection, DOCUMENTS, [document_row(document, 0, now) for document in documents])
    rows = [_skipped(run_id, one, now) for one in sorted(skips, key=lambda one: one.uri)]
    upsert(connection, READS, rows, keep=PLANNED_COLUMNS)
    return locate(connection, run_id, [document.uri for document in documents], now)


def skip_known(connection: Connection, run_id: str, known: Sequence[Planned], *, reason: str) -> Moved:
    """End planned objects that need not be fetched, because their unchanged content is a document already."""
    now, moved = datetime.now(UTC), Moved()
    for chunk in chunks(sorted(known, key=lambda one: one.info.uri)):
        skipped = update(READS).where(READS.c.run_id == run_id, READS.c.uri == bindparam("of_uri"))
        values = skipped.values(
            document_id=bindparam("as_document"), state=ReadState.SKIPPED, reason=reason, ended_at=now
        )
        connection.execute(values, [{"of_uri": clean(one.info.uri), "as_document": one.document_id} for one in chunk])
        moved |= locate(connection, run_id, [one.info.uri for one in chunk], now)
    return moved


def locate(connection: Connection, run_id: str, uris: Sequence[str], now: datetime) -> Moved:
    """Note where the documents read under `uris` lie, with the ETag and version they were planned with.

    What a staged run finds takes no address away before it is promoted.
    """
    if uris and get_run(connection, run_id).stage is Stage.STAGED:
        for chunk in chunks(sorted(clean(uri) for uri in uris)):
            insert_missing(connection, LOCATIONS, _places(connection, run_id, chunk, now))
        return Moved()
    return move(connection, run_id, uris, now)


def move(connection: Connection, run_id: str, uris: Sequence[str], now: datetime | None) -> Moved:
    """Let the documents that a run read under `uris` lie there, as seen `now` (None: when it read them)."""
    moved = Moved()
    for chunk in chunks(sorted(clean(uri) for uri in uris)):
        rows = _places(connection, run_id, chunk, now)
        known = select(LOCATIONS.c.uri, LOCATIONS.c.document_id).where(LOCATIONS.c.uri.in_(chunk))
        before = {row.uri: row.document_id for row in connection.execute(known)}
        new = [row for row in rows if before.get(row["uri"]) != row["document_id"]]
        upsert(connection, LOCATIONS, rows)
        moved |= Moved(
            frozenset(before[row["uri"]] for row in new if row["uri"] in before),
            frozenset(row["document_id"] for row in new),
            frozenset(row["document_id"] for row in rows),
        )
    return moved


def _places(connection: Connection, run_id: str, uris: Sequence[str], now: datetime | None) -> list[dict[str, Any]]:
    """Rows of locations, from what the run read or skipped there, in the order of their keys."""
    columns = (READS.c.uri, READS.c.document_id, READS.c.etag, READS.c.version, READS.c.modified_at, READS.c.ended_at)
    found = select(*columns).where(READS.c.run_id == run_id, READS.c.uri.in_(uris), READS.c.document_id.is_not(None))
    places = []
    for row in connection.execute(found.order_by(READS.c.uri)):
        place = dict(row._mapping)
        ended_at = place.pop("ended_at")
        places.append(place | {"seen_at": now or ended_at})
    return places


def document_row(document: Document, num_pages: int, now: datetime) -> dict[str, Any]:
    """Return the row of a document first seen `now`."""
    return {
        "id": document.id,
        "size_bytes": document.size_bytes,
        "media_type": clean(document.media_type, max_chars=MAX_NAME_CHARS),
        "num_pages": num_pages,
        "first_seen_at": now,
    }


def _order_json(order: Order) -> str:
    return json.dumps(asdict(order), ensure_ascii=True, default=str)


def _known_contents(connection: Connection, infos: Sequence[ObjectInfo]) -> dict[str, str]:
    """Map the uri of each object that is unchanged since it was last read to its document."""
    by_uri = {clean(info.uri): info for info in infos if info.etag}
    rows = connection.execute(select(LOCATIONS).where(LOCATIONS.c.uri.in_(list(by_uri))))
    return {
        row.uri: row.document_id
        for row in rows
        if (row.etag, row.version) == (by_uri[row.uri].etag, by_uri[row.uri].version)
    }


def _expected(run_id: str, info: ObjectInfo) -> dict[str, Any]:
    return blank_read(run_id, info.uri) | {
        "etag": info.etag,
        "version": info.version,
        "modified_at": info.modified_at,
        "key_json": json.dumps(info.key),
        "size_bytes": info.size_bytes,
    }


def _skipped(run_id: str, skipped: Skip, now: datetime) -> dict[str, Any]:
    return blank_read(run_id, skipped.uri) | {
        "document_id": skipped.document.id if skipped.document else None,
        "state": ReadState.SKIPPED,
        "reason": clean(skipped.reason, max_chars=MAX_NAME_CHARS),
        "ended_at": now,
    }


def blank_read(run_id: str, uri: str) -> dict[str, Any]:
    """Return the row of an object that has not ended."""
    return {
        "run_id": run_id,
        "uri": clean(uri),
        "document_id": None,
        "etag": "",
        "version": "",
        "modified_at": None,
        "state": ReadState.PLANNED,
        "reason": "",
        "message": "",
        "num_pages": 0,
        "seconds": 0.0,
        "seconds_json": "{}",
        "ended_at": None,
        "key_json": '""',
        "size_bytes": 0,
        "shard_index": 0,
        "started_token": 0,
        "num_crashes": 0,
    }
