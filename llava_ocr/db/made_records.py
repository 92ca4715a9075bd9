"""A million records as the lists know them, made up: names by Zipf's law, three years of months, fifty runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, text

from llava_ocr.catalog import Catalog
from llava_ocr.db.listings import save_headline
from llava_ocr.db.review_rows import LISTINGS
from llava_ocr.db.rows import DOCUMENTS, FIELDS, RECORDS
from llava_ocr.db.session import Database
from llava_ocr.db.upserts import chunks, upsert_tuples
from llava_ocr.ledger.order import Order
from llava_ocr.review.status import Status
from llava_ocr.schema import DocumentSchema, leaves, tree

NUM_RECORDS = 1_000_000
# The newest of them, which alone have fields; each three rows of a list.
NUM_EXPORTED = 100_000
NUM_LINES = 3
NUM_PARTIES, NUM_RUNS = 5_000, 50
BATCH = 5_000
FIRST_DAY = date(2024, 1, 1)
WORDS = ("brass", "hinge", "copper", "pipe", "valve", "oak", "board", "steel", "screw", "paint", "glass", "cable")
CURRENCIES, SCHEMAS = ("EUR", "USD", "GBP", "CHF"), ("receipt", "statement", "w9")
STATUSES = ("sound",) * 600 + ("reviewed",) * 199 + ("to_check",) * 200 + ("conflict",)


def fill(db: Database, catalog: Catalog, exported: type[DocumentSchema]) -> None:
    """Fill an empty database, the same every time; the newest records are of the type that is exported later."""
    order = Order("bench", "invoice", "schema", "none", "engine")
    run_ids = [db.start_run(order) for _ in range(NUM_RUNS)]
    with db.writing() as connection:
        # Else opening the pages would list all records anew.
        for schema in catalog.names():
            save_headline(connection, catalog.get(schema))
    rng = random.Random(1)
    for numbers in chunks(range(1, NUM_RECORDS + 1), BATCH):
        made = [_listing(number, run_ids, rng) for number in numbers]
        with db.writing() as connection:
            _save(connection, made)
    for numbers in chunks(range(NUM_RECORDS - NUM_EXPORTED + 1, NUM_RECORDS + 1), BATCH // 5):
        with db.writing() as connection:
            upsert_tuples(connection, FIELDS, [row for number in numbers for row in _fields(number, exported)])
    _analyze(db)


def _listing(number: int, run_ids: list[str], rng: random.Random) -> dict[str, Any]:
    day = FIRST_DAY + timedelta(days=rng.randrange(1_050))
    party = min(NUM_PARTIES, int(rng.paretovariate(0.8)))
    is_exported = number > NUM_RECORDS - NUM_EXPORTED
    return {
        "record_id": number,
        "document_id": f"{number * 2_654_435_761 % 2**64:064x}",
        "schema_name": "invoice" if is_exported else rng.choice(SCHEMAS),
        "record_index": 0,
        "run_id": run_ids[number * NUM_RUNS // (NUM_RECORDS + 1)],
        "uri": f"bench://{number:07}.pdf",
        "party": f"Party {party:05}",
        "number": f"N-{number:07}",
        "issued_on": day.isoformat(),
        "month": day.isoformat()[:7],
        "currency": CURRENCIES[min(3, int(rng.expovariate(1.5)))],
        "amount_x10000": int(rng.lognormvariate(6, 2) * 100) * 100,
        "confidence": round(1 - rng.random() ** 3, 4),
        "num_doubtful": 0,
        "num_findings": 0,
        "num_conflicts": 0,
        "status": rng.choice(STATUSES),
        "gain": round(rng.random() * 10, 4),
        "words": f"n {number:07} {' '.join(rng.choices(WORDS, k=4))} w{rng.randrange(50_000)}",
    }


def _save(connection: Connection, made: list[dict[str, Any]]) -> None:
    now = datetime.now(UTC)
    documents = [{"id": one["document_id"], "size_bytes": 50_000, "first_seen_at": now} for one in made]
    connection.execute(
        insert(DOCUMENTS), [row | {"media_type": "application/pdf", "num_pages": 1} for row in documents]
    )
    shared = ("document_id", "record_index", "schema_name", "run_id", "uri")
    constant = {"schema_fingerprint": "s", "engine": "none", "engine_fingerprint": "e", "made_at": now}
    constant |= dict.fromkeys(("num_prompt_tokens", "num_new_tokens", "num_forced_tokens"), 1)
    records = [{"id": one["record_id"], **{name: one[name] for name in shared}} for one in made]
    needs = [{"needs_review": Status(one["status"]).needs_review, "is_current": True} for one in made]
    rows = [record | constant | need for record, need in zip(records, needs, strict=True)]
    connection.execute(insert(RECORDS), rows)
    connection.execute(insert(LISTINGS), [{k: v for k, v in one.items() if k != "words"} for one in made])
    is_postgres = connection.dialect.name == "postgresql"
    words = (
        "(record_id, words) VALUES (:id, to_tsvector('simple', :words))"
        if is_postgres
        else ("(rowid, words) VALUES (:id, :words)")
    )
    said = [{"id": one["record_id"], "words": one["words"]} for one in made]
    connection.execute(text(f"INSERT INTO listings_search {words}"), said)


def _fields(number: int, schema: type[DocumentSchema]) -> Iterator[tuple[Any, ...]]:
    """A record's fields: all leaves outside lists, and a few rows."""
    boxes = "[[0.123456,0.234567,0.345678,0.251234]]"
    paths = [leaf.path for leaf in leaves(tree(schema)) if "[" not in leaf.path]
    rows: list[tuple[str, str, int | None]] = [(path, path, None) for path in paths]
    cells = [leaf.path for leaf in leaves(tree(schema)) if "[" in leaf.path]
    rows += [(path.replace("[]", f"[{line}]"), path, line) for line in range(NUM_LINES) for path in cells]
    for index, (path, name, line) in enumerate(rows):
        value = ("decimal", "1234.56", 12_345_600) if "total" in path else ("text", "Müller & Söhne GmbH", None)
        head = (number, path, index, name, line, "value", "1.234,56")
        yield (*head, *value, 0.97, 0, boxes, "text_layer", 1.0, None)


def _analyze(db: Database) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
