"""Verdicts as examples to learn from, and what was learnt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from llava_ocr.db.corrections import corrections_at, machine_readings, place_of_record
from llava_ocr.db.review_rows import CALIBRATIONS, CORRECTIONS
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.stored import load_records
from llava_ocr.db.upserts import chunks
from llava_ocr.review.calibration import Calibration, Example
from llava_ocr.review.corrections import Verdict, meaning, standing

BATCH = 200


def examples(connection: Connection, schema: str = "") -> list[Example]:
    """Gather the readings that people judged, of one schema or all: right where their verdict means what was read."""
    # What people said of bytes that were replaced since is as true as ever.
    stands = RECORDS.c.is_current | RECORDS.c.superseded_by.is_not(None)
    is_wanted = [stands, *([RECORDS.c.schema_name == schema] if schema else [])]
    documents = select(CORRECTIONS.c.document_id).distinct().order_by(CORRECTIONS.c.document_id)
    found: list[Example] = []
    for batch in chunks(connection.execute(documents).scalars(), BATCH):
        ids = select(RECORDS.c.id).where(RECORDS.c.document_id.in_(batch), *is_wanted)
        found += _of_records(connection, list(connection.execute(ids).scalars()))
    return found


def latest_calibration(connection: Connection) -> Calibration | None:
    """Return what was learnt last, None where nothing was, or nothing that this version understands."""
    newest = select(CALIBRATIONS.c.parameters).order_by(CALIBRATIONS.c.id.desc()).limit(1)
    text = connection.execute(newest).scalar()
    return None if text is None else Calibration.from_json(text)


def save_calibration(connection: Connection, calibration: Calibration, figures: Mapping[str, Any], *, who: str) -> None:
    """Keep what was learnt; older ones stay for comparison."""
    row = {"made_at": datetime.now(UTC), "who": who, "parameters": calibration.to_json()}
    connection.execute(CALIBRATIONS.insert(), [row | {"figures": json.dumps(figures)}])


def latest_figures(connection: Connection) -> dict[str, Any] | None:
    """Return the figures of what was learnt last."""
    newest = select(CALIBRATIONS.c.figures, CALIBRATIONS.c.made_at).order_by(CALIBRATIONS.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else {**json.loads(row.figures), "made_at": row.made_at}


def _of_records(connection: Connection, record_ids: list[int]) -> list[Example]:
    records = load_records(connection, record_ids)
    said = corrections_at(connection, [place_of_record(record) for record in records])
    machine = machine_readings(connection, record_ids)
    found = []
    for record in records:
        findings: defaultdict[str, int] = defaultdict(int)
        for finding in record.findings:
            for path in finding.paths:
                findings[path] += 1
        for path, one in standing(said[place_of_record(record)]).items():
            reading = machine[record.id].get(path)
            if one.reading is None or reading is None or one.verdict is Verdict.ILLEGIBLE or reading.value is None:
                continue
            is_right = meaning(reading) == meaning(one.reading)
            found.append(Example(reading, findings[path], record.document_id, is_right))
    return found
