"""Opening a database, and what its errors tell."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from llava_ocr.db.connection import connect, place, reading, writing
from llava_ocr.db.session import open_database
from llava_ocr.errors import ConfigError, DatabaseError, DatabaseUnavailable
from tests.db.made import ORDER

SECRET = "s3cret"


@pytest.mark.parametrize(
    "url", ["", "nonsense", f"mysql://u:{SECRET}@h/d", f"://u:{SECRET}@h", "sqlite://", "sqlite:///:memory:"]
)
def test_unusable_url_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_database(url)
    assert SECRET not in str(caught.value)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="folder does not exist"):
        open_database(f"sqlite:///{tmp_path}/none/a.db")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_server_that_does_not_answer_is_unavailable_and_no_password_told(scheme: str) -> None:
    url = f"{scheme}://user:{SECRET}@127.0.0.1:1/shop?options=-c%20a%3D{SECRET}"
    with open_database(url) as db, pytest.raises(DatabaseUnavailable) as caught:
        db.start_run(ORDER)
    assert caught.value.retryable and SECRET not in str(caught.value) and SECRET not in repr(caught.value.__cause__)
    assert SECRET not in place(db.engine.url)


def test_sqlite_is_set_for_many_writers(tmp_path: Path) -> None:
    with reading(connect(f"sqlite:///{tmp_path}/a.db")) as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}
    assert pragmas == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}


def test_locked_file_is_unavailable(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/a.db?timeout=0.05") as db:
        db.upgrade()
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="locked"):
            db.start_run(ORDER)
        other.close()
        assert db.start_run(ORDER)


def test_file_that_is_no_database_is_a_database_error(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all" * 100)
    with open_database(f"sqlite:///{tmp_path}/a.db") as db, pytest.raises(DatabaseError, match="not a database"):
        db.upgrade()


def test_message_holds_no_value(postgres_url: str) -> None:
    engine = connect(postgres_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (v TEXT PRIMARY KEY)"))
    with pytest.raises(DatabaseError) as caught, writing(engine) as connection:
        for _ in range(2):
            connection.execute(text("INSERT INTO t VALUES (:v)"), {"v": SECRET})
    engine.dispose()
    assert "UniqueViolation (23505)" in str(caught.value) and SECRET not in str(caught.value)
