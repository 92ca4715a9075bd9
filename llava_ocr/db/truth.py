"""Reviewed records as lines of a truth file, which evaluations and training read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from llava_ocr.db.review_rows import LISTINGS
from llava_ocr.db.stored import StoredRecord, load_records, nested_values
from llava_ocr.db.upserts import chunks
from llava_ocr.jsonform import edges, plain
from llava_ocr.records import FieldState
from llava_ocr.review.status import Status
from llava_ocr.schema import GroupNode

BATCH = 200


def reviewed_records(connection: Connection, schema: str) -> Iterator[StoredRecord]:
    """Yield the records of a schema that a person approved and no newer reading contradicts, by document.

    Documents with several records are left out: a truth line is about a whole document.
    """
    ids = select(LISTINGS.c.record_id, LISTINGS.c.document_id).where(LISTINGS.c.schema_name == schema)
    rows = connection.execute(ids.order_by(LISTINGS.c.document_id, LISTINGS.c.record_index)).all()
    reviewed = select(LISTINGS.c.record_id).where(LISTINGS.c.schema_name == schema)
    done = set(connection.execute(reviewed.where(LISTINGS.c.status == Status.REVIEWED.value)).scalars())
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.document_id] = counts.get(row.document_id, 0) + 1
    wanted = [row.record_id for row in rows if row.record_id in done and counts[row.document_id] == 1]
    for batch in chunks(wanted, BATCH):
        yield from sorted(load_records(connection, batch), key=lambda record: record.document_id)


def truth_line(record: StoredRecord, root: GroupNode, *, file: str) -> dict[str, Any]:
    """Return a line as `evaluation.truth` reads it. An illegible field is left out: it is neither a value nor blank."""
    illegible = {field.path for field in record.fields if field.state is FieldState.ILLEGIBLE}
    values = _legible(nested_values(root, record.fields), illegible, "")
    with_value = [field for field in record.fields if field.value is not None]
    visible = {field.path: True for field in with_value if "[" not in field.path}
    visible |= {field.path.partition("[")[0]: True for field in with_value if "[" in field.path}
    printed = [
        {"path": field.path, "page_index": field.evidence.page_index, "boxes": [edges(b) for b in field.evidence.boxes]}
        for field in with_value
        if field.evidence is not None and field.evidence.boxes
    ]
    return {
        "id": record.document_id,
        "file": file,
        "fields": values,
        "visible": visible,
        "complete": True,
        "printed": printed,
    }


def _legible(values: Mapping[str, Any], illegible: set[str], prefix: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        if path in illegible:
            continue
        if isinstance(value, dict):
            kept[name] = _legible(value, illegible, f"{path}.")
        elif isinstance(value, list):
            rows = [_legible(row, illegible, f"{path}[{index}].") for index, row in enumerate(value)]
            kept[name] = [row for row in rows if any(cell is not None for cell in row.values())]
        else:
            kept[name] = plain(value)
    return kept
