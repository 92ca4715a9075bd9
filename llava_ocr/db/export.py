"""Current records of a schema as JSON lines, CSV or Parquet, streamed: memory does not grow with their number."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, BinaryIO

from llava_ocr.db.flat import flat_names, flat_row
from llava_ocr.db.session import Database
from llava_ocr.db.stored import StoredRecord, current_records, nested_values
from llava_ocr.geometry import Box, union
from llava_ocr.records import FieldReading
from llava_ocr.schema import DocumentSchema, GroupNode, schema_name, tree

# A cell that starts like this is run as a formula by spreadsheets (OWASP, "CSV injection").
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
PLAIN_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*")


class ExportFormat(StrEnum):
    """What records can be written as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def export_records(db: Database, schema: type[DocumentSchema], *, format: ExportFormat, out: BinaryIO) -> int:
    """Write the current records of a schema to `out`, ordered by document, and return how many there were."""
    with db.reading() as connection:
        records = current_records(connection, schema_name(schema))
        if format is ExportFormat.JSONL:
            return _write_jsonl(records, tree(schema), out)
        if format is ExportFormat.CSV:
            return _write_csv(records, tree(schema), out)
        # Here and not above, because polars takes longer to import than most exports take to write.
        from llava_ocr.db.parquet import write_parquet

        return write_parquet(records, tree(schema), out)


def json_record(record: StoredRecord, root: GroupNode) -> dict[str, Any]:
    """Return what one line of JSON says: amounts as strings, dates in ISO form, boxes as [x0, y0, x1, y1]."""
    return {
        "document": {"id": record.document_id, "uri": record.uri},
        "schema": record.schema,
        "record_index": record.record_index,
        "values": nested_values(root, record.fields),
        "fields": [_json_field(field) for field in record.fields],
        "needs_review": record.needs_review,
        "run_id": record.run_id,
        "engine": record.engine,
    }


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula: a leading quote marks it as text. Numbers stay numbers."""
    return f"'{text}" if FORMULA.match(text) and not PLAIN_NUMBER.fullmatch(text) else text


def _write_jsonl(records: Iterator[StoredRecord], root: GroupNode, out: BinaryIO) -> int:
    count = 0
    for record in records:
        out.write(_json(json_record(record, root)).encode() + b"\n")
        count += 1
    return count


def _write_csv(records: Iterator[StoredRecord], root: GroupNode, out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(flat_names(root))
    count = 0
    for record in records:
        writer.writerow([_cell(value) for value in flat_row(record, root).values()])
        count += 1
    # Flushes, and leaves `out` open for its owner to close.
    text.detach()
    return count


def _json_field(field: FieldReading) -> dict[str, Any]:
    evidence = field.evidence
    return {
        "path": field.path,
        "state": field.state.value,
        "text": field.text,
        "value": field.value,
        "confidence": field.confidence,
        "page_index": evidence.page_index if evidence else None,
        "box": _edges(evidence.boxes) if evidence and evidence.boxes else None,
        "reader": evidence.reader.value if evidence else None,
    }


def _edges(boxes: Sequence[Box]) -> list[float]:
    around = union(boxes)
    return [around.x0, around.y0, around.x1, around.y1]


def _cell(value: object) -> object:
    if isinstance(value, str):
        return safe_cell(value)
    return _json(value) if isinstance(value, list) else _plain(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """Write an amount with all its digits and no exponent, a date in ISO form; leave the rest."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value
