"""Writing what came of documents. Saving the same outcome again changes nothing but times; a crash leaves nothing half.

Rows of one table go in by the order of their keys, so that two writers meet in the same order and never deadlock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, update

from llava_ocr.db.page_words import save_page_words
from llava_ocr.db.planning import PLANNED_COLUMNS, Moved, blank_read, document_row, get_run, locate
from llava_ocr.db.rows import DOCUMENTS, FIELDS, FINDINGS, PAGES, READS, RECORDS, STAGED
from llava_ocr.db.upserts import chunks, upsert, upsert_tuples
from llava_ocr.db.values import (
    MAX_MESSAGE_CHARS,
    MAX_NAME_CHARS,
    boxes_json,
    clean,
    columns_of,
    part_columns,
    texts_json,
)
from llava_ocr.ledger.order import Stage, read_reason, read_state
from llava_ocr.records import DocumentOutcome, FieldReading, Finding, PageOutcome, PageWords, Record


class RecordKey(NamedTuple):
    """What makes a record one row."""

    document_id: str
    schema_name: str
    schema_fingerprint: str
    engine_fingerprint: str
    record_index: int


class Saved(NamedTuple):
    """What a save wrote: the records that are current now, by id, the (document, schema) pairs that they settle, and
    which documents were found where."""

    run_id: str
    records: dict[int, Record]
    settled: list[tuple[str, str]]
    moved: Moved


def save(connection: Connection, run_id: str, outcomes: Sequence[DocumentOutcome]) -> Saved:
    """Write outcomes inside the caller's transaction. Raises DatabaseError when there is no such run."""
    now = datetime.now(UTC)
    run = get_run(connection, run_id)
    outcomes = sorted(outcomes, key=lambda outcome: (_document_id(outcome), outcome.uri))
    _save_documents(connection, outcomes, now)
    upsert(
        connection,
        READS,
        [_read_row(run_id, outcome, now) for outcome in outcomes],
        keep=PLANNED_COLUMNS,
    )
    moved = locate(connection, run_id, [outcome.uri for outcome in outcomes if outcome.document], now)
    _save_pages(connection, run_id, outcomes)
    if run.stage is Stage.STAGED:
        _stage_records(connection, run_id, outcomes)
        return Saved(run_id, {}, [], moved)
    records, settled = _save_records(connection, run_id, outcomes, run_schema=run.schema_name)
    return Saved(run_id, records, settled, moved)


def _save_documents(connection: Connection, outcomes: Sequence[DocumentOutcome], now: datetime) -> None:
    rows = [document_row(o.document, o.num_pages, now) for o in outcomes if o.document is not None]
    upsert(connection, DOCUMENTS, rows, keep=("first_seen_at",))


def _save_pages(connection: Connection, run_id: str, outcomes: Sequence[DocumentOutcome]) -> None:
    opened = [outcome for outcome in outcomes if outcome.document is not None]
    if opened:
        surplus = delete(PAGES).where(
            PAGES.c.run_id == run_id,
            PAGES.c.document_id == bindparam("of_document"),
            PAGES.c.page_index >= bindparam("num_pages"),
        )
        connection.execute(surplus, [{"of_document": _document_id(o), "num_pages": o.num_pages} for o in opened])
    upsert(connection, PAGES, [_page_row(run_id, _document_id(o), page) for o in opened for page in o.pages])
    with_words = [(_document_id(o), page) for o in opened for page in o.pages if page.words]
    save_page_words(
        connection,
        [(key, page.page_index, PageWords(page.words, page.reader, turn=page.turn)) for key, page in with_words],
    )


def _save_records(
    connection: Connection, run_id: str, outcomes: Sequence[DocumentOutcome], *, run_schema: str
) -> tuple[dict[int, Record], list[tuple[str, str]]]:
    records = {_key(record): record for outcome in outcomes for record in outcome.records}
    settled = _settled(outcomes, run_schema)
    _retire(connection, settled)
    upsert(connection, RECORDS, [_record_row(run_id, key, record) for key, record in sorted(records.items())])
    _drop_stale(connection, records)
    ids = _ids(connection, records)
    by_id = {ids[key]: record for key, record in records.items()}
    _save_fields(connection, by_id)
    return by_id, settled


def _stage_records(connection: Connection, run_id: str, outcomes: Sequence[DocumentOutcome]) -> None:
    """Write records down where no view sees them; a second reading of a document replaces the first."""
    for chunk in chunks(sorted({_document_id(outcome) for outcome in outcomes if outcome.is_ok})):
        old = delete(STAGED).where(STAGED.c.run_id == run_id, STAGED.c.is_new, STAGED.c.document_id.in_(chunk))
        connection.execute(old)
    rows = [_staged_row(run_id, record) for outcome in outcomes if outcome.is_ok for record in outcome.records]
    upsert(connection, STAGED, rows)


def _staged_row(run_id: str, record: Record) -> dict[str, Any]:
    key = _key(record)
    payload = {
        "record": _record_row(run_id, key, record),
        "fields": _field_rows({0: record}),
        "findings": _finding_rows(0, record),
    }
    row = {"run_id": run_id, "document_id": key.document_id, "is_new": True, "record_index": key.record_index}
    return row | {"payload_json": json.dumps(payload, default=str)}


def _settled(outcomes: Sequence[DocumentOutcome], run_schema: str) -> list[tuple[str, str]]:
    """List the (document, schema) pairs whose current records these outcomes replace.

    A document read to the end without a record has none any more; one that failed keeps those it had.
    """
    pairs = {(_key(record).document_id, record.schema) for outcome in outcomes for record in outcome.records}
    pairs |= {(_document_id(outcome), run_schema) for outcome in outcomes if outcome.document and outcome.is_ok}
    return sorted(pairs)


def _retire(connection: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    rows = [{"of_document": document_id, "as_schema": schema} for document_id, schema in pairs]
    if rows:
        current = (RECORDS.c.document_id == bindparam("of_document"), RECORDS.c.schema_name == bindparam("as_schema"))
        stands = RECORDS.c.is_current | RECORDS.c.superseded_by.is_not(None)
        old = update(RECORDS).where(*current, stands).values(is_current=False, superseded_by=None)
        connection.execute(old, rows)


def _drop_stale(connection: Connection, keys: Iterable[RecordKey]) -> None:
    """Delete records under the same fingerprints that this reading no longer has; their fields go with them."""
    rows = sorted({(k.document_id, k.schema_name, k.schema_fingerprint, k.engine_fingerprint) for k in keys})
    if rows:
        stale = delete(RECORDS).where(
            RECORDS.c.document_id == bindparam("of_document"),
            RECORDS.c.schema_name == bindparam("as_schema"),
            RECORDS.c.schema_fingerprint == bindparam("by_schema"),
            RECORDS.c.engine_fingerprint == bindparam("by_engine"),
            ~RECORDS.c.is_current,
        )
        names = ("of_document", "as_schema", "by_schema", "by_engine")
        connection.execute(stale, [dict(zip(names, row, strict=True)) for row in rows])


def _ids(connection: Connection, keys: Iterable[RecordKey]) -> dict[RecordKey, int]:
    columns = [RECORDS.c[name] for name in RecordKey._fields]
    ids: dict[RecordKey, int] = {}
    for chunk in chunks(sorted({key.document_id for key in keys})):
        found = select(RECORDS.c.id, *columns).where(RECORDS.c.document_id.in_(chunk), RECORDS.c.is_current)
        ids |= {RecordKey(*key): record_id for record_id, *key in connection.execute(found)}
    return ids


def _save_fields(connection: Connection, records: Mapping[int, Record]) -> None:
    """Replace the fields and findings of records; a shorter list leaves no rows of the longer one behind."""
    upsert_tuples(connection, FIELDS, _field_rows(records))
    # Deleting first would be simpler, and costs a quarter of the time of every save for what is rare.
    with_surplus = {
        key: records[key] for key, count in _count_fields(connection, records) if count > len(records[key].fields)
    }
    for chunk in chunks(with_surplus):
        connection.execute(delete(FIELDS).where(FIELDS.c.record_id.in_(chunk)))
    upsert_tuples(connection, FIELDS, _field_rows(with_surplus))
    for chunk in chunks(records):
        connection.execute(delete(FINDINGS).where(FINDINGS.c.record_id.in_(chunk)))
    upsert(connection, FINDINGS, [row for key, record in records.items() for row in _finding_rows(key, record)])


def _count_fields(connection: Connection, record_ids: Iterable[int]) -> list[tuple[int, int]]:
    counted = select(FIELDS.c.record_id, func.count()).group_by(FIELDS.c.record_id)
    found = (connection.execute(counted.where(FIELDS.c.record_id.in_(chunk))) for chunk in chunks(record_ids))
    return [(row[0], row[1]) for rows in found for row in rows]


def _read_row(run_id: str, outcome: DocumentOutcome, now: datetime) -> dict[str, Any]:
    return blank_read(run_id, outcome.uri) | {
        "document_id": outcome.document.id if outcome.document else None,
        "state": read_state(outcome),
        "reason": clean(read_reason(outcome), max_chars=MAX_NAME_CHARS),
        "message": clean(outcome.message, max_chars=MAX_MESSAGE_CHARS),
        "num_pages": outcome.num_pages,
        "seconds": sum(outcome.seconds.values()),
        "seconds_json": json.dumps(outcome.seconds),
        "ended_at": now,
    }


def _page_row(run_id: str, document_id: str, page: PageOutcome) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "document_id": document_id,
        "page_index": page.page_index,
        "state": page.state,
        "reason": clean(page.reason, max_chars=MAX_NAME_CHARS),
        "message": clean(page.message, max_chars=MAX_MESSAGE_CHARS),
        "image_hash": page.image_hash,
        "reader": page.reader,
        "saved_s": page.saved_s,
    }


def _record_row(run_id: str, key: RecordKey, record: Record) -> dict[str, Any]:
    made = record.provenance
    return key._asdict() | {
        "engine": clean(made.engine),
        "run_id": run_id,
        "uri": clean(record.document.uri),
        "needs_review": record.needs_review,
        "is_current": True,
        "superseded_by": None,
        "num_prompt_tokens": made.num_prompt_tokens,
        "num_new_tokens": made.num_new_tokens,
        "num_forced_tokens": made.num_forced_tokens,
        "made_at": datetime.now(UTC),
        **part_columns(record.part),
    }


def _field_rows(records: Mapping[int, Record]) -> list[tuple[Any, ...]]:
    return [
        field_row(key, index, field) for key, record in records.items() for index, field in enumerate(record.fields)
    ]


def field_row(record_id: int, field_index: int, field: FieldReading) -> tuple[Any, ...]:
    """Return a row of FIELDS in column order; written out flat, because this runs for every leaf of every record."""
    evidence = field.evidence
    return (
        record_id,
        field.path,
        field_index,
        *split_path(field.path),
        str(field.state),
        None if field.text is None else clean(field.text),
        *columns_of(field.value),
        field.confidence,
        evidence.page_index if evidence else None,
        boxes_json(evidence.boxes) if evidence else None,
        str(evidence.reader) if evidence else None,
        evidence.score if evidence else None,
        texts_json(field.candidates) if field.candidates else None,
    )


def _finding_rows(record_id: int, record: Record) -> list[dict[str, Any]]:
    return [finding_row(record_id, index, finding) for index, finding in enumerate(record.findings)]


def finding_row(record_id: int, index: int, finding: Finding) -> dict[str, Any]:
    """Return the row of a check that does not hold."""
    return {
        "record_id": record_id,
        "finding_index": index,
        "check_name": clean(finding.check, max_chars=MAX_NAME_CHARS),
        "message": clean(finding.message, max_chars=MAX_MESSAGE_CHARS),
        "paths": texts_json(finding.paths),
    }


@lru_cache(maxsize=100_000)
def split_path(path: str) -> tuple[str, int | None]:
    """Split a record's path into the schema's and the row: `lines[2].amount` is `lines[].amount`, 2."""
    match = re.search(r"\[(\d+)\]", path)
    if match is None:
        return path, None
    return f"{path[: match.start()]}[]{path[match.end() :]}", int(match[1])


def _key(record: Record) -> RecordKey:
    made = record.provenance
    return RecordKey(
        record.document.id, record.schema, made.schema_fingerprint, made.engine_fingerprint, record.record_index
    )


def _document_id(outcome: DocumentOutcome) -> str:
    return outcome.document.id if outcome.document else ""
