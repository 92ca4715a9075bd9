"""Bringing a database to this program's version, from nothing and from every older one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text, update

from llava_ocr.db import upgrades
from llava_ocr.db.connection import connect, reading, writing
from llava_ocr.db.rows import RECORDS, Row
from llava_ocr.db.session import check_database, open_database, upgrade_database
from llava_ocr.errors import DatabaseError, NoDatabase, SchemaOutOfDate
from tests.db.made import ORDER, document, outcome, record

FIRST = "0001"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def is_of_search(change: object) -> bool:
    """The full-text index has no class of rows: on SQLite it is a virtual table with tables of its own."""
    return isinstance(change, tuple) and getattr(change[1], "name", "").startswith(
        ("listings_search", "ix_listings_search")
    )


def test_migrations_make_the_tables_of_rows(engine: Engine) -> None:
    upgrades.upgrade(engine)
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": upgrades.VERSION_TABLE, "compare_server_default": True}
        )
        changes = compare_metadata(context, Row.metadata)
    assert [change for change in changes if not is_of_search(change)] == []
    assert upgrades.check(engine).is_ok


def test_first_release_keeps_its_data(engine: Engine) -> None:
    upgrades.upgrade(engine, revision=FIRST)
    with writing(engine) as connection:
        # Written out as the first release did, since `rows` moves on.
        connection.execute(text("INSERT INTO documents VALUES ('d1', 10, 'application/pdf', 1, '2026-01-01 00:00:00')"))
        connection.execute(
            text("INSERT INTO locations VALUES ('mem://b/a', 'd1', 'e', '', NULL, '2026-01-01 00:00:00')")
        )
    upgrades.upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT uri FROM locations")).scalar_one() == "mem://b/a"
    assert upgrades.check(engine).is_ok


def test_what_was_overwritten_before_is_superseded_and_runs_get_their_words(engine: Engine) -> None:
    upgrades.upgrade(engine, revision="0007")
    when = "'2026-01-01 00:00:00'"
    with writing(engine) as connection:
        for run, state in (("r1", "green"), ("r2", "green"), ("r3", "red")):
            columns = (
                "id, source, schema_name, schema_fingerprint, engine, engine_fingerprint, order_json, state, started_at"
            )
            connection.execute(
                text(f"INSERT INTO runs ({columns}) VALUES ('{run}','s','b','f','e','f','{{}}','{state}',{when})")
            )
        for document_id in ("old", "new", "copied"):
            connection.execute(text(f"INSERT INTO documents VALUES ('{document_id}', 1, 'application/pdf', 1, {when})"))
            columns = (
                "document_id, record_index, schema_name, schema_fingerprint, engine, engine_fingerprint, run_id, uri, "
                "needs_review, is_current, num_prompt_tokens, num_new_tokens, num_forced_tokens, made_at"
            )
            row = f"'{document_id}',0,'b','f','e','f','r1','mem://a',false,true,0,0,0,{when}"
            connection.execute(text(f"INSERT INTO records ({columns}) VALUES ({row})"))
        for uri, document_id in (("mem://a", "new"), ("mem://b", "copied")):
            connection.execute(text(f"INSERT INTO locations VALUES ('{uri}', '{document_id}', 'e', '', NULL, {when})"))
        columns = "run_id, uri, document_id, etag, version, state, reason, message, num_pages, seconds, seconds_json"
        connection.execute(
            text(f"INSERT INTO reads ({columns}) VALUES ('r2','mem://c',NULL,'','','failed','X','',0,0,'{{}}')")
        )
    upgrades.upgrade(engine)
    with reading(engine) as connection:
        states = connection.execute(text("SELECT id, state FROM runs ORDER BY id")).all()
        assert [tuple(row) for row in states] == [("r1", "complete"), ("r2", "failed"), ("r3", "failed")]
        rows = connection.execute(
            text("SELECT document_id, is_current, superseded_by FROM records ORDER BY document_id")
        )
        assert [(row[0], bool(row[1]), row[2]) for row in rows] == [
            ("copied", True, None),
            ("new", True, None),
            ("old", False, "r1"),
        ]


def test_records_of_an_older_database_need_review_as_their_list_says(url: str, engine: Engine) -> None:
    with open_database(url) as db:
        db.upgrade()
        papers = [document("sound"), document("torn")]
        sound = replace(record(papers[0]), findings=())
        torn = replace(record(papers[1]), findings=(), fields=())
        db.save(db.start_run(ORDER), [outcome(of, one) for of, one in zip(papers, (sound, torn), strict=True)])
    with writing(engine) as connection:
        # As it was before: nothing read counted as sound.
        connection.execute(update(RECORDS).values(needs_review=False))
        connection.execute(text("UPDATE llava_ocr_version SET version_num = '0008'"))
    upgrades.upgrade(engine)
    with reading(engine) as connection:
        kept = connection.execute(select(RECORDS.c.uri, RECORDS.c.needs_review).order_by(RECORDS.c.uri)).all()
    assert [(uri[-5:], bool(needs)) for uri, needs in kept] == [("sound", False), ("/torn", True)]


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    upgrades.upgrade(engine)
    upgrades.upgrade(engine)
    assert upgrades.check(engine).is_ok


def test_upgrades_at_once_do_not_clash(url: str) -> None:
    errors: list[Exception] = []

    def upgrade() -> None:
        try:
            with open_database(url) as db:
                db.upgrade()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.slow
def test_processes_upgrading_at_once_do_not_clash(url: str) -> None:
    program = "import sys; from llava_ocr.db.session import upgrade_database; upgrade_database(sys.argv[1])"
    children = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    with open_database(url) as db:
        assert db.check().is_ok


def test_empty_database_says_to_upgrade(url: str) -> None:
    with open_database(url) as db, pytest.raises(NoDatabase, match="no tables yet") as caught:
        db.start_run(ORDER)
    assert "db upgrade" in caught.value.hint


def test_tables_are_made_only_where_there_are_none(url: str, engine: Engine) -> None:
    upgrades.upgrade(engine, revision=FIRST)
    with open_database(url) as db:
        db.make_tables()
    assert check_database(url) != ()
    assert upgrade_database(url) == upgrades.head_revision() and check_database(url) == ()


def test_older_database_says_to_upgrade(url: str, engine: Engine) -> None:
    upgrades.upgrade(engine, revision=FIRST)
    with open_database(url) as db, pytest.raises(SchemaOutOfDate, match="is at revision 0001"):
        db.start_run(ORDER)
    assert not upgrades.check(engine).is_ok


def test_newer_database_is_refused(url: str, engine: Engine) -> None:
    upgrades.upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {upgrades.VERSION_TABLE} SET version_num = '9999'"))
    with open_database(url) as db:
        for use in (db.upgrade, lambda: db.start_run(ORDER)):
            with pytest.raises(SchemaOutOfDate, match="newer program"):
                use()
        assert not db.check().is_ok


def test_drift_is_found(engine: Engine) -> None:
    upgrades.upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE findings ADD COLUMN extra INTEGER"))
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    [problem] = upgrades.check(engine).problems
    assert "remove_column" in problem and "findings" in problem


def test_failed_upgrade_leaves_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE findings (id INTEGER)"))
    with pytest.raises(DatabaseError):
        upgrades.upgrade(engine)
    with reading(engine) as connection:
        tables = set(inspect(connection).get_table_names())
    assert tables == {"findings"}
