"""What people said of fields: written down, laid over the machine's readings, and laid over them again after a save."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select

from llava_ocr.db.review_rows import CORRECTIONS, OVERRIDDEN
from llava_ocr.db.rows import FIELDS, RECORDS
from llava_ocr.db.saving import field_row
from llava_ocr.db.stored import NoSuchRecord, StoredRecord, load_records
from llava_ocr.db.upserts import chunks, upsert, upsert_tuples
from llava_ocr.db.values import MAX_NAME_CHARS, boxes_json, boxes_of, clean, columns_of, value_of
from llava_ocr.records import Evidence, FieldReading, FieldState, WordReader
from llava_ocr.review.corrections import WHOLE_RECORD, Correction, Verdict, last_act, shown, standing


class RecordPlace(NamedTuple):
    """What a verdict is tied to: a record of a document as a schema, whichever run read it."""

    document_id: str
    schema_name: str
    record_index: int


class Said(NamedTuple):
    """A verdict about to be written: `reading` is what the field shall show."""

    path: str
    verdict: Verdict
    reading: FieldReading | None = None
    undoes: int | None = None


def place_of(connection: Connection, record_id: int) -> RecordPlace:
    """Return what a record's verdicts are tied to. Raises NoSuchRecord."""
    columns = (RECORDS.c.document_id, RECORDS.c.schema_name, RECORDS.c.record_index)
    found = connection.execute(select(*columns).where(RECORDS.c.id == record_id)).one_or_none()
    if found is None:
        raise NoSuchRecord(f"no record {record_id}")
    return RecordPlace(*found)


def place_of_record(record: StoredRecord) -> RecordPlace:
    """Return what a loaded record's verdicts are tied to."""
    return RecordPlace(record.document_id, record.schema, record.record_index)


def corrections_of(connection: Connection, place: RecordPlace) -> list[Correction]:
    """List all that was ever said of a record, oldest first."""
    [said] = corrections_at(connection, [place]).values()
    return said


def corrections_at(connection: Connection, places: Sequence[RecordPlace]) -> dict[RecordPlace, list[Correction]]:
    """List what was said of records, by record; those nobody spoke of have an empty list."""
    found: dict[RecordPlace, list[Correction]] = {place: [] for place in places}
    for chunk in chunks(sorted({place.document_id for place in places})):
        pages = _pages_of_parts(connection, chunk)
        query = select(CORRECTIONS).where(CORRECTIONS.c.document_id.in_(chunk)).order_by(CORRECTIONS.c.id)
        for row in connection.execute(query):
            place = RecordPlace(row.document_id, row.schema_name, row.record_index)
            if place in found:
                found[place].append(_placed(_correction(row), pages.get(place)))
    return found


def _pages_of_parts(connection: Connection, document_ids: Sequence[str]) -> dict[RecordPlace, frozenset[int]]:
    """The pages of those current records that are parts of a bundle."""
    columns = (RECORDS.c.document_id, RECORDS.c.schema_name, RECORDS.c.record_index, RECORDS.c.page_indices)
    are_parts = (RECORDS.c.document_id.in_(document_ids), RECORDS.c.is_current, RECORDS.c.page_indices.is_not(None))
    rows = connection.execute(select(*columns).where(*are_parts))
    return {RecordPlace(*place): frozenset(json.loads(pages)) for *place, pages in rows}


def _placed(correction: Correction, pages: frozenset[int] | None) -> Correction:
    """A verdict on a page that its record does not have any more does not stand; it is kept as history."""
    is_elsewhere = pages is not None and correction.page_index is not None and correction.page_index not in pages
    return replace(correction, is_elsewhere=is_elsewhere)


def machine_readings(connection: Connection, record_ids: Sequence[int]) -> dict[int, dict[str, FieldReading]]:
    """Return records' fields by path as the machine read them, whatever people said since."""
    found = {
        record.id: {field.path: field for field in record.fields} for record in load_records(connection, record_ids)
    }
    for chunk in chunks(record_ids):
        for row in connection.execute(select(OVERRIDDEN).where(OVERRIDDEN.c.record_id.in_(chunk))):
            reading = reading_of(row.reading)
            if reading is None:
                found[row.record_id].pop(row.path, None)
            else:
                found[row.record_id][row.path] = reading
    return found


def say(connection: Connection, record_id: int, said: Sequence[Said], *, who: str) -> str:
    """Write down verdicts given by one key and let the record's fields show them; returns the act's name."""
    place = place_of(connection, record_id)
    machine = machine_readings(connection, [record_id])[record_id]
    act = secrets.token_hex(8)
    rows = [
        {
            **place._asdict(),
            "path": one.path,
            "verdict": one.verdict.value,
            "reading": reading_json(one.reading),
            "seen": reading_json(machine.get(one.path)),
            "undoes": one.undoes,
            "act": act,
            "who": clean(who, max_chars=MAX_NAME_CHARS),
            "made_at": datetime.now(UTC),
        }
        for one in said
    ]
    if rows:
        connection.execute(CORRECTIONS.insert(), rows)
        lay_over(connection, [record_id])
    return act


def take_back(connection: Connection, record_id: int, *, who: str) -> list[str]:
    """Undo this person's last act on a record and return the paths it was about; nothing is deleted."""
    undone = last_act(corrections_of(connection, place_of(connection, record_id)), who=who)
    say(connection, record_id, [Said(one.path, Verdict.UNDO, undoes=one.id) for one in undone], who=who)
    return [one.path for one in undone]


def forget_overridden(connection: Connection, record_ids: Sequence[int]) -> None:
    """Drop the machine's old readings of records that were read anew: `fields` has the new ones."""
    for chunk in chunks(record_ids):
        connection.execute(delete(OVERRIDDEN).where(OVERRIDDEN.c.record_id.in_(chunk)))


def lay_over(connection: Connection, record_ids: Sequence[int]) -> list[int]:
    """Make the fields of records show what people said of them; returns the records that have verdicts."""
    places = _places(connection, record_ids)
    said = {place: found for place, found in corrections_at(connection, list(places)).items() if found}
    spoken_of = sorted(places[place] for place in said)
    machine = machine_readings(connection, spoken_of)
    for place, corrections in said.items():
        record_id = places[place]
        verdicts = {path: one for path, one in standing(corrections).items() if path != WHOLE_RECORD}
        _show(connection, record_id, verdicts, machine[record_id])
    return spoken_of


def _places(connection: Connection, record_ids: Sequence[int]) -> dict[RecordPlace, int]:
    columns = (RECORDS.c.document_id, RECORDS.c.schema_name, RECORDS.c.record_index, RECORDS.c.id)
    found = (connection.execute(select(*columns).where(RECORDS.c.id.in_(chunk))) for chunk in chunks(record_ids))
    return {RecordPlace(*place): record_id for rows in found for *place, record_id in rows}


def _show(
    connection: Connection, record_id: int, verdicts: Mapping[str, Correction], machine: Mapping[str, FieldReading]
) -> None:
    """Write one record's fields anew: the person's word where one stands, else the machine's."""
    current: dict[str, int] = {}
    for row in connection.execute(select(FIELDS.c.path, FIELDS.c.field_index).where(FIELDS.c.record_id == record_id)):
        current[row.path] = row.field_index
    last = max(current.values(), default=0)
    wanted = dict(machine)
    for path, one in verdicts.items():
        if one.reading is not None:
            wanted[path] = shown(one, machine.get(path))
    indices = {path: current.get(path, last + number) for number, path in enumerate(wanted, 1)}
    connection.execute(delete(FIELDS).where(FIELDS.c.record_id == record_id))
    upsert_tuples(connection, FIELDS, [field_row(record_id, indices[path], field) for path, field in wanted.items()])
    forget_overridden(connection, [record_id])
    covered: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for path, one in verdicts.items():
        if one.reading is not None:
            reading = reading_json(machine.get(path))
            covered[path] = {"record_id": record_id, "path": path, "correction_id": one.id, "reading": reading}
    upsert(connection, OVERRIDDEN, list(covered.values()))


def reading_json(reading: FieldReading | None) -> str | None:
    """Write a reading as JSON that `reading_of` reads back whole."""
    if reading is None:
        return None
    value_type, value_text, _ = columns_of(reading.value)
    evidence = reading.evidence
    kept: dict[str, Any] = {
        "path": reading.path,
        "state": reading.state.value,
        "text": None if reading.text is None else clean(reading.text),
        "value_type": value_type,
        "value_text": value_text,
        "confidence": reading.confidence,
        "candidates": [clean(candidate) for candidate in reading.candidates],
    }
    if evidence is not None:
        kept |= {"page_index": evidence.page_index, "boxes": boxes_json(evidence.boxes)}
        kept |= {"reader": evidence.reader.value, "score": evidence.score}
    return json.dumps(kept, ensure_ascii=True, separators=(",", ":"))


def reading_of(text: str | None) -> FieldReading | None:
    """Read a reading that `reading_json` wrote."""
    if text is None:
        return None
    kept = json.loads(text)
    evidence = None
    if "boxes" in kept:
        boxes = tuple(boxes_of(kept["boxes"]))
        evidence = Evidence(kept["page_index"], boxes, WordReader(kept["reader"]), kept["score"])
    return FieldReading(
        path=kept["path"],
        state=FieldState(kept["state"]),
        text=kept["text"],
        value=value_of(kept["value_type"], kept["value_text"]),
        confidence=kept["confidence"],
        evidence=evidence,
        candidates=tuple(kept["candidates"]),
    )


def _correction(row: Row[Any]) -> Correction:
    return Correction(
        id=row.id,
        path=row.path,
        verdict=Verdict(row.verdict),
        reading=reading_of(row.reading),
        seen=reading_of(row.seen),
        undoes=row.undoes,
        act=row.act,
        who=row.who,
        made_at=row.made_at,
    )
