"""A field's value as database columns and back, and text that both databases take. Pure.

SQLite keeps NUMERIC as a float, so a decimal is stored twice: exactly, as text, and times 10,000 as a 64-bit integer,
by which it sorts and sums. The integer is rounded (half to even) where a value has more than four decimals, and absent
beyond 922 trillion; the text is always exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any

from llava_ocr.geometry import Box
from llava_ocr.records import FieldValue, Part

SCALE_DIGITS = 4
# What one cell may hold; more is no printed value but a runaway answer.
MAX_TEXT_CHARS = 65_536
MAX_MESSAGE_CHARS = 2_000
MAX_NAME_CHARS = 128
MAX_CANDIDATES = 50

_INT64_MAX = 2**63 - 1
# Every digit of a decimal that fits 64 bits times 10,000, with room.
_EXACT = Context(prec=60)
_MAX_EXPONENT = 200


class ValueType(StrEnum):
    """What `fields.value_text` holds."""

    TEXT = "text"
    DECIMAL = "decimal"
    DATE = "date"
    BOOL = "bool"


ValueColumns = tuple[str | None, str | None, int | None]


def columns_of(value: FieldValue) -> ValueColumns:
    """Return `value_type`, `value_text` and `value_x10000` for a value."""
    if value is None:
        return None, None, None
    if isinstance(value, str):
        return "text", clean(value), None
    if isinstance(value, bool):
        return "bool", "true" if value else "false", None
    if isinstance(value, date):
        return "date", value.isoformat(), None
    return _decimal_columns(value)


def value_of(value_type: str | None, value_text: str | None) -> FieldValue:
    """Rebuild the value that `columns_of` took apart."""
    if value_type is None or value_text is None:
        return None
    match ValueType(value_type):
        case ValueType.DECIMAL:
            return Decimal(value_text)
        case ValueType.DATE:
            return date.fromisoformat(value_text)
        case ValueType.BOOL:
            return value_text == "true"
        case ValueType.TEXT:
            return value_text


def clean(text: str, *, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Drop what a database refuses (NUL, halves of surrogate pairs) and cut what is longer than `max_chars`."""
    if len(text) > max_chars:
        text = text[: max_chars - 1] + "…"
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def boxes_json(boxes: Iterable[Box]) -> str:
    """Write boxes as `[[x0,y0,x1,y1],...]`, to a millionth of the page."""
    return "[" + ",".join([f"[{b.x0:.6g},{b.y0:.6g},{b.x1:.6g},{b.y1:.6g}]" for b in boxes]) + "]"


def boxes_of(text: str) -> list[Box]:
    """Read boxes that `boxes_json` wrote."""
    return [Box(*edges) for edges in json.loads(text)]


def part_columns(part: Part | None) -> dict[str, Any]:
    """Return `page_indices`, `part_reason` and `part_certainty`; all NULL for a record of a whole document."""
    if part is None:
        return {"page_indices": None, "part_reason": None, "part_certainty": None}
    reason = clean(part.reason, max_chars=MAX_NAME_CHARS)
    pages = json.dumps(part.page_indices, separators=(",", ":"))
    return {"page_indices": pages, "part_reason": reason, "part_certainty": part.certainty}


def part_of(page_indices: str | None, reason: str | None, certainty: float | None) -> Part | None:
    """Rebuild the part that `part_columns` took apart."""
    return None if page_indices is None else Part(tuple(json.loads(page_indices)), reason or "", certainty or 0.0)


def texts_json(texts: Iterable[str]) -> str:
    """Write a list of texts as JSON, cleaned and bounded."""
    listed = list(texts)[:MAX_CANDIDATES]
    return json.dumps([clean(text, max_chars=MAX_MESSAGE_CHARS) for text in listed], ensure_ascii=False)


def _decimal_columns(value: Decimal) -> ValueColumns:
    # Not a number, or an exponent nobody prints: kept as it is written, since no database could sum it.
    if not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT:
        return "text", str(value), None
    exact = format(value, "f")
    scaled = round(_EXACT.scaleb(value, SCALE_DIGITS))
    return "decimal", exact, scaled if abs(scaled) <= _INT64_MAX else None
