"""An Excel file's cells have the types that the schema says, and nothing in them runs."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from llava_ocr.db import xlsx
from llava_ocr.db.export import export_records
from llava_ocr.db.query import Table
from llava_ocr.db.session import Database, open_database
from llava_ocr.db.tables import write_table
from llava_ocr.errors import DatabaseError
from llava_ocr.files import FileFormat
from tests.db.made import ORDER, Bill, document, fields, outcome, reading, record

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# What Excel, left to itself, makes numbers, days and formulas of.
CODES = ("00042", "12345678901234567890", "12E4", "-4711", "=1+1", "3/2024", "@SUM(A1)", "TRUE", "1.50")
Cell = tuple[str, str, str]
# The number that the file format itself gives to "0".
WHOLE = "1"


def sheets(content: bytes) -> dict[str, list[dict[str, Cell]]]:
    """Every sheet's rows by their first line: (kind, value, number format) a cell."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        styles = ElementTree.fromstring(book.read("xl/styles.xml"))
        codes = {one.get("numFmtId"): one.get("formatCode") for one in styles.iter(f"{SHEET}numFmt")}
        used = [codes.get(one.get("numFmtId"), one.get("numFmtId")) for one in styles.find(f"{SHEET}cellXfs")]
        found = {}
        for number, name in enumerate(names, 1):
            page = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            assert not list(page.iter(f"{SHEET}f")), "a formula"
            lines = [[_cell(one, used) for one in row] for row in page.iter(f"{SHEET}row")]
            head = {place: value for place, _, value, _ in lines[0]}
            found[name] = [{head[place]: rest for place, *rest in line} for line in lines[1:]]
        return found


def _cell(cell: ElementTree.Element, used: list[str | None]) -> tuple[str, str, str, str]:
    column = re.sub(r"\d", "", cell.get("r", ""))
    text = "".join(one.text or "" for one in (*cell.iter(f"{SHEET}t"), *cell.iter(f"{SHEET}v")))
    return column, cell.get("t", "n"), text, used[int(cell.get("s", "0"))] or ""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        yield database


def exported(db: Database, *values: tuple[object, ...]) -> dict[str, list[dict[str, Cell]]]:
    papers = [document(f"{number}.pdf") for number in range(len(values))]
    db.save(db.start_run(ORDER), [outcome(of, record(of, values=one)) for of, one in zip(papers, values, strict=True)])
    out = io.BytesIO()
    assert export_records(db, Bill, format=FileFormat.XLSX, out=out) == len(values)
    return sheets(out.getvalue())


def test_cells_are_typed_by_the_schema(db: Database) -> None:
    [row] = exported(db, fields(total="-1234.50"))["bill"]
    assert row["total"] == ["n", "-1234.5", "0.00"]
    assert row["issue_date"] == ["n", "46053", "yyyy-mm-dd"]
    assert row["total_confidence"][:2] == ["n", "0.9"] and row["needs_review"][:2] == ["b", "1"]
    assert row["addresses"] == row["uri"]
    assert row["number"][:2] == ["inlineStr", "R-1"] and "seller_name" not in row


@pytest.mark.parametrize("code", CODES)
def test_a_code_stays_text(db: Database, code: str) -> None:
    [row] = exported(db, fields(number=code))["bill"]
    assert row["number"][:2] == ["inlineStr", code]


def test_an_amount_keeps_its_decimals_and_is_never_rounded(db: Database) -> None:
    long = "12345678901234.5678"
    rows = exported(db, *(fields(total=total) for total in ("3", "3.1", "3.100", "0.00", long)))["bill"]
    by_total = {row["uri"][1][-5]: row["total"] for row in rows}
    assert [by_total[str(number)] for number in range(4)] == [
        ["n", "3", WHOLE],
        ["n", "3.1", "0.0"],
        ["n", "3.1", "0.000"],
        ["n", "0", "0.00"],
    ]
    assert by_total["4"][:2] == ["inlineStr", long]


def test_a_list_has_a_sheet_of_its_own(db: Database) -> None:
    lines = exported(db, fields(lines=("1.00", "-2.00")))["bill_lines"]
    assert [(row["row_index"][1], row["description"][1], row["line_total"][1]) for row in lines] == [
        ("0", "item 0", "1"),
        ("1", "item 1", "-2"),
    ]


def test_days_before_excel_s_first_are_text(db: Database) -> None:
    [row] = exported(db, (reading("issue_date", date(1899, 1, 31)), reading("total", Decimal(1))))["bill"]
    assert row["issue_date"][:2] == ["inlineStr", "1899-01-31"]


def test_a_query_s_days_are_days_and_its_codes_text(db: Database) -> None:
    table = Table(("day", "mixed", "code"), (("2026-01-31", "2026-01-31", "007"), (None, "soon", "12E4")), is_cut=False)
    out = io.BytesIO()
    write_table(table, FileFormat.XLSX, out)
    first, second = sheets(out.getvalue())["rows"]
    assert first["day"] == ["n", "46053", "yyyy-mm-dd"] and "day" not in second
    assert first["mixed"][0] == first["code"][0] == second["code"][0] == "inlineStr"


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_SHEET_ROWS", 3)
    with pytest.raises(DatabaseError, match="2 rows"):
        write_table(Table(("n",), ((1,), (2,), (3,)), is_cut=False), FileFormat.XLSX, io.BytesIO())
