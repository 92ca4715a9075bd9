"""Current records of a schema as JSON lines, CSV, Parquet or Excel, streamed: memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

from llava_ocr.db import xlsx
from llava_ocr.db.browse import EVERYTHING, Filter, matching
from llava_ocr.db.csv_export import CsvColumns, write_csv
from llava_ocr.db.links import linked
from llava_ocr.db.session import Database
from llava_ocr.db.stored import StoredRecord, current_records, nested_values
from llava_ocr.files import FileFormat
from llava_ocr.jsonform import field_object, finding_objects, part_object, to_json
from llava_ocr.schema import DocumentSchema, GroupNode, schema_name, tree

PLAIN_COLUMNS = CsvColumns()


def export_records(
    db: Database,
    schema: type[DocumentSchema],
    *,
    format: FileFormat,
    out: BinaryIO,
    wanted: Filter = EVERYTHING,
    columns: CsvColumns = PLAIN_COLUMNS,
) -> int:
    """Write the current records of a schema that a filter finds to `out`, ordered by document; returns their number.

    `columns` are for CSV; JSON lines always hold the evidence, Parquet and Excel never.
    """
    with db.reading() as connection:
        chosen = matching(connection, wanted)
        if format is FileFormat.CSV:
            return write_csv(connection, tree(schema), out, columns=columns, chosen=chosen)
        records = linked(connection, current_records(connection, schema_name(schema), chosen))
        if format is FileFormat.JSONL:
            return _write_jsonl(records, tree(schema), out)
        if format is FileFormat.XLSX:
            return xlsx.write_records(records, tree(schema), out)
        # Here and not above, because polars takes longer to import than most exports take to write.
        from llava_ocr.db.parquet import write_parquet

        return write_parquet(records, tree(schema), out)


def json_record(record: StoredRecord, root: GroupNode) -> dict[str, Any]:
    """Return what one line of JSON says: amounts as strings, dates in ISO form, boxes as [x0, y0, x1, y1]."""
    return {
        "document": {"id": record.document_id, "uri": record.uri, "addresses": record.addresses},
        "schema": record.schema,
        "record_index": record.record_index,
        "values": nested_values(root, record.fields),
        "fields": [field_object(field) for field in record.fields],
        "needs_review": record.needs_review,
        "run_id": record.run_id,
        "engine": record.engine,
        "findings": finding_objects(record.findings),
        "same_as": [asdict(link) for link in record.links],
        "part": part_object(record.part),
    }


def _write_jsonl(records: Iterator[StoredRecord], root: GroupNode, out: BinaryIO) -> int:
    count = 0
    for record in records:
        out.write(to_json(json_record(record, root)).encode() + b"\n")
        count += 1
    return count
