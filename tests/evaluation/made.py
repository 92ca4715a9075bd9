"""Truths, readings and results for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llava_ocr.evaluation.base import DocumentResult, FieldResult
from llava_ocr.evaluation.facts import Rows
from llava_ocr.evaluation.on_page import Pages
from llava_ocr.evaluation.truth import Place, Truth
from llava_ocr.records import FieldReading, FieldState, FieldValue
from llava_ocr.schema import Kind
from llava_ocr.words.layout import lay_out
from tests.fakes import ASPECT, words_of


def truth(
    leaves: Mapping[str, str | None] | None = None,
    lists: Mapping[str, Rows] | None = None,
    *,
    places: Mapping[str, tuple[Place, ...]] | None = None,
    is_flagged: bool = True,
) -> Truth:
    return Truth("1", Path("1.pdf"), "1", "i", "en", leaves or {}, lists or {}, places or {}, is_flagged)


def said(path: str, value: FieldValue, *, text: str | None = None, confidence: float = 0.9) -> FieldReading:
    state = FieldState.ABSENT if value is None else FieldState.VALUE
    return FieldReading(path, state, None if value is None else text or str(value), value, confidence)


def pages(*texts: str) -> Pages:
    return Pages({index: lay_out(words_of(text), aspect=ASPECT) for index, text in enumerate(texts)})


def result(path: str, *, is_right: bool, **changes: Any) -> FieldResult:
    told: dict[str, Any] = {"expected": "1", "predicted": "1" if is_right else "2", "state": FieldState.VALUE}
    told |= {"kind": Kind.TEXT, "value": None, "confidence": 0.5, "similarity": float(is_right)} | changes
    return FieldResult(path=path, is_right=is_right, **told)


def document(document_id: str, *fields: FieldResult, **changes: Any) -> DocumentResult:
    told: dict[str, Any] = {"content": document_id, "issuer": document_id, "language": "en", "num_pages": 1}
    return DocumentResult(document_id, Path(f"{document_id}.pdf"), fields=fields, **({"seconds": 1.0} | told | changes))
