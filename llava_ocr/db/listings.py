"""The index that lists of records are read from, and the full-text index beside it. Made from records, any time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, select, text, update

from llava_ocr.db import links
from llava_ocr.db.calibrations import latest_calibration
from llava_ocr.db.corrections import (
    RecordPlace,
    corrections_at,
    forget_overridden,
    lay_over,
    machine_readings,
    place_of_record,
)
from llava_ocr.db.page_words import unpacked
from llava_ocr.db.review_rows import HEADLINES, LISTINGS, PAGE_WORDS
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.saving import Saved
from llava_ocr.db.stored import StoredRecord, load_records
from llava_ocr.db.upserts import chunks, upsert
from llava_ocr.db.values import MAX_NAME_CHARS, clean, columns_of
from llava_ocr.jsonform import plain
from llava_ocr.records import FieldReading, FieldState
from llava_ocr.review.calibration import Calibration
from llava_ocr.review.corrections import WHOLE_RECORD, Correction, num_conflicts, standing
from llava_ocr.review.gain import expected_gain, num_doubtful
from llava_ocr.review.headline import Headline, headline_of
from llava_ocr.review.status import REVIEW_BELOW, Status, status_of
from llava_ocr.review.terms import searchable
from llava_ocr.schema import DocumentSchema, schema_name

if TYPE_CHECKING:
    from llava_ocr.db.session import Database

# Records whose fields are held at once.
BATCH = 200
_SEARCH_SQLITE = "INSERT OR REPLACE INTO listings_search (rowid, words) VALUES (:id, :words)"
_SEARCH_POSTGRES = (
    "INSERT INTO listings_search (record_id, words) VALUES (:id, to_tsvector('simple', :words)) "
    "ON CONFLICT (record_id) DO UPDATE SET words = excluded.words"
)


def save_headline(connection: Connection, schema: type[DocumentSchema]) -> None:
    """Note which fields stand for a record of this schema; where that has changed, its records are listed anew."""
    name = schema_name(schema)
    wanted = asdict(headline_of(schema))
    row = connection.execute(select(HEADLINES).where(HEADLINES.c.schema_name == name)).one_or_none()
    if row is not None and {key: row._mapping[key] for key in wanted} == wanted:
        return
    upsert(connection, HEADLINES, [{"schema_name": name, **wanted}])
    ids = select(RECORDS.c.id).where(RECORDS.c.schema_name == name, RECORDS.c.is_current)
    list_records(connection, connection.execute(ids).scalars().all())


def unlisted(connection: Connection, *, limit: int) -> list[int]:
    """Find current records that are not listed: those of an older database, or of a save that was not ours."""
    missing = select(RECORDS.c.id).outerjoin(LISTINGS, LISTINGS.c.record_id == RECORDS.c.id)
    missing = missing.where(RECORDS.c.is_current, LISTINGS.c.record_id.is_(None)).order_by(RECORDS.c.id)
    return list(connection.execute(missing.limit(limit)).scalars())


def renew(connection: Connection, saved: Saved) -> None:
    """Bring people's words and the list up to date with what a save wrote."""
    unlist(connection, saved.settled)
    record_ids = sorted(saved.records)
    forget_overridden(connection, record_ids)
    spoken_of = set(lay_over(connection, record_ids))
    # What nobody spoke of is as it was handed over, and need not be read back.
    silent = [record_id for record_id in record_ids if record_id not in spoken_of]
    for batch in chunks(silent, BATCH):
        _list(connection, [_as_stored(record_id, saved) for record_id in batch], {})
    list_records(connection, sorted(spoken_of))


def relist(connection: Connection, record_ids: Sequence[int], settled: Sequence[tuple[str, str]]) -> None:
    """The same for records that were made current again, of documents and schemas that they settle."""
    unlist(connection, settled)
    forget_overridden(connection, record_ids)
    lay_over(connection, record_ids)
    list_records(connection, record_ids)


def unlist(connection: Connection, settled: Sequence[tuple[str, str]]) -> None:
    """Take the records of these (document, schema) pairs off the list, with the links of those not current any more."""
    pairs = [{"of_document": document_id, "as_schema": schema} for document_id, schema in settled]
    links.unlink_gone(connection, settled)
    if pairs:
        is_it = (LISTINGS.c.document_id == bindparam("of_document"), LISTINGS.c.schema_name == bindparam("as_schema"))
        connection.execute(delete(LISTINGS).where(*is_it), pairs)


def list_records(connection: Connection, record_ids: Sequence[int]) -> None:
    """Write the list's rows of these current records, and whether a person should look at each."""
    for batch in chunks(record_ids, BATCH):
        records = [record for record in load_records(connection, batch) if record.is_current]
        _list(connection, records, corrections_at(connection, [place_of_record(record) for record in records]))


def _list(
    connection: Connection, records: Sequence[StoredRecord], said: Mapping[RecordPlace, list[Correction]]
) -> None:
    calibration = latest_calibration(connection)
    below = calibration.review_below if calibration else REVIEW_BELOW
    headlines = {row.schema_name: _headline(row._mapping) for row in connection.execute(select(HEADLINES))}
    spoken_of = [record.id for record in records if said.get(place_of_record(record))]
    machine = machine_readings(connection, spoken_of) if spoken_of else {}
    rows, marked = [], defaultdict[bool, list[int]](list)
    for record in records:
        corrections = said.get(place_of_record(record), [])
        conflicts = num_conflicts(corrections, machine[record.id]) if corrections else 0
        sure = surest(record, corrections, calibration)
        is_approved = WHOLE_RECORD in standing(corrections)
        status = status_of(sure.fields, sure.findings, is_approved=is_approved, num_conflicts=conflicts, below=below)
        rows.append(_listing(sure, headlines.get(record.schema, Headline()), status, num_conflicts=conflicts))
        if record.needs_review != status.needs_review:
            marked[status.needs_review].append(record.id)
    for needs_review, ids in marked.items():
        connection.execute(update(RECORDS).where(RECORDS.c.id.in_(ids)).values(needs_review=needs_review))
    links.link_keys(connection, records, {name: one.business_key.split() for name, one in headlines.items()})
    upsert(connection, LISTINGS, rows)
    _index_words(connection, records)


def _as_stored(record_id: int, saved: Saved) -> StoredRecord:
    """A record just saved, as it would be read back."""
    record = saved.records[record_id]
    return StoredRecord(
        id=record_id,
        document_id=record.document.id,
        uri=clean(record.document.uri),
        schema=record.schema,
        record_index=record.record_index,
        run_id=saved.run_id,
        engine=record.provenance.engine,
        needs_review=record.needs_review,
        is_current=True,
        made_at=datetime.now(UTC),
        fields=record.fields,
        findings=record.findings,
    )


def surest(record: StoredRecord, corrections: Sequence[Correction], calibration: Calibration | None) -> StoredRecord:
    """Return the record with probabilities that were learnt in place of the reader's own confidence.

    What a person said stays as sure as they are; without anything learnt nothing changes.
    """
    if calibration is None:
        return record
    said = standing(corrections)
    findings = Counter(path for finding in record.findings for path in finding.paths)
    fields = tuple(
        field
        if field.path in said or field.value is None
        else replace(field, confidence=calibration.probability(field, num_findings=findings[field.path]))
        for field in record.fields
    )
    return replace(record, fields=fields)


def list_all_again(db: Database) -> int:
    """List every current record anew, a batch at a time; returns how many there are."""
    last, count = 0, 0
    while True:
        with db.writing() as connection:
            ids = select(RECORDS.c.id).where(RECORDS.c.is_current, RECORDS.c.id > last).order_by(RECORDS.c.id)
            found = list(connection.execute(ids.limit(BATCH)).scalars())
            list_records(connection, found)
        if not found:
            return count
        last, count = found[-1], count + len(found)


def _listing(record: StoredRecord, headline: Headline, status: Status, *, num_conflicts: int) -> dict[str, Any]:
    fields = {field.path: field for field in record.fields}
    amount = fields[headline.amount].value if headline.amount in fields else None
    amount = amount if isinstance(amount, Decimal) else None
    issued_on = fields[headline.issued_on].value if headline.issued_on in fields else None
    day = issued_on.isoformat() if isinstance(issued_on, date) else ""
    gain = expected_gain(record.fields, num_findings=len(record.findings) + num_conflicts, amount=amount)
    return {
        "record_id": record.id,
        "document_id": record.document_id,
        "schema_name": record.schema,
        "record_index": record.record_index,
        "run_id": record.run_id,
        "uri": record.uri,
        "party": _text(fields.get(headline.party)),
        "number": _text(fields.get(headline.number)),
        "issued_on": day,
        "month": day[:7],
        "currency": _text(fields.get(headline.currency))[:16],
        "amount_x10000": columns_of(amount)[2] or 0,
        "confidence": min((f.confidence for f in record.fields if f.state is FieldState.VALUE), default=0.0),
        "num_doubtful": num_doubtful(record.fields),
        "num_findings": len(record.findings),
        "num_conflicts": num_conflicts,
        "status": status.value,
        "gain": 0.0 if status is Status.REVIEWED else gain,
    }


def _text(field: FieldReading | None) -> str:
    return "" if field is None or field.value is None else clean(str(field.value), max_chars=MAX_NAME_CHARS)


def _headline(row: Mapping[Any, Any]) -> Headline:
    return Headline(**{name: row[name] for name in Headline.__slots__})


def _index_words(connection: Connection, records: Sequence[StoredRecord]) -> None:
    pages = _page_texts(connection, sorted({record.document_id for record in records}))
    rows = [{"id": record.id, "words": _words(record, pages.get(record.document_id, ""))} for record in records]
    if rows:
        is_postgres = connection.dialect.name == "postgresql"
        connection.execute(text(_SEARCH_POSTGRES if is_postgres else _SEARCH_SQLITE), rows)


def _words(record: StoredRecord, page_text: str) -> str:
    said = [str(plain(field.value)) for field in record.fields if field.value is not None]
    printed = [field.text for field in record.fields if field.text]
    return searchable("\n".join(dict.fromkeys([record.uri.rsplit("/", 1)[-1], *said, *printed, page_text])))


def _page_texts(connection: Connection, document_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    query = select(PAGE_WORDS.c.document_id, PAGE_WORDS.c.words).order_by(PAGE_WORDS.c.page_index)
    for chunk in chunks(document_ids):
        for row in connection.execute(query.where(PAGE_WORDS.c.document_id.in_(chunk))):
            found.setdefault(row.document_id, []).append(" ".join(word.text for word in unpacked(row.words).words))
    return {document_id: "\n".join(texts) for document_id, texts in found.items()}
