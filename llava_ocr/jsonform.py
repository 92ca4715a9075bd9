"""Records as JSON: the one form that `extract --json` and `export` write. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from llava_ocr.geometry import Box, union
from llava_ocr.records import FieldReading, Finding, Part


def field_object(field: FieldReading) -> dict[str, Any]:
    """A field with its evidence: `box` is around all of it, `boxes` has one for each printed line."""
    evidence = field.evidence
    boxes = evidence.boxes if evidence else ()
    return {
        "path": field.path,
        "state": field.state.value,
        "text": field.text,
        "value": field.value,
        "confidence": field.confidence,
        "page_index": evidence.page_index if evidence else None,
        "box": edges(union(boxes)) if boxes else None,
        "reader": evidence.reader.value if evidence else None,
        "boxes": [edges(box) for box in boxes],
        "candidates": list(field.candidates),
    }


def finding_objects(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Checks that did not hold."""
    return [{"check": one.check, "message": one.message, "paths": list(one.paths)} for one in findings]


def part_object(part: Part | None) -> dict[str, Any] | None:
    """The pages of a bundle that a record is of, None where it is of a whole file."""
    if part is None:
        return None
    return {"page_indices": list(part.page_indices), "reason": part.reason, "certainty": part.certainty}


def edges(box: Box) -> list[float]:
    """A box as [x0, y0, x1, y1], from 0 to 1 of the upright page."""
    return [box.x0, box.y0, box.x1, box.y1]


def to_json(value: object) -> str:
    """Write compact JSON on one line: amounts as strings with all their digits, dates in ISO form."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)


def plain(value: object) -> object:
    """Write an amount with all its digits and no exponent, a date in ISO form; leave the rest."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value
