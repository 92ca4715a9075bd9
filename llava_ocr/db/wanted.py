"""Which documents a backfill reads again, and what reading them cost before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from llava_ocr.db.rows import DOCUMENTS, FIELDS, LOCATIONS, READS, RECORDS, RUNS
from llava_ocr.db.upserts import chunks
from llava_ocr.db.values import clean
from llava_ocr.ledger.backfill import Sample, Why
from llava_ocr.ledger.order import ReadState, Stage
from llava_ocr.records import FieldState
from llava_ocr.store.base import ObjectInfo

# As many of the newest documents say how long a page takes.
NUM_SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that is to be read again. `num_pages` is None where nobody has opened it yet."""

    info: ObjectInfo
    num_pages: int | None


def choose(
    connection: Connection, infos: Sequence[ObjectInfo], why: Why, *, schema: str, fingerprints: tuple[str, str]
) -> list[Wanted]:
    """Pick those objects that one of the reasons names; all of them where no reason is given.

    `fingerprints` are the schema's and the engine's as they are now.
    """
    known = _known(connection, [clean(info.uri) for info in infos])
    documents = sorted({document_id for document_id, _ in known.values()})
    chosen = _chosen(connection, documents, why, schema=schema, fingerprints=fingerprints)
    found = []
    for info in infos:
        document_id, num_pages = known.get(clean(info.uri), ("", None))
        # What was never read under any fingerprint is stale too.
        if why.is_everything or document_id in chosen or (why.is_stale and not document_id):
            found.append(Wanted(info, num_pages))
    return found


def samples(connection: Connection, engine_fingerprint: str) -> list[Sample]:
    """Return how long pages took, and how many tokens they needed, in the newest readings by an engine."""
    tokens = (
        select(
            RECORDS.c.run_id,
            RECORDS.c.document_id,
            func.sum(RECORDS.c.num_prompt_tokens + RECORDS.c.num_new_tokens).label("num_tokens"),
        )
        .where(RECORDS.c.engine_fingerprint == engine_fingerprint)
        .group_by(RECORDS.c.run_id, RECORDS.c.document_id)
        .subquery()
    )
    same = (tokens.c.run_id == READS.c.run_id) & (tokens.c.document_id == READS.c.document_id)
    read = (
        select(READS.c.num_pages, READS.c.seconds, func.coalesce(tokens.c.num_tokens, 0))
        .join(RUNS, RUNS.c.id == READS.c.run_id)
        .outerjoin(tokens, same)
        .where(RUNS.c.engine_fingerprint == engine_fingerprint, READS.c.state == ReadState.OK, READS.c.num_pages > 0)
        .order_by(READS.c.ended_at.desc())
        .limit(NUM_SAMPLES)
    )
    return [Sample(*row) for row in connection.execute(read)]


def _known(connection: Connection, uris: Sequence[str]) -> dict[str, tuple[str, int | None]]:
    located = select(LOCATIONS.c.uri, LOCATIONS.c.document_id, DOCUMENTS.c.num_pages).join(
        DOCUMENTS, DOCUMENTS.c.id == LOCATIONS.c.document_id
    )
    rows = [row for chunk in chunks(uris) for row in connection.execute(located.where(LOCATIONS.c.uri.in_(chunk)))]
    return {row.uri: (row.document_id, row.num_pages or None) for row in rows}


def _chosen(
    connection: Connection, documents: Sequence[str], why: Why, *, schema: str, fingerprints: tuple[str, str]
) -> set[str]:
    chosen: set[str] = set()
    for chunk in chunks(documents):
        if why.is_stale:
            chosen |= set(chunk) - _fresh(connection, chunk, fingerprints)
        if why.below_confidence is not None:
            chosen |= _doubtful(connection, chunk, schema, why.below_confidence)
        if why.failed:
            failed = select(READS.c.document_id).where(READS.c.document_id.in_(chunk), READS.c.reason.in_(why.failed))
            chosen |= {one for one in connection.execute(failed).scalars() if one}
    return chosen


def _fresh(connection: Connection, documents: Sequence[str], fingerprints: tuple[str, str]) -> set[str]:
    by_now = (RUNS.c.schema_fingerprint == fingerprints[0], RUNS.c.engine_fingerprint == fingerprints[1])
    read = (
        select(READS.c.document_id)
        .join(RUNS, RUNS.c.id == READS.c.run_id)
        .where(*by_now, READS.c.document_id.in_(documents), READS.c.state == ReadState.OK, RUNS.c.stage != Stage.STAGED)
    )
    return {one for one in connection.execute(read).scalars() if one}


def _doubtful(connection: Connection, documents: Sequence[str], schema: str, below: float) -> set[str]:
    """Documents with a current record that has a value of less confidence."""
    doubtful = (
        select(RECORDS.c.document_id)
        .join(FIELDS, FIELDS.c.record_id == RECORDS.c.id)
        .where(RECORDS.c.document_id.in_(documents), RECORDS.c.schema_name == schema, RECORDS.c.is_current)
        .where(FIELDS.c.confidence < below, FIELDS.c.state != FieldState.ABSENT.value)
    )
    return set(connection.execute(doubtful.distinct()).scalars())
