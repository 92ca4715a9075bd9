"""Outcomes as JSON lines for `extract --json`: one object a document, the records as `export` writes them."""

from __future__ import annotations

from typing import Any

from llava_ocr.jsonform import field_object, finding_objects, part_object, to_json
from llava_ocr.records import DocumentOutcome, Record


def outcome_line(outcome: DocumentOutcome) -> str:
    """One document's outcome as one line of JSON."""
    document = outcome.document
    return to_json(
        {
            "uri": outcome.uri,
            "document_id": document.id if document else None,
            "is_ok": outcome.is_ok,
            "is_kept": outcome.is_kept,
            "skipped": outcome.skipped,
            "reason": outcome.reason,
            "message": outcome.message,
            "pages": [
                {
                    "page_index": page.page_index,
                    "state": page.state.value,
                    "reason": page.reason,
                    "message": page.message,
                }
                for page in outcome.pages
            ],
            "records": [_record(record) for record in outcome.records],
        }
    )


def _record(record: Record) -> dict[str, Any]:
    return {
        "document": {"id": record.document.id, "uri": record.document.uri, "addresses": [record.document.uri]},
        "schema": record.schema,
        "record_index": record.record_index,
        "part": part_object(record.part),
        "values": record.values,
        "fields": [field_object(reading) for reading in record.fields],
        "findings": finding_objects(record.findings),
        "needs_review": record.needs_review,
        "engine": record.provenance.engine,
    }
