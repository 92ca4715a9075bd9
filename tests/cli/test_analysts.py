"""The analysts' commands as people meet them: exit codes, refusals with a remedy, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llava_ocr.cli.app import app, guarded
from llava_ocr.cli.serving import NobodyMaySignIn, needs_sign_in
from llava_ocr.db.people import list_users, save_user
from llava_ocr.db.session import Database, open_database
from llava_ocr.errors import ConfigError
from llava_ocr.review.people import Person, Role
from tests.db.made import ORDER, Bill, document, fields, outcome, record

Run = Callable[..., tuple[int, str, str]]
PAPER = document("a.pdf")
OWN_BILL = """
from llava_ocr.schema import DocumentSchema, Text, read


class Bill(DocumentSchema):
    number: Text | None = read("Number")
"""


@pytest.fixture
def db(tmp_path: Path) -> Database:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        database.refresh_views(Bill)
        database.save(database.start_run(ORDER), [outcome(PAPER, record(PAPER))])
        return database


@pytest.fixture
def run(db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LLAVA_OCR_DB", f"sqlite:///{tmp_path}/a.db")
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: object) -> tuple[int, str, str]:
        code = guarded(app, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_query_shows_a_table_and_says_what_the_limit_left_out(run: Run) -> None:
    code, out, err = run("query", "SELECT path FROM fields ORDER BY 1", "--limit", 2)
    assert code == 0 and "issue_date" in out and "only the first 2 rows" in err


def test_query_writes_json_lines(run: Run) -> None:
    _, out, _ = run("query", "SELECT number, total, total_exact FROM bill", "-f", "jsonl")
    assert json.loads(out) == {"number": "R-1", "total": 12.5, "total_exact": "12.50"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx"])
@pytest.mark.parametrize(
    "command", [("query", "SELECT number FROM bill"), ("export", "-s", "bill", "--schemas", "own")]
)
def test_a_file_is_what_its_name_says(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "bill.py").write_text(OWN_BILL)
    out = tmp_path / f"x.{ending}"
    assert run(*command, "-o", out)[0] == 0
    content = out.read_bytes()
    begins = {"csv": (b"number", b"document_id"), "jsonl": (b"{",), "parquet": (b"PAR1",), "xlsx": (b"PK",)}
    assert content.startswith(begins[ending]) and (b"R-1" in content or ending in ("parquet", "xlsx"))


def test_csv_for_excel_says_that_it_is_utf_8_and_runs_nowhere(run: Run, db: Database, tmp_path: Path) -> None:
    paper = document("b.pdf")
    db.save(db.start_run(ORDER), [outcome(paper, record(paper, values=fields(number='=HYPERLINK("x")')))])
    for arguments in (("query", "SELECT number FROM bill"), ("query", "SELECT number FROM bill", "-f", "csv")):
        assert run(*arguments, "--excel", "-o", tmp_path / "x.csv")[0] == 0
        content = (tmp_path / "x.csv").read_bytes()
        assert content.startswith("\ufeffnumber".encode()) and b"'=HYPERLINK" in content
    assert run("query", "SELECT number FROM bill", "-o", tmp_path / "plain.csv")[0] == 0
    assert (tmp_path / "plain.csv").read_bytes().startswith(b"number")


def test_query_refuses_to_write_with_exit_code_2(run: Run) -> None:
    code, _, err = run("query", "DELETE FROM records")
    assert code == 2 and "BadQuery" in err and "SELECT" in err
    assert run("query", "SELECT 1", "-f", "xlsx")[0] == 2


def test_erase_shows_first_and_asks_for_a_reason(run: Run) -> None:
    code, out, _ = run("erase", "--document", "a.pdf")
    assert code == 0 and "would erase" in out
    assert run("erase", "--document", "a.pdf", "--yes")[0] == 2
    code, out, _ = run("erase", "--document", "a.pdf", "--yes", "--reason", "asked to")
    assert code == 0 and "nothing is left" in out and PAPER.uri in out
    assert run("erase", "--document", "a.pdf")[0] == 2


def test_calibrate_says_when_there_is_too_little_to_learn_from(run: Run) -> None:
    code, _, err = run("calibrate")
    assert code == 2 and "TooFewVerdicts" in err and "100" in err


def test_crop_needs_a_place(run: Run, tmp_path: Path) -> None:
    assert run("crop", "a.pdf", "seller.name", "-o", tmp_path / "x.png")[0] == 2
    assert run("crop", "nothing.pdf", "total", "-o", tmp_path / "x.png")[0] == 2


def test_a_token_is_printed_once_and_can_be_removed(run: Run) -> None:
    _, out, _ = run("token", "add", "reader")
    assert out.startswith("llo_") and run("token", "remove", "reader")[0] == 0
    assert run("token", "remove", "reader")[0] == 2


def test_pages_open_to_a_network_take_users(db: Database) -> None:
    assert not needs_sign_in(db, "127.0.0.1")
    with pytest.raises(NobodyMaySignIn):
        needs_sign_in(db, "0.0.0.0")
    with db.writing() as connection:
        save_user(connection, "ann", "long enough for me", Role.REVIEWER)
    assert needs_sign_in(db, "0.0.0.0") and needs_sign_in(db, "localhost")
    with db.reading() as connection:
        assert list_users(connection) == [Person("ann", Role.REVIEWER)]


def test_weak_passwords_are_refused(db: Database) -> None:
    with pytest.raises(ConfigError, match="at least 10"), db.writing() as connection:
        save_user(connection, "ann", "short", Role.VIEWER)
