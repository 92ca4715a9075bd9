"""One record: its pages with boxes, its fields beside them, rows as a table, remarks and history."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from llava_ocr.db.calibrations import latest_calibration
from llava_ocr.db.corrections import RecordPlace, corrections_of, machine_readings
from llava_ocr.db.documents import OtherRecord, Version, count_pages, other_records, versions_of
from llava_ocr.db.links import linked
from llava_ocr.db.listings import surest
from llava_ocr.db.stored import StoredRecord, load_record
from llava_ocr.records import FieldReading, Finding
from llava_ocr.review.corrections import WHOLE_RECORD, Correction, disagrees, standing
from llava_ocr.review.headline import headline_of
from llava_ocr.review.people import Role
from llava_ocr.review.status import REVIEW_BELOW, is_doubtful, status_of
from llava_ocr.web.render import page
from llava_ocr.web.state import Site, TheSession, TheSite

router = APIRouter()

RecordId = Annotated[int, Path(ge=1, lt=2**63)]
# Pages shown at once; a longer document shows those that something was read from, and the first.
MAX_PAGES = 30
_ROW_START = re.compile(r"^(?:line|row) \d+: ")
_CELL = re.compile(r"([^\[\]]+)\[(\d+)\]\.?(.*)")


@dataclass(frozen=True)
class ShownField:
    """A field as the page shows it. `machine` is what was read where a person's word stands in its place."""

    reading: FieldReading
    correction: Correction | None
    machine: FieldReading | None
    is_conflict: bool
    findings: tuple[str, ...]
    below: float

    @property
    def needs_look(self) -> bool:
        """Whether a person should look at it."""
        if self.correction is not None:
            return self.is_conflict
        return bool(self.findings) or is_doubtful(self.reading, below=self.below)


@dataclass(frozen=True)
class ShownTable:
    """The rows of a list: column names and, by row, the cells."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[ShownField | None, ...], ...]


@dataclass(frozen=True)
class Remark:
    """A check that does not hold, once for all the places where it does not; each with the values involved."""

    message: str
    places: tuple[tuple[ShownField, ...], ...]


@dataclass(frozen=True)
class ShownRecord:
    """All that the page of a record says."""

    record: StoredRecord
    title: str
    status: str
    is_approved: bool
    header: tuple[ShownField, ...]
    tables: tuple[ShownTable, ...]
    remarks: tuple[Remark, ...]
    pages: tuple[int, ...]
    num_pages: int
    history: tuple[Correction, ...]
    versions: tuple[Version, ...]
    others: tuple[OtherRecord, ...]


@router.get("/records/{record_id}")
def record(request: Request, record_id: RecordId, site: TheSite, session: TheSession) -> Response:
    """Show a record."""
    shown = shown_record(site, record_id)
    may_review = session.person.role.may(Role.REVIEWER) and shown.record.is_current
    return page(request, "record.html", shown=shown, may_review=may_review, is_review=False)


def shown_record(site: Site, record_id: int) -> ShownRecord:
    """Gather what the page of a record says. Raises NoSuchRecord."""
    with site.db.reading() as connection:
        [stored] = linked(connection, [load_record(connection, record_id)])
        said = corrections_of(connection, RecordPlace(stored.document_id, stored.schema, stored.record_index))
        # Nothing where it was replaced a moment ago.
        machine = machine_readings(connection, [record_id]).get(record_id, {})
        num_pages = count_pages(connection, stored.document_id) or 0
        versions, others = versions_of(connection, stored), other_records(connection, stored)
        calibration = latest_calibration(connection)
    verdicts = standing(said) if stored.is_current else {}
    stored = surest(stored, said, calibration)
    below = calibration.review_below if calibration else REVIEW_BELOW
    fields = [_shown_field(reading, stored, verdicts, machine, below=below) for reading in stored.fields]
    header = tuple(field for field in fields if "[" not in field.reading.path)
    num_conflicts = sum(field.is_conflict for field in fields)
    is_approved = WHOLE_RECORD in verdicts
    status = status_of(
        stored.fields, stored.findings, is_approved=is_approved, num_conflicts=num_conflicts, below=below
    )
    return ShownRecord(
        record=stored,
        title=_title(site, stored),
        status=status.value,
        is_approved=is_approved,
        header=header,
        tables=_tables([field for field in fields if "[" in field.reading.path]),
        remarks=_remarks(stored.findings, fields),
        pages=_pages(stored, num_pages),
        num_pages=num_pages,
        history=tuple(reversed(said)),
        versions=versions,
        others=others,
    )


def _shown_field(
    reading: FieldReading,
    stored: StoredRecord,
    verdicts: Mapping[str, Correction],
    machine: Mapping[str, FieldReading],
    *,
    below: float,
) -> ShownField:
    correction = verdicts.get(reading.path)
    read = machine.get(reading.path)
    is_conflict = correction is not None and disagrees(correction, read)
    if correction is None and WHOLE_RECORD in verdicts:
        is_conflict = reading.value is not None
    findings = tuple(one.message for one in stored.findings if reading.path in one.paths)
    return ShownField(reading, correction, read if correction is not None else None, is_conflict, findings, below)


def _tables(cells: Sequence[ShownField]) -> tuple[ShownTable, ...]:
    by_list: dict[str, dict[int, dict[str, ShownField]]] = {}
    columns: dict[str, dict[str, None]] = {}
    for cell in cells:
        match = _CELL.fullmatch(cell.reading.path)
        if match is None:
            continue
        name, row, column = match[1], int(match[2]), match[3]
        by_list.setdefault(name, {}).setdefault(row, {})[column] = cell
        if cell.reading.value is not None or cell.reading.text:
            columns.setdefault(name, {})[column] = None
    tables = []
    for name, rows in by_list.items():
        shown = tuple(columns.get(name, {}))
        listed = tuple(tuple(rows[index].get(column) for column in shown) for index in sorted(rows))
        tables.append(ShownTable(name, shown, listed))
    return tuple(tables)


def _remarks(findings: Sequence[Finding], fields: Sequence[ShownField]) -> tuple[Remark, ...]:
    """Say each thing once: what is said of many rows has their values below it."""
    by_path = {field.reading.path: field for field in fields if field.reading.value is not None}
    places: dict[str, list[tuple[ShownField, ...]]] = {}
    for finding in findings:
        message = _ROW_START.sub("", finding.message)
        involved = tuple(by_path[path] for path in finding.paths if path in by_path)
        places.setdefault(message[:1].upper() + message[1:], []).append(involved)
    return tuple(Remark(message, tuple(listed)) for message, listed in places.items())


def _title(site: Site, stored: StoredRecord) -> str:
    """Name a record by who and its number, or by its document."""
    values = {field.path: field.value for field in stored.fields}
    if stored.schema in site.catalog.names():
        headline = headline_of(site.catalog.get(stored.schema))
        parts = [str(values[path]) for path in (headline.party, headline.number) if values.get(path)]
        if parts:
            return " · ".join(parts)
    return stored.uri.rsplit("/", 1)[-1]


def _pages(stored: StoredRecord, num_pages: int) -> tuple[int, ...]:
    """The pages to show: those the record is of, or where these are too many, the first and those with values."""
    pages = stored.part.page_indices if stored.part else tuple(range(num_pages))
    if len(pages) <= MAX_PAGES:
        return pages
    read_from = {field.evidence.page_index for field in stored.fields if field.evidence is not None}
    return tuple(sorted({pages[0], *sorted(read_from)[: MAX_PAGES - 1]}))
