"""What is no document is skipped; what only pretends to be one has failed."""

from __future__ import annotations

import pytest

from llava_ocr.ledger.order import NOT_A_DOCUMENT, without_other_files
from llava_ocr.records import DocumentOutcome


@pytest.mark.parametrize(
    ("name", "reason", "is_skipped"),
    [
        ("truth.jsonl", "UnknownFormat", True),
        ("a.pdf.json", "UnknownFormat", True),
        ("README", "UnknownFormat", True),
        ("_SUCCESS", "EmptyDocument", True),
        ("film.mkv", "DocumentTooLarge", True),
        ("scan", "DocumentTooLarge", False),
        ("a.pdf", "UnknownFormat", False),
        ("a.PDF", "EmptyDocument", False),
        ("folder.txt/a.jpeg", "UnknownFormat", False),
        ("folder.pdf/note", "UnknownFormat", True),
        ("note.txt", "StoreDenied", False),
        ("note.txt", "CorruptDocument", False),
        ("note.txt", "", False),
    ],
)
def test_bytes_and_name_say_what_is_no_document(name: str, reason: str, *, is_skipped: bool) -> None:
    before = DocumentOutcome(f"s3://b/{name}", None, 0, (), reason=reason, message="m")
    after = without_other_files(before)
    assert after.skipped == (NOT_A_DOCUMENT if is_skipped else "")
    assert after == before or (after.is_ok and not after.reason)
