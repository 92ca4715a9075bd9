"""The same again is linked and never deleted, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from llava_ocr.db import staging, upgrades
from llava_ocr.db.connection import connect, writing
from llava_ocr.db.corrections import Said, say
from llava_ocr.db.erase import erase_document
from llava_ocr.db.export import export_records
from llava_ocr.db.link_rows import LINKS
from llava_ocr.db.links import addresses_of, num_later
from llava_ocr.db.listings import list_records
from llava_ocr.db.query import run_query
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.session import Database, open_database
from llava_ocr.files import FileFormat
from llava_ocr.ledger.order import Stage
from llava_ocr.records import DocumentOutcome, FieldReading, PageOutcome, PageState
from llava_ocr.review.corrections import Verdict
from llava_ocr.review.sameness import LinkKind
from tests.db.made import ORDER, Bill, document, fields, info, outcome, reading, record


class KeyedBill(Bill):
    """A bill that its seller, number, day and total name."""

    business_key = ("seller.name", "number", "issue_date", "total")


KeyedBill.__name__ = "Bill"


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with open_database(url) as database:
        database.upgrade()
        database.refresh_views(KeyedBill)
        yield database


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "url" in metafunc.fixturenames:
        metafunc.parametrize("url", ["sqlite", "postgresql"], indirect=True)


def values(number: str = "R-1", seller: str = "Acme", total: str = "12.50") -> tuple[FieldReading, ...]:
    named = [reading("seller.name", seller) if one.path == "seller.name" else one for one in fields(number, total)]
    return tuple(named)


def bill(name: str, *, pixels: str = "", **key: str) -> DocumentOutcome:
    """A bill of one page that looks like `pixels`, or like no other."""
    of = document(name)
    return looking_like(pixels or name, outcome(of, record(of, values=values(**key))))


def looking_like(pixels: str, made: DocumentOutcome) -> DocumentOutcome:
    pages = tuple(replace(page, image_hash=f"{pixels}-{page.page_index}") for page in made.pages)
    return replace(made, pages=pages)


def save(db: Database, *outcomes: DocumentOutcome) -> str:
    run_id = db.start_run(ORDER)
    db.plan(run_id, [info(one.uri.rsplit("/", 1)[-1]) for one in outcomes])
    for one in outcomes:
        db.save(run_id, [one])
    return run_id


def duplicates(db: Database) -> set[tuple[str, str, str]]:
    found = run_query(db, "SELECT kind, uri, first_uri FROM duplicates", limit=100)
    return {(kind, uri.rsplit("/", 1)[-1], first.rsplit("/", 1)[-1]) for kind, uri, first in found.rows}


def test_same_bytes_are_one_document_at_two_places(db: Database) -> None:
    twins = [document(name, content="same") for name in ("a.pdf", "b.pdf")]
    save(db, *(outcome(twin, record(twin)) for twin in twins))
    assert duplicates(db) == {("bytes", "b.pdf", "a.pdf")}
    with db.reading() as connection:
        assert addresses_of(connection, [twins[0].id]) == {twins[0].id: ("mem://b/a.pdf", "mem://b/b.pdf")}


def test_same_pixels_are_linked(db: Database) -> None:
    save(db, bill("a", pixels="x"), bill("b", pixels="x", number="other"), bill("c", pixels="y", number="third"))
    assert duplicates(db) == {("pixels", "b", "a")}


def test_same_business_key_is_linked(db: Database) -> None:
    save(db, bill("a"), bill("b", seller="ACME."), bill("c", number="R-2"), bill("d", total="12.5"))
    assert duplicates(db) == {("business_key", "b", "a"), ("business_key", "d", "a")}


def test_nothing_is_deleted_and_everything_counts_once(db: Database) -> None:
    save(db, bill("a"), bill("b"), bill("c", number="R-2"))
    total = "SELECT COUNT(*), SUM(total_x10000) FROM bill"
    assert run_query(db, total, limit=1).rows == ((3, 375_000),)
    assert run_query(db, f"{total} WHERE duplicate_of IS NULL", limit=1).rows == ((2, 250_000),)


def test_the_view_names_the_first_and_what_is_the_same(db: Database) -> None:
    save(db, bill("a", pixels="x"), bill("b", pixels="x"), bill("c"))
    asked = "SELECT uri, duplicate_of, duplicate_kind FROM bill ORDER BY uri"
    first = document("a").id
    assert run_query(db, asked, limit=9).rows == (
        ("mem://b/a", None, None),
        ("mem://b/b", first, "pixels"),
        ("mem://b/c", first, "business_key"),
    )


def test_exports_say_it(db: Database) -> None:
    save(db, bill("a"), bill("b"))
    told = {line["document"]["uri"]: line["same_as"] for line in exported(db)}
    assert told["mem://b/a"] == []
    first = {"kind": "business_key", "document_id": document("a").id, "record_index": 0, "uri": "mem://b/a"}
    assert told["mem://b/b"] == [first]


@pytest.mark.parametrize("format", [FileFormat.CSV, FileFormat.PARQUET])
def test_flat_exports_say_it(db: Database, format: FileFormat) -> None:
    import polars as pl

    save(db, bill("a"), bill("b"))
    out = io.BytesIO()
    export_records(db, KeyedBill, format=format, out=out)
    out.seek(0)
    frame = pl.read_csv(out) if format is FileFormat.CSV else pl.read_parquet(out)
    told = dict(zip(frame["uri"], frame["duplicate_of"], strict=True))
    assert told == {"mem://b/a": None, "mem://b/b": document("a").id}


def exported(db: Database) -> list[dict[str, list[dict[str, object]]]]:
    out = io.BytesIO()
    export_records(db, KeyedBill, format=FileFormat.JSONL, out=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_reading_again_keeps_who_was_first(db: Database) -> None:
    save(db, bill("a", pixels="x"), bill("b", pixels="x"))
    before = duplicates(db)
    save(db, bill("b", pixels="x"))
    save(db, bill("a", pixels="x"))
    assert duplicates(db) == before == {("pixels", "b", "a"), ("business_key", "b", "a")}


def test_another_reading_moves_the_link(db: Database) -> None:
    save(db, bill("a"), bill("b"))
    save(db, bill("b", number="R-2"))
    assert duplicates(db) == set()
    save(db, bill("c", number="R-2"))
    assert duplicates(db) == {("business_key", "c", "b")}


def test_a_record_that_is_gone_is_linked_no_more(db: Database) -> None:
    save(db, bill("a"), bill("b"))
    of = document("b")
    save(db, looking_like("b", outcome(of)))
    assert duplicates(db) == set()


def test_a_correction_links_and_its_undoing_unlinks(db: Database) -> None:
    save(db, bill("a"), bill("b", number="R-l"))
    with db.writing() as connection:
        [record_id] = connection.execute(select(RECORDS.c.id).where(RECORDS.c.uri == "mem://b/b")).scalars()
        say(connection, record_id, [Said("number", Verdict.CORRECT, reading("number", "R-1"))], who="ann")
        list_records(connection, [record_id])
    assert duplicates(db) == {("business_key", "b", "a")}


def test_promoting_links_and_rolling_back_unlinks(db: Database) -> None:
    save(db, bill("a"), bill("b", number="R-2"))
    run_id = db.start_run(replace(ORDER, stage=Stage.STAGED))
    db.save(run_id, [bill("b")])
    assert duplicates(db) == set()
    assert change(db, staging.promote, run_id) == {("business_key", "b", "a")}
    assert change(db, staging.rollback, run_id) == set()


def change(db: Database, act: object, run_id: str) -> set[tuple[str, str, str]]:
    assert callable(act)
    with db.writing() as connection:
        act(connection, run_id)
    return duplicates(db)


def test_two_bills_in_one_document_are_linked(db: Database) -> None:
    of = document("a")
    save(db, outcome(of, record(of, values=values()), record(of, index=1, values=values())))
    found = run_query(db, "SELECT record_index, first_record_index FROM duplicates", limit=9)
    assert found.rows == ((1, 0),)


def test_erasing_takes_the_links_along(db: Database) -> None:
    save(db, bill("a", pixels="x"), bill("b", pixels="x"), bill("c", pixels="x"))
    erased = erase_document(db, document("a").id, who="test", reason="asked")
    assert erased.counts["links"] == 2 and not erased.left
    assert duplicates(db) == {("pixels", "c", "b"), ("business_key", "c", "b")}


def test_erasing_takes_what_is_staged_along(db: Database) -> None:
    save(db, bill("a"))
    run_id = db.start_run(replace(ORDER, stage=Stage.STAGED))
    db.save(run_id, [bill("a", number="R-2")])
    erased = erase_document(db, document("a").id, who="test", reason="asked")
    assert erased.counts["staged_records"] == 1 and not erased.left


def test_two_writers_at_once_still_make_the_link(db: Database) -> None:
    run_id = db.start_run(ORDER)
    names = [f"{number}" for number in range(8)]
    db.plan(run_id, [info(name) for name in names])
    threads = [threading.Thread(target=db.save, args=(run_id, [bill(name, pixels="x")])) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = run_query(
        db, "SELECT kind, COUNT(DISTINCT uri), COUNT(DISTINCT first_uri) FROM duplicates GROUP BY kind", limit=9
    )
    assert sorted(found.rows) == [("business_key", 7, 1), ("pixels", 7, 1)]


def test_followers_are_counted(db: Database) -> None:
    from llava_ocr.db.queries import find_records

    save(db, bill("a"), bill("b"), bill("c"))
    [first] = find_records(db, "a")
    with db.reading() as connection:
        assert num_later(connection, first) == {LinkKind.BUSINESS_KEY: 2}


def test_documents_read_before_the_upgrade_are_linked(url: str) -> None:
    engine = connect(url)
    upgrades.upgrade(engine, revision="0005")
    with writing(engine) as connection:
        _old_pages(connection)
    upgrades.upgrade(engine)
    engine.dispose()
    with open_database(url) as db:
        with db.reading() as connection:
            assert connection.execute(select(func.count()).select_from(LINKS)).scalar_one() == 3
        db.save(db.start_run(ORDER), [bill("c", pixels="x")])
        first = run_query(db, "SELECT DISTINCT first_document_id FROM duplicates", limit=9)
        assert first.rows == (("d1",),)


def _old_pages(connection: Connection) -> None:
    """Three documents as the release before wrote them: two that look the same, one of which was read twice."""
    when = "'2026-01-01 00:00:00+00:00'"
    for run in ("r1", "r2"):
        columns = (
            "id, source, schema_name, schema_fingerprint, engine, engine_fingerprint, order_json, state, started_at"
        )
        connection.execute(
            text(f"INSERT INTO runs ({columns}) VALUES ('{run}','s','b','f','e','f','{{}}','green',{when})")
        )
    for one in ("d1", "d2", "d3"):
        connection.execute(text(f"INSERT INTO documents VALUES ('{one}', 1, 'application/pdf', 1, {when})"))
    columns = "run_id, document_id, page_index, state, reason, message, image_hash, reader"
    for run, one, image_hash in (("r1", "d1", "x-0"), ("r2", "d1", "x-0"), ("r1", "d2", "x-0"), ("r1", "d3", "y-0")):
        values_ = f"('{run}', '{one}', 0, 'ok', '', '', '{image_hash}', 'ocr')"
        connection.execute(text(f"INSERT INTO pages ({columns}) VALUES {values_}"))


def test_pages_of_this_release_hash_as_the_upgrade_does() -> None:
    import importlib

    from llava_ocr.review.sameness import pixels_digest

    old = importlib.import_module("llava_ocr.db.migrations.versions.0006_links")
    pages = [PageOutcome(0, PageState.OK, image_hash="ab"), PageOutcome(1, PageState.SKIPPED, "blank")]
    assert old._digest(pages) == pixels_digest(pages)
