"""A person's decisions on a record, each one transaction: written down, shown, checked again, listed again."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy import Connection, delete, select

from llava_ocr.db.corrections import Said, corrections_of, machine_readings, place_of, say, take_back
from llava_ocr.db.listings import list_records
from llava_ocr.db.people import note
from llava_ocr.db.rows import FINDINGS, RECORDS
from llava_ocr.db.saving import finding_row
from llava_ocr.db.session import Database
from llava_ocr.db.stored import NoSuchRecord, load_record, nested_values
from llava_ocr.db.upserts import upsert
from llava_ocr.errors import DatabaseError
from llava_ocr.records import FieldReading
from llava_ocr.review.corrections import WHOLE_RECORD, Verdict, ruled, standing
from llava_ocr.schema import DocumentSchema, tree

# Remarks on the reading itself, which no correction settles; the schema's checks run again.
OF_THE_READING = (
    "list_cut",
    "list_incomplete",
    "unseen_words",
    "unclear_orientation",
    "unread_picture",
    "cover_page",
    "bundle",
)


class NotCurrent(DatabaseError):
    """The record is an older reading."""

    hint = "Open the document's current record; corrections belong there."


def correct_field(
    db: Database, record_id: int, schema: type[DocumentSchema], reading: FieldReading, *, who: str
) -> None:
    """Let a field show what a person says it is."""
    with db.writing() as connection:
        _require_current(connection, record_id)
        say(connection, record_id, [Said(reading.path, Verdict.CORRECT, reading)], who=who)
        _settle(connection, record_id, schema)


def rule_on_field(
    db: Database, record_id: int, schema: type[DocumentSchema], *, path: str, verdict: Verdict, who: str
) -> None:
    """Accept a field as it is shown, or say that it is absent or illegible. Raises DatabaseError for no such field."""
    with db.writing() as connection:
        _require_current(connection, record_id)
        shown = {field.path: field for field in load_record(connection, record_id).fields}
        if path not in shown:
            raise DatabaseError(f"record {record_id} has no field {path}")
        say(connection, record_id, [Said(path, verdict, ruled(verdict, shown[path]))], who=who)
        _settle(connection, record_id, schema)


def approve_record(db: Database, record_id: int, schema: type[DocumentSchema], *, who: str) -> None:
    """Accept all that a record shows, field by field, so that a later reading is held against each of them."""
    with db.writing() as connection:
        _require_current(connection, record_id)
        record = load_record(connection, record_id)
        said = standing(corrections_of(connection, place_of(connection, record_id)))
        machine = machine_readings(connection, [record_id])[record_id]
        accepted = [
            Said(field.path, Verdict.ACCEPT, ruled(Verdict.ACCEPT, field))
            for field in record.fields
            # What was ruled on stays, unless a newer reading has come since.
            if field.path not in said or said[field.path].seen != machine.get(field.path)
        ]
        say(connection, record_id, [*accepted, Said(WHOLE_RECORD, Verdict.APPROVE)], who=who)
        note(connection, who, "approved", f"record {record_id}")
        _settle(connection, record_id, schema)


def undo(db: Database, record_id: int, schema: type[DocumentSchema], *, who: str) -> list[str]:
    """Take back this person's last act on a record; returns the paths it was about."""
    with db.writing() as connection:
        paths = take_back(connection, record_id, who=who)
        if paths:
            _settle(connection, record_id, schema)
        return paths


def _settle(connection: Connection, record_id: int, schema: type[DocumentSchema]) -> None:
    """Run the schema's checks over what the record shows now, and list it anew."""
    record = load_record(connection, record_id)
    try:
        filled = schema.model_validate(nested_values(tree(schema), record.fields))
    except ValidationError:
        # An older schema's values; its findings stand until the document is read again.
        list_records(connection, [record_id])
        return
    findings = [finding for check in schema.checks for finding in check(filled)]
    kept = [one for one in record.findings if one.check in OF_THE_READING]
    connection.execute(delete(FINDINGS).where(FINDINGS.c.record_id == record_id))
    rows = [finding_row(record_id, index, finding) for index, finding in enumerate([*kept, *findings])]
    upsert(connection, FINDINGS, rows)
    list_records(connection, [record_id])


def _require_current(connection: Connection, record_id: int) -> None:
    columns = (RECORDS.c.is_current, RECORDS.c.superseded_by)
    row = connection.execute(select(*columns).where(RECORDS.c.id == record_id)).one_or_none()
    if row is None:
        raise NoSuchRecord(f"no record {record_id}")
    if row.superseded_by is not None:
        raise NotCurrent(f"record {record_id} is of bytes that others have replaced")
    if not row.is_current:
        raise NotCurrent(f"record {record_id} is an older reading")
