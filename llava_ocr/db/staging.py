"""Staged runs: what would change, and changing it in one transaction, there and back.

A staged run's records lie as JSON in a table of their own, where no view sees them. Promoting keeps what was current
before in the same table, so that rolling back needs nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, update

from llava_ocr.db import addresses
from llava_ocr.db.corrections import reading_of
from llava_ocr.db.listings import relist
from llava_ocr.db.planning import get_run
from llava_ocr.db.review_rows import OVERRIDDEN
from llava_ocr.db.rows import FIELDS, FINDINGS, READS, RECORDS, RUNS, STAGED
from llava_ocr.db.saving import field_row
from llava_ocr.db.upserts import CHUNK, key_of, upsert, upsert_tuples
from llava_ocr.db.values import part_columns
from llava_ocr.errors import ConfigError
from llava_ocr.ledger.order import ReadState, Stage
from llava_ocr.records import FieldReading

FIELD_NAMES = tuple(column.name for column in FIELDS.columns)
# Of the values shown now, so many may be lost without anybody's consent.
MAX_LOST_SHARE = 0.05
# Of a field, what counts as a change for an analyst: what it is, not how sure anybody is.
COMPARED = ("state", "value_type", "value_text")


# Document, record and path of a cell.
Key = tuple[str, int, str]
Cell = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One cell that would change: `before` and `after` are values as text, None where there is none. `uri` is an
    address of its document."""

    uri: str
    document_id: str
    record_index: int
    path: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Diff:
    """What promoting would change, by field name in the schema; `samples` are the first few cells of each field.

    `num_values` show a value now. `num_overridden` words of people would show nowhere, `num_contradicted` stand against
    what is read then. `num_superseded` documents lose their last address to the bytes that were read there.
    """

    num_documents: int = 0
    num_changed_documents: int = 0
    num_values: int = 0
    num_vanished_records: int = 0
    num_overridden: int = 0
    num_contradicted: int = 0
    num_superseded: int = 0
    same: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    samples: list[Change] = field(default_factory=list)

    @property
    def lost_share(self) -> float:
        """The share of the values shown now that would be gone."""
        return self.lost.total() / self.num_values if self.num_values else 0.0

    def losses(self) -> list[str]:
        """Say what promoting would take away; nothing where it takes nothing."""
        lost = self.lost.total()
        told = {
            f"{lost:,} of {self.num_values:,} values would be lost ({self.lost_share:.1%})": lost,
            f"{self.num_vanished_records:,} records would vanish": self.num_vanished_records,
            f"{self.num_overridden:,} values that people gave would show nowhere": self.num_overridden,
            f"{self.num_contradicted:,} values that people gave are read otherwise; theirs stand, as conflicts": (
                self.num_contradicted
            ),
            f"{self.num_superseded:,} documents were replaced at their address since": self.num_superseded,
        }
        return [words for words, count in told.items() if count]


class WrongStage(ConfigError):
    """The run's records are not where this needs them."""

    hint = "`llava-ocr backfill` stages; a staged run can be promoted, a promoted one rolled back."


class TooMuchLost(ConfigError):
    """Promoting would take away more of the values shown now than it may."""

    hint = (
        "`llava-ocr backfill diff RUN` shows what; `--accept-loss`, or the box beside the button, promotes it anyway."
    )


def refuse_losses(found: Diff, max_lost_share: float) -> None:
    """Raise TooMuchLost where more than this share of the values would be gone."""
    if found.lost_share > max_lost_share:
        raise TooMuchLost(f"{'; '.join(found.losses())}. At most {max_lost_share:.1%} of the values may be lost")


def diff(connection: Connection, run_id: str, *, samples_per_field: int = 3) -> Diff:
    """Compare a staged run's records with the current ones, cell by cell. Raises WrongStage.

    What a person said stands whoever reads the document, so such a cell does not change.
    """
    run = _require(connection, run_id, Stage.STAGED)
    found = Diff()
    for documents in _documents(connection, run_id):
        current = _current(connection, documents, run.schema_name)
        staged = _staged(connection, run_id, documents, is_new=True)
        before, after = _cells(current.payloads), _cells(staged)
        said, left = [key for key in _said(current) if key in before], _places(staged)
        found.num_vanished_records += len(_places(current.payloads).keys() - left.keys())
        found.num_overridden += sum(key[:2] not in left for key in said)
        found.num_contradicted += sum(key[:2] in left and _value(before, key) != _value(after, key) for key in said)
        after |= {key: before[key] for key in said if key[:2] in left}
        touched = {key[0] for key in before.keys() | after.keys() if _value(before, key) != _value(after, key)}
        found.num_documents += len(documents)
        found.num_changed_documents += len(touched)
        for key in sorted(before.keys() | after.keys()):
            _compare(found, key, before.get(key), after.get(key), samples_per_field=samples_per_field)
    found.num_superseded = addresses.num_superseded_by(connection, run_id)
    return found


def promote(connection: Connection, run_id: str, *, max_lost_share: float | None = None) -> int:
    """Make a staged run's records the current ones; returns how many documents it was.

    Raises WrongStage, and TooMuchLost where more than `max_lost_share` of the values would be gone (None: any).
    """
    run = _require(connection, run_id, Stage.STAGED)
    if max_lost_share is not None:
        refuse_losses(diff(connection, run_id, samples_per_field=0), max_lost_share)
    num_documents = 0
    connection.execute(delete(STAGED).where(STAGED.c.run_id == run_id, ~STAGED.c.is_new))
    for documents in _documents(connection, run_id):
        before = _current(connection, documents, run.schema_name)
        upsert(connection, STAGED, [_kept_row(run_id, payload) for payload in _as_machine_read(before)])
        _retire(connection, documents, run.schema_name)
        written = _write(connection, _staged(connection, run_id, documents, is_new=True), run_id=run_id)
        relist(connection, written, [(document_id, run.schema_name) for document_id in documents])
        num_documents += len(documents)
    addresses.arrive(connection, run_id)
    connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(stage=Stage.PROMOTED))
    return num_documents


def rollback(connection: Connection, run_id: str) -> tuple[int, int]:
    """Bring back what was current before a promotion, except where a later run has read the document since.

    Returns how many documents were brought back, and how many were left to the later run. Raises WrongStage.
    """
    run = _require(connection, run_id, Stage.PROMOTED)
    num_back = num_left = 0
    for documents in _documents(connection, run_id):
        later = _read_later(connection, documents, run)
        back = [document_id for document_id in documents if document_id not in later]
        mine = (RECORDS.c.run_id == run_id, RECORDS.c.schema_name == run.schema_name)
        connection.execute(delete(RECORDS).where(*mine, RECORDS.c.document_id.in_(back)))
        written = _write(connection, _staged(connection, run_id, back, is_new=False), run_id=None)
        relist(connection, written, [(document_id, run.schema_name) for document_id in back])
        num_back, num_left = num_back + len(back), num_left + len(later)
    addresses.give_back(connection, run_id)
    connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(stage=Stage.STAGED))
    return num_back, num_left


def adopt(
    connection: Connection, staged_run_id: str, documents: Sequence[str], *, run_id: str, schema_name: str
) -> None:
    """Make what a staged run read of documents current, as another run's reading; the stage stays as it is."""
    _retire(connection, documents, schema_name)
    written = _write(connection, _staged(connection, staged_run_id, documents, is_new=True), run_id=run_id)
    relist(connection, written, [(document_id, schema_name) for document_id in documents])


def _require(connection: Connection, run_id: str, stage: Stage) -> Row[Any]:
    # Two who promote at once: the second waits here, and then sees that it was done.
    connection.execute(select(RUNS.c.id).where(RUNS.c.id == run_id).with_for_update())
    run = get_run(connection, run_id)
    if run.stage is not stage:
        raise WrongStage(f"run {run_id} is {run.stage}, not {stage}")
    return run


def _documents(connection: Connection, run_id: str) -> Iterator[list[str]]:
    """Yield the documents that a run read to the end, a chunk at a time."""
    last = ""
    read = select(READS.c.document_id).where(READS.c.run_id == run_id, READS.c.state == ReadState.OK).distinct()
    while True:
        chunk = read.where(READS.c.document_id > last).order_by(READS.c.document_id).limit(CHUNK)
        documents = list(connection.execute(chunk).scalars())
        if not documents:
            return
        yield documents
        last = documents[-1]


@dataclass(frozen=True, slots=True)
class _Current:
    """Current records with fields and findings, in the form they are staged in, as people see them.

    `overridden` holds, by place in `payloads` and by path, what the machine had read where a person said otherwise;
    None where it had read nothing.
    """

    payloads: list[dict[str, Any]]
    overridden: list[dict[str, FieldReading | None]]


def _current(connection: Connection, documents: Sequence[str], schema_name: str) -> _Current:
    of_schema = (RECORDS.c.schema_name == schema_name, RECORDS.c.document_id.in_(documents), RECORDS.c.is_current)
    records = connection.execute(select(RECORDS).where(*of_schema)).all()
    ids = [record.id for record in records]
    fields = _by_record(connection, FIELDS, ids)
    findings = _by_record(connection, FINDINGS, ids)
    overridden = _by_record(connection, OVERRIDDEN, ids)
    payloads = [
        {
            "record": {name: value for name, value in record._mapping.items() if name != "id"},
            "fields": [list(row) for row in fields.get(record.id, [])],
            "findings": [dict(row._mapping) for row in findings.get(record.id, [])],
        }
        for record in records
    ]
    return _Current(payloads, [{row.path: reading_of(row.reading) for row in overridden.get(key, [])} for key in ids])


def _as_machine_read(current: _Current) -> list[dict[str, Any]]:
    """The records without what people said of them; that is kept elsewhere, and laid over whatever is current."""
    return [
        payload | {"fields": _machine_fields(payload["fields"], overridden)}
        for payload, overridden in zip(current.payloads, current.overridden, strict=True)
    ]


def _machine_fields(
    fields: Sequence[Sequence[Any]], overridden: Mapping[str, FieldReading | None]
) -> list[Sequence[Any]]:
    path, index = FIELD_NAMES.index("path"), FIELD_NAMES.index("field_index")
    machine: list[Sequence[Any]] = []
    for row in fields:
        if row[path] not in overridden:
            machine.append(row)
        elif (reading := overridden[row[path]]) is not None:
            machine.append(field_row(row[0], row[index], reading))
    return machine


def _said(current: _Current) -> Iterator[Key]:
    """Yield the cells that show a person's word."""
    for payload, overridden in zip(current.payloads, current.overridden, strict=True):
        record = payload["record"]
        yield from ((record["document_id"], record["record_index"], path) for path in overridden)


def _by_record(connection: Connection, table: Table, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(select(table).where(table.c.record_id.in_(ids))):
        found.setdefault(row.record_id, []).append(row)
    return found


def _staged(connection: Connection, run_id: str, documents: Sequence[str], *, is_new: bool) -> list[dict[str, Any]]:
    of_run = (STAGED.c.run_id == run_id, STAGED.c.is_new == is_new, STAGED.c.document_id.in_(documents))
    payloads = connection.execute(select(STAGED.c.payload_json).where(*of_run)).scalars()
    return [json.loads(payload) for payload in payloads]


def _kept_row(run_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    record = payload["record"]
    row = {"run_id": run_id, "document_id": record["document_id"], "is_new": False}
    return row | {"record_index": record["record_index"], "payload_json": json.dumps(payload, default=str)}


def _retire(connection: Connection, documents: Sequence[str], schema_name: str) -> None:
    stands = RECORDS.c.is_current | RECORDS.c.superseded_by.is_not(None)
    current = (RECORDS.c.document_id.in_(documents), RECORDS.c.schema_name == schema_name, stands)
    connection.execute(update(RECORDS).where(*current).values(is_current=False, superseded_by=None))


def _write(connection: Connection, payloads: Sequence[Mapping[str, Any]], *, run_id: str | None) -> list[int]:
    """Write staged records as current ones; those of the same key are replaced with all their fields."""
    rows = [_record_row(payload["record"], run_id) for payload in payloads]
    upsert(connection, RECORDS, rows)
    names = key_of(RECORDS)
    documents = sorted({row["document_id"] for row in rows})
    found = connection.execute(
        select(RECORDS.c.id, *(RECORDS.c[n] for n in names)).where(RECORDS.c.document_id.in_(documents))
    )
    ids = {tuple(key): record_id for record_id, *key in found}
    written = {ids[tuple(row[name] for name in names)]: payload for row, payload in zip(rows, payloads, strict=True)}
    for table in (FIELDS, FINDINGS):
        connection.execute(delete(table).where(table.c.record_id.in_(list(written))))
    upsert_tuples(connection, FIELDS, [(key, *row[1:]) for key, one in written.items() for row in one["fields"]])
    upsert(connection, FINDINGS, [row | {"record_id": key} for key, one in written.items() for row in one["findings"]])
    return sorted(written)


def _record_row(record: Mapping[str, Any], run_id: str | None) -> dict[str, Any]:
    changed: dict[str, Any] = {
        "is_current": True,
        "superseded_by": None,
        "made_at": datetime.fromisoformat(str(record["made_at"])),
    }
    # Those that were staged before there were bundles are of whole documents.
    return part_columns(None) | dict(record) | changed | ({"run_id": run_id} if run_id else {})


def _read_later(connection: Connection, documents: Sequence[str], run: Row[Any]) -> set[str]:
    """The documents whose current record is another run's, which must be a later one's."""
    others = (
        RECORDS.c.document_id.in_(documents),
        RECORDS.c.schema_name == run.schema_name,
        RECORDS.c.is_current,
        RECORDS.c.run_id != run.id,
    )
    return set(connection.execute(select(RECORDS.c.document_id).where(*others)).scalars())


def _places(payloads: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """The records, by document and number, with an address of each."""
    records = (payload["record"] for payload in payloads)
    return {(record["document_id"], record["record_index"]): record["uri"] for record in records}


def _cells(payloads: Sequence[Mapping[str, Any]]) -> dict[Key, Cell]:
    cells = {}
    for payload in payloads:
        record = payload["record"]
        for row in payload["fields"]:
            cell = dict(zip(FIELD_NAMES, row, strict=True)) | {"uri": record["uri"]}
            cells[record["document_id"], record["record_index"], cell["path"]] = cell
    return cells


def _value(cells: Mapping[Key, Cell], key: Key) -> tuple[Any, ...] | None:
    cell = cells.get(key)
    return None if cell is None else tuple(cell[name] for name in COMPARED)


def _compare(found: Diff, key: Key, before: Cell | None, after: Cell | None, *, samples_per_field: int) -> None:
    old, new = (cell["value_text"] if cell else None for cell in (before, after))
    name = (after or before or {})["name"]
    found.num_values += old is not None
    if before and after and all(before[column] == after[column] for column in COMPARED):
        found.same[name] += 1
        return
    kind = found.gained if old is None and new is not None else found.lost if new is None and old is not None else None
    (found.changed if kind is None else kind)[name] += 1
    if found.changed[name] + found.gained[name] + found.lost[name] <= samples_per_field:
        found.samples.append(Change((after or before or {})["uri"], *key, old, new))
