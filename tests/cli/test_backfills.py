"""`llava-ocr backfill promote`: what would be lost is shown, asked about, and refused above a limit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.cli.app import app, guarded
from llava_ocr.db.query import run_query
from llava_ocr.db.session import Database, open_database
from llava_ocr.ledger.order import Stage
from tests.db.made import ORDER, Bill, document, fields, outcome, record

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        database.refresh_views(Bill)
        yield database


@pytest.fixture
def staged(db: Database) -> str:
    """A bill that was read, and staged again without its three values in lines."""
    of = document("a.pdf")
    db.save(db.start_run(ORDER), [outcome(of, record(of))])
    run_id = db.start_run(replace(ORDER, stage=Stage.STAGED))
    db.save(run_id, [outcome(of, record(of, values=fields(number="R-2", lines=())))])
    return run_id


@pytest.fixture
def call(db: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("LLAVA_OCR_DB", db.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "200")

    def backfill(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = guarded(app, ["backfill", *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return backfill


def number(db: Database) -> str:
    [[found]] = run_query(db, "SELECT number FROM bill", limit=9).rows
    return str(found)


@pytest.mark.parametrize(
    ("arguments", "typed", "is_promoted"),
    [
        ([], "y\n", False),
        (["--yes"], "", False),
        (["--yes", "--max-lost-share", "0.4"], "", False),
        (["--yes", "--max-lost-share", "0.5"], "", True),
        (["--yes", "--accept-loss"], "", True),
        (["--accept-loss"], "y\n", True),
        (["--accept-loss"], "n\n", False),
        (["--accept-loss"], "", False),
    ],
)
def test_losses_are_shown_asked_about_and_refused_above_the_limit(
    call: Call, db: Database, staged: str, arguments: list[str], typed: str, *, is_promoted: bool
) -> None:
    code, told = call("promote", staged, *arguments, typed=typed)
    assert "3 of 6 values would be lost (50.0%)" in told
    assert (code == 0, number(db)) == ((True, "R-2") if is_promoted else (False, "R-1"))


def test_a_difference_names_documents_by_file(call: Call, staged: str) -> None:
    _, told = call("diff", staged)
    assert "a.pdf" in told and "3 of 6 values would be lost" in told and document("a.pdf").id[:12] not in told
    facts = json.loads(call("diff", staged, "--json")[1])
    assert facts["lost_share"] == 0.5 and {one["uri"] for one in facts["samples"]} == {"mem://b/a.pdf"}
