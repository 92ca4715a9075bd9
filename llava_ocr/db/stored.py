"""Records as they come back from the database, whole, and their nested values."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select, tuple_

from llava_ocr.db.rows import FIELDS, FINDINGS, LOCATIONS, RECORDS
from llava_ocr.db.upserts import CHUNK, chunks
from llava_ocr.db.values import boxes_of, part_of, value_of
from llava_ocr.errors import DatabaseError
from llava_ocr.records import Evidence, FieldReading, FieldState, FieldValue, Finding, Part, WordReader
from llava_ocr.review.sameness import Link
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode

# A hex digit is always below this, so a prefix of an id and everything after it lies in between.
AFTER_HEX = "g"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record with its fields in schema order, and what made it; `links.linked` fills `links` and `addresses` in.

    `is_superseded`: other bytes took its document's last address.
    """

    id: int
    document_id: str
    uri: str
    schema: str
    record_index: int
    run_id: str
    engine: str
    needs_review: bool
    is_current: bool
    made_at: datetime
    fields: tuple[FieldReading, ...]
    findings: tuple[Finding, ...]
    links: tuple[Link, ...] = ()
    part: Part | None = None
    addresses: tuple[str, ...] = ()
    is_superseded: bool = False


class NoSuchRecord(DatabaseError):
    """There is no such record, or none any more."""

    hint = "It may have been read again or erased; look for its document in Records, or with `llava-ocr show`."


def load_record(connection: Connection, record_id: int) -> StoredRecord:
    """Return one record, current or not. Raises NoSuchRecord: a reading that was replaced may be gone at any moment."""
    for record in load_records(connection, [record_id]):
        return record
    raise NoSuchRecord(f"no record {record_id}")


def current_records(
    connection: Connection, schema: str, chosen: ColumnElement[bool] | None = None
) -> Iterator[StoredRecord]:
    """Yield the current records of a schema by document, never holding more than one batch of them.

    `chosen` is a condition on records that says which are wanted.
    """
    place = (RECORDS.c.document_id, RECORDS.c.record_index)
    query = select(RECORDS).where(RECORDS.c.schema_name == schema, RECORDS.c.is_current).order_by(*place)
    query = query if chosen is None else query.where(chosen)
    batch = _load(connection, query.limit(CHUNK))
    while batch:
        yield from batch
        last = (batch[-1].document_id, batch[-1].record_index)
        batch = _load(connection, query.where(tuple_(*place) > last).limit(CHUNK))


def load_records(connection: Connection, ids: Sequence[int]) -> list[StoredRecord]:
    """Return these records by id, current or not; ids that are not there are left out."""
    found = (select(RECORDS).where(RECORDS.c.id.in_(chunk)).order_by(RECORDS.c.id) for chunk in chunks(ids))
    return [record for query in found for record in _load(connection, query)]


def find_records(connection: Connection, wanted: str, *, schema: str = "") -> list[StoredRecord]:
    """Find the current records of a document by the start of its id or by one of its URIs, whole or from a `/` on.

    What is wanted may fit several documents.
    """
    is_it = (RECORDS.c.uri == wanted) | RECORDS.c.uri.endswith(f"/{wanted}", autoescape=True)
    lies_there = (LOCATIONS.c.uri == wanted) | LOCATIONS.c.uri.endswith(f"/{wanted}", autoescape=True)
    is_it |= RECORDS.c.document_id.in_(select(LOCATIONS.c.document_id).where(lies_there))
    if wanted:
        is_it |= (RECORDS.c.document_id >= wanted) & (RECORDS.c.document_id < wanted + AFTER_HEX)
    query = select(RECORDS).where(is_it, RECORDS.c.is_current)
    query = query.where(RECORDS.c.schema_name == schema) if schema else query
    return _load(connection, query.order_by(RECORDS.c.document_id, RECORDS.c.schema_name, RECORDS.c.record_index))


def nested_values(root: GroupNode, fields: Sequence[FieldReading]) -> dict[str, Any]:
    """Rebuild the nested values of a record: the whole shape of the schema, None where nothing was read."""
    return _nested(root, {field.path: field.value for field in fields})


def _nested(node: GroupNode, values: Mapping[str, FieldValue], *, prefix: str = "") -> dict[str, Any]:
    return {child.name: _value(child, values, path=f"{prefix}{child.name}") for child in node.children}


def _value(node: Node, values: Mapping[str, FieldValue], *, path: str) -> Any:
    if isinstance(node, LeafNode):
        return values.get(path)
    if isinstance(node, RowsNode):
        count = _num_rows(values, path)
        return [_nested(node.row, values, prefix=f"{path}[{index}].") for index in range(count)]
    return _nested(node, values, prefix=f"{path}.")


def _num_rows(values: Mapping[str, FieldValue], path: str) -> int:
    start = f"{path}["
    return max(
        (int(key[len(start) : key.index("]", len(start))]) + 1 for key in values if key.startswith(start)), default=0
    )


def _load(connection: Connection, query: Select[Any]) -> list[StoredRecord]:
    records = connection.execute(query).all()
    ids = [record.id for record in records]
    fields: defaultdict[int, list[FieldReading]] = defaultdict(list)
    of_records = select(FIELDS).where(FIELDS.c.record_id.in_(ids)).order_by(FIELDS.c.record_id, FIELDS.c.field_index)
    for row in connection.execute(of_records):
        fields[row.record_id].append(_reading(row))
    findings: defaultdict[int, list[Finding]] = defaultdict(list)
    remarks = select(FINDINGS).where(FINDINGS.c.record_id.in_(ids))
    for row in connection.execute(remarks.order_by(FINDINGS.c.record_id, FINDINGS.c.finding_index)):
        findings[row.record_id].append(Finding(row.check_name, row.message, tuple(json.loads(row.paths))))
    return [_stored(record, fields[record.id], findings[record.id]) for record in records]


def _stored(row: Row[Any], fields: Sequence[FieldReading], findings: Sequence[Finding]) -> StoredRecord:
    return StoredRecord(
        row.id,
        row.document_id,
        row.uri,
        row.schema_name,
        row.record_index,
        row.run_id,
        row.engine,
        row.needs_review,
        row.is_current,
        row.made_at,
        tuple(fields),
        tuple(findings),
        part=part_of(row.page_indices, row.part_reason, row.part_certainty),
        is_superseded=row.superseded_by is not None,
    )


def _reading(row: Row[Any]) -> FieldReading:
    evidence = None
    if row.page_index is not None:
        evidence = Evidence(row.page_index, tuple(boxes_of(row.boxes)), WordReader(row.reader), row.score)
    return FieldReading(
        path=row.path,
        state=FieldState(row.state),
        text=row.text,
        value=value_of(row.value_type, row.value_text),
        confidence=row.confidence,
        evidence=evidence,
        candidates=tuple(json.loads(row.candidates)) if row.candidates else (),
    )
