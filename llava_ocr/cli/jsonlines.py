"""Outcomes as JSON lines for `extract --json`: one object a document, the records as `export` writes them."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from llava_ocr.records import DocumentOutcome, FieldReading, Record


def outcome_line(outcome: DocumentOutcome) -> str:
    """One document's outcome as one line of JSON."""
    document = outcome.document
    return json.dumps(
        {
            "uri": outcome.uri,
            "document_id": document.id if document else None,
            "is_ok": outcome.is_ok,
            "is_kept": outcome.is_kept,
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
        },
        ensure_ascii=False,
    )


def plain(value: Any) -> Any:
    """A typed value as JSON holds it: amounts as strings, dates ISO."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value


def _record(record: Record) -> dict[str, Any]:
    return {
        "document": {"id": record.document.id, "uri": record.document.uri},
        "schema": record.schema,
        "record_index": record.record_index,
        "values": plain(record.values),
        "fields": [_field(reading) for reading in record.fields],
        "findings": [{"check": finding.check, "message": finding.message} for finding in record.findings],
        "needs_review": record.needs_review,
        "engine": record.provenance.engine,
    }


def _field(reading: FieldReading) -> dict[str, Any]:
    evidence = reading.evidence
    boxes = [[box.x0, box.y0, box.x1, box.y1] for box in evidence.boxes] if evidence else []
    return {
        "path": reading.path,
        "state": reading.state.value,
        "text": reading.text,
        "value": plain(reading.value),
        "confidence": round(reading.confidence, 4),
        "page_index": evidence.page_index if evidence else None,
        "boxes": boxes,
        "reader": evidence.reader.value if evidence else None,
    }
