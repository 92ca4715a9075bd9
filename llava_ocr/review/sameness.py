"""When two documents, or two records, are the same one again: by their pixels, by their business key. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from llava_ocr.prompts import fold
from llava_ocr.records import FieldReading, FieldState, FieldValue, PageOutcome, PageState


class LinkKind(StrEnum):
    """What linked things have in common: all bytes, all pixels of all pages, or the fields that name a transaction."""

    BYTES = "bytes"
    PIXELS = "pixels"
    BUSINESS_KEY = "business_key"


@dataclass(frozen=True, slots=True)
class Link:
    """What came first of things that are the same: a document, or of a business key a record of it."""

    kind: LinkKind
    document_id: str
    record_index: int
    uri: str


def pixels_digest(pages: Sequence[PageOutcome]) -> str:
    """Hash what a document's pages look like, in order; empty where a page failed, or all of them are blank.

    Hashes of pages compare under one engine's profile only, so readings by another engine make another digest.
    """
    if any(page.state is PageState.FAILED for page in pages) or not any(page.image_hash for page in pages):
        return ""
    ordered = sorted(pages, key=lambda page: page.page_index)
    return _digest([page.image_hash or page.reason for page in ordered])


def key_digest(schema_name: str, paths: Sequence[str], fields: Mapping[str, FieldReading]) -> str:
    """Hash a record's business key; empty where the schema has none, or one of its fields is not certain.

    Texts are compared without case, accents and punctuation, amounts and days by value.
    """
    values = [_certain(fields.get(path)) for path in paths]
    if not paths or not all(values):
        return ""
    return _digest([schema_name, *values])


def _certain(reading: FieldReading | None) -> str:
    return "" if reading is None or reading.state is not FieldState.VALUE else _plain(reading.value)


def _plain(value: FieldValue) -> str:
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, Decimal):
        # Not `normalize`, which rounds to the context's precision.
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _digest(parts: Sequence[str]) -> str:
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
