"""The newest bytes at an address are the truth about it, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from llava_ocr import backfill
from llava_ocr.db.browse import Filter, list_page
from llava_ocr.db.calibrations import examples
from llava_ocr.db.corrections import machine_readings
from llava_ocr.db.erase import erase_document
from llava_ocr.db.export import export_records
from llava_ocr.db.planning import DONE_BEFORE, Skip
from llava_ocr.db.queries import find_records
from llava_ocr.db.query import run_query
from llava_ocr.db.reviewing import NotCurrent, correct_field
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.session import Database, open_database
from llava_ocr.files import FileFormat
from llava_ocr.ledger.order import Stage
from llava_ocr.records import DocumentOutcome
from tests.db.made import ORDER, Bill, document, fields, info, outcome, reading, record

STAGED = replace(ORDER, stage=Stage.STAGED)


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        database.refresh_views(Bill)
        yield database


def read(db: Database, name: str, content: str, *, staged: bool = False, engine: str = "engine-1") -> str:
    """One object read in a run of its own; its bill's number is its content."""
    run_id = db.start_run(replace(STAGED if staged else ORDER, engine_fingerprint=engine))
    db.plan(run_id, [info(name, etag=content)])
    db.save(run_id, [bill(name, content, engine=engine)])
    return run_id


def bill(name: str, content: str, *, engine: str = "engine-1") -> DocumentOutcome:
    of = document(name, content)
    return outcome(of, record(of, engine=engine, values=fields(number=content)))


def met(db: Database, name: str, content: str) -> None:
    """The object was met, and not read, since its content was read before."""
    run_id = db.start_run(ORDER)
    db.plan(run_id, [info(name, etag=content)])
    db.skip(run_id, [Skip(info(name).uri, DONE_BEFORE, document(name, content))])


def shown(db: Database) -> dict[str, list[str]]:
    """The bills that the view shows, each with the names of its addresses, asked of every way out at once."""
    rows = run_query(db, "SELECT number, addresses, duplicate_of, uri FROM bill", limit=99).rows
    assert all(row[2] is None for row in rows if len(rows) == 1), "nothing that is gone came first"
    found = {row[0]: sorted(uri.removeprefix("mem://b/") for uri in json.loads(row[1])) for row in rows}
    assert len(found) == len(rows) and all(row[3].removeprefix("mem://b/") in found[row[0]] for row in rows)
    with db.reading() as connection:
        assert sorted(row.number for row in list_page(connection, Filter()).rows) == sorted(found)
        for number in ("one", "two"):
            hits = list_page(connection, Filter(q=number)).rows
            assert [row.number for row in hits] == [number for _ in range(number in found)]
    for format in (FileFormat.JSONL, FileFormat.CSV):
        out = io.BytesIO()
        assert export_records(db, Bill, format=format, out=out) == len(found)
        text = out.getvalue().decode()
        if format is FileFormat.CSV:
            listed = {row["number"]: json.loads(row["addresses"]) for row in csv.DictReader(io.StringIO(text))}
        else:
            lines = [json.loads(line) for line in text.splitlines()]
            listed = {line["values"]["number"]: line["document"]["addresses"] for line in lines}
        assert {key: [uri.removeprefix("mem://b/") for uri in uris] for key, uris in listed.items()} == found
    return found


def test_other_bytes_at_an_address_supersede_what_was_read_there(db: Database) -> None:
    read(db, "a.pdf", "one")
    read(db, "a.pdf", "two")
    assert shown(db) == {"two": ["a.pdf"]}
    assert db.check().is_ok


def test_a_copy_elsewhere_keeps_a_record_alive_and_lends_it_its_address(db: Database) -> None:
    read(db, "a.pdf", "one")
    met(db, "b.pdf", "one")
    assert shown(db) == {"one": ["a.pdf", "b.pdf"]}
    assert [found.uri for found in find_records(db, "b.pdf")] == ["mem://b/a.pdf"]
    read(db, "a.pdf", "two")
    assert shown(db) == {"one": ["b.pdf"], "two": ["a.pdf"]}
    read(db, "b.pdf", "two")
    assert shown(db) == {"two": ["a.pdf", "b.pdf"]}


def test_bytes_that_failed_supersede_too(db: Database) -> None:
    read(db, "a.pdf", "one")
    run_id = db.start_run(ORDER)
    db.save(run_id, [outcome(document("a.pdf", "two"), failed=0)])
    assert shown(db) == {}


def test_bytes_that_come_back_bring_their_record_back_as_people_left_it(db: Database) -> None:
    read(db, "a.pdf", "one")
    correct_field(db, 1, Bill, reading("total", Decimal("13.00")), who="ann")
    read(db, "a.pdf", "two")
    assert shown(db) == {"two": ["a.pdf"]}
    with db.reading() as connection:
        assert [one.reading.path for one in examples(connection)] == ["total"]
    with pytest.raises(NotCurrent, match="replaced"):
        correct_field(db, 1, Bill, reading("number", "x"), who="ann")
    met(db, "a.pdf", "one")
    assert shown(db) == {"one": ["a.pdf"]}
    [found] = find_records(db, "a.pdf")
    assert {field.path: field.value for field in found.fields}["total"] == Decimal("13.00")
    with db.reading() as connection:
        assert machine_readings(connection, [found.id])[found.id]["total"].value == Decimal("12.50")


def test_what_is_staged_supersedes_when_it_is_promoted_and_gives_back_when_that_is_undone(db: Database) -> None:
    read(db, "a.pdf", "one")
    staged = read(db, "a.pdf", "two", staged=True)
    for _ in range(2):
        assert shown(db) == {"one": ["a.pdf"]}
        backfill.promote(db, staged, who="ann")
        assert shown(db) == {"two": ["a.pdf"]}
        backfill.rollback(db, staged, who="ann")
    assert shown(db) == {"one": ["a.pdf"]}
    read(db, "a.pdf", "two", engine="engine-2")
    assert shown(db) == {"two": ["a.pdf"]}


def test_what_was_staged_and_overtaken_is_not_shown(db: Database) -> None:
    read(db, "a.pdf", "one")
    staged = read(db, "a.pdf", "two", staged=True)
    read(db, "a.pdf", "three")
    backfill.promote(db, staged, who="ann")
    assert shown(db) == {"three": ["a.pdf"]}


def test_undoing_gives_no_address_back_that_a_later_run_found_taken(db: Database) -> None:
    read(db, "a.pdf", "one")
    staged = read(db, "a.pdf", "two", staged=True)
    backfill.promote(db, staged, who="ann")
    read(db, "a.pdf", "two", engine="engine-3")
    backfill.rollback(db, staged, who="ann")
    assert shown(db) == {"two": ["a.pdf"]}


def test_erasing_the_newest_brings_no_older_bytes_back(db: Database) -> None:
    read(db, "a.pdf", "one")
    read(db, "a.pdf", "two")
    assert not erase_document(db, document("a.pdf", "two").id, who="ann", reason="asked to").left
    assert shown(db) == {}
    assert not erase_document(db, document("a.pdf", "one").id, who="ann", reason="asked to").left
    with db.reading() as connection:
        assert connection.execute(select(RECORDS)).all() == []


def test_two_who_take_the_last_two_addresses_see_each_other(db: Database) -> None:
    for turn in range(5):
        old, names = f"old {turn}", (f"{turn}a.pdf", f"{turn}b.pdf")
        read(db, names[0], old)
        met(db, names[1], old)
        threads = [threading.Thread(target=read, args=(db, name, f"new {name}")) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = run_query(db, "SELECT number FROM bill", limit=99).rows
        assert (old,) not in rows and {(f"new {name}",) for name in names} <= set(rows)


NAMES, CONTENTS = ("a.pdf", "b.pdf", "c.pdf"), ("one", "two", "three")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(CONTENTS)), min_size=1, max_size=8))
def test_what_is_shown_is_what_lies_there(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, str]]
) -> None:
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('addresses')}/a.db") as db:
        db.upgrade()
        db.refresh_views(Bill)
        lying: dict[str, str] = {}
        known: set[str] = set()
        for name, content in writes:
            (met if content in known else read)(db, name, content)
            known.add(content)
            lying[name] = content
            by_content = {one: sorted(at for at in lying if lying[at] == one) for one in set(lying.values())}
            assert found_by(db) == by_content


def found_by(db: Database) -> dict[str, list[str]]:
    rows = run_query(db, "SELECT number, addresses FROM bill", limit=99).rows
    return {row[0]: sorted(uri.removeprefix("mem://b/") for uri in json.loads(row[1])) for row in rows}
