"""How fast records reach a SQLite file: field rows a second through `Database.save`, records and pages included."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from llava_ocr.db.session import Database, open_database
from llava_ocr.geometry import Box
from llava_ocr.ledger.order import Order
from llava_ocr.records import (
    Document,
    DocumentOutcome,
    Evidence,
    FieldReading,
    FieldState,
    FieldValue,
    PageOutcome,
    PageState,
    Provenance,
    Record,
    WordReader,
)

NUM_DOCUMENTS = 2_000
DOCUMENTS_PER_SAVE = 200
LINES_PER_DOCUMENT = 8


def run() -> dict[str, object]:
    """Save generated invoices (50 fields each) twice, new and again; `rows_per_s` is the slower of the two."""
    outcomes = [outcome(number) for number in range(NUM_DOCUMENTS)]
    num_rows = sum(len(record.fields) for outcome in outcomes for record in outcome.records)
    with tempfile.TemporaryDirectory() as folder, open_database(f"sqlite:///{Path(folder) / 'bench.db'}") as db:
        db.upgrade()
        run_id = db.start_run(Order("bench", "invoice", "schema", "none", "engine"))
        first_s, again_s = _save_s(db, run_id, outcomes), _save_s(db, run_id, outcomes)
    return {
        "bench": "db",
        "rows_per_s": round(num_rows / max(first_s, again_s)),
        "insert_rows_per_s": round(num_rows / first_s),
        "replace_rows_per_s": round(num_rows / again_s),
        "num_rows": num_rows,
        "num_documents": NUM_DOCUMENTS,
    }


def _save_s(db: Database, run_id: str, outcomes: Sequence[DocumentOutcome]) -> float:
    start = time.perf_counter()
    for first in range(0, len(outcomes), DOCUMENTS_PER_SAVE):
        db.save(run_id, outcomes[first : first + DOCUMENTS_PER_SAVE])
    return time.perf_counter() - start


def outcome(number: int) -> DocumentOutcome:
    """Make the outcome of an invoice of one page and 50 fields."""
    document_id = hashlib.sha256(str(number).encode()).hexdigest()
    document = Document(document_id, f"bench://{number:06}.pdf", 50_000, "application/pdf")
    provenance = Provenance("schema", "none", "engine", 900, 300, 150)
    record = Record(document, "invoice", 0, {}, _fields(number), (), provenance, needs_review=False)
    return DocumentOutcome(document.uri, document, 1, (PageOutcome(0, PageState.OK),), (record,))


def _fields(number: int) -> tuple[FieldReading, ...]:
    head = [_field(f"seller.text_{index}", "Müller & Söhne GmbH", "Müller & Söhne GmbH") for index in range(14)]
    head += [_field(f"amount_{index}", "1.234,56", Decimal("1234.56")) for index in range(2)]
    head += [_field(f"date_{index}", "31.01.2026", date(2026, 1, 31)) for index in range(2)]
    for line in range(LINES_PER_DOCUMENT):
        path = f"lines[{line}]"
        head += [
            _field(f"{path}.description", "Blade server rack unit", "Blade server rack unit"),
            _field(f"{path}.quantity", "2", Decimal(2)),
            _field(f"{path}.unit_price", "99,50", Decimal("99.50")),
            _field(f"{path}.line_total", f"{number},00", Decimal(number)),
        ]
    return tuple(head)


def _field(path: str, text: str, value: FieldValue) -> FieldReading:
    evidence = Evidence(0, (Box(0.123456, 0.234567, 0.345678, 0.251234),), WordReader.TEXT_LAYER, 1.0)
    return FieldReading(path, FieldState.VALUE, text, value, 0.97, evidence)
