"""A person's own SQL reads and never writes, on both databases; what it finds can run nowhere."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from llava_ocr.db.query import BadQuery, Table, run_query
from llava_ocr.db.session import Database, open_database
from llava_ocr.db.tables import write_table
from llava_ocr.files import FileFormat
from tests.db.made import ORDER, Bill, document, outcome, record


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        database.refresh_views(Bill)
        run_id = database.start_run(ORDER)
        papers = [document(f"{number}.pdf") for number in range(3)]
        database.save(run_id, [outcome(one, record(one)) for one in papers])
        yield database


def test_views_are_read_up_to_the_limit(db: Database) -> None:
    found = run_query(db, "SELECT number, total FROM bill -- all of them\n;", limit=2)
    assert found.columns == ("number", "total") and len(found.rows) == 2 and found.is_cut
    assert not run_query(db, "WITH x AS (SELECT 1 AS one) SELECT * FROM x", limit=2).is_cut


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM records",
        "WITH gone AS (SELECT 1) DELETE FROM records",
        "SELECT 1; DELETE FROM records",
        "SELECT 1) AS a; DELETE FROM records; SELECT * FROM (SELECT 1",
        "/* */ DROP TABLE records",
        "PRAGMA journal_mode = DELETE",
        "ATTACH 'x' AS x",
        "COPY records TO '/tmp/x'",
        "SELECT * INTO taken FROM records",
        "SELECT nothing FROM nowhere",
        "",
    ],
)
def test_whatever_else_is_refused_and_changes_nothing(db: Database, statement: str) -> None:
    with pytest.raises(BadQuery):
        run_query(db, statement, limit=10)
    assert run_query(db, "SELECT count(*) FROM records", limit=1).rows == ((3,),)
    db.start_run(ORDER)


def test_a_query_that_takes_too_long_is_ended(db: Database) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(BadQuery):
        run_query(db, endless, limit=1, timeout_s=0.3)


TABLE = Table(
    ("name", "total", "day", "name"),
    (("=1+1", Decimal("12.50"), date(2026, 1, 31), "a"), ("@x", None, None, None)),
    is_cut=False,
)


def written(format: FileFormat) -> bytes:
    out = io.BytesIO()
    write_table(TABLE, format, out)
    return out.getvalue()


def test_csv_cells_run_nowhere() -> None:
    rows = list(csv.reader(io.StringIO(written(FileFormat.CSV).decode())))
    assert rows[1] == ["'=1+1", "12.50", "2026-01-31", "a"] and rows[2][0] == "'@x"


def test_a_sheet_holds_text_and_numbers_but_no_formula() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FileFormat.XLSX))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet and "<v>12.5</v>" in sheet and "<t>=1+1</t>" in sheet


def test_json_lines_and_parquet_keep_values_and_tell_equal_names_apart() -> None:
    first = json.loads(written(FileFormat.JSONL).splitlines()[0])
    assert first == {"name": "=1+1", "total": "12.50", "day": "2026-01-31", "name_2": "a"}
    frame = pl.read_parquet(io.BytesIO(written(FileFormat.PARQUET)))
    assert frame["total"][0] == Decimal("12.50") and frame["day"][0] == date(2026, 1, 31)
