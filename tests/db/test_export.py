"""What leaves the database: JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.db.browse import Filter
from llava_ocr.db.csv_export import CsvColumns, safe_cell
from llava_ocr.db.export import export_records
from llava_ocr.db.listings import list_records, save_headline
from llava_ocr.db.session import Database, open_database
from llava_ocr.errors import DatabaseError
from llava_ocr.files import FileFormat
from llava_ocr.records import FieldReading
from tests.db.made import HUGE, ORDER, Bill, document, fields, outcome, reading, record


@pytest.fixture
def db(tmp_path: Path) -> Database:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        yield database


def export(db: Database, format: FileFormat) -> bytes:
    out = io.BytesIO()
    export_records(db, Bill, format=format, out=out)
    return out.getvalue()


def save(db: Database, *values: tuple[FieldReading, ...]) -> str:
    run_id = db.start_run(ORDER)
    documents = [document(f"{number}.pdf") for number in range(len(values))]
    db.save(run_id, [outcome(of, record(of, values=one)) for of, one in zip(documents, values, strict=True)])
    return run_id


def test_json_line_has_the_documented_shape(db: Database) -> None:
    run_id = save(db, fields(total=str(HUGE), lines=("1.00", "-2.00")))
    [line] = [json.loads(line) for line in export(db, FileFormat.JSONL).splitlines()]
    one = document("0.pdf")
    documented = ["document", "schema", "record_index", "values", "fields", "needs_review", "run_id", "engine"]
    assert list(line) == [*documented, "findings", "same_as", "part"]
    assert line["document"] == {"id": one.id, "uri": one.uri, "addresses": [one.uri]}
    assert line["values"] == {
        "number": "R-1",
        "issue_date": "2026-01-31",
        "seller": {"name": None},
        "total": "12345678901234.5678",
        "lines": [
            {"description": "item 0", "quantity": "1", "line_total": "1.00"},
            {"description": "item 1", "quantity": "1", "line_total": "-2.00"},
        ],
    }
    assert (line["run_id"], line["engine"], line["needs_review"]) == (run_id, "scripted", True)


def test_json_fields_carry_evidence(db: Database) -> None:
    save(db, fields())
    [line] = [json.loads(line) for line in export(db, FileFormat.JSONL).splitlines()]
    by_path = {field["path"]: field for field in line["fields"]}
    assert by_path["issue_date"] == {
        "path": "issue_date",
        "state": "value",
        "text": "31.01.2026",
        "value": "2026-01-31",
        "confidence": 0.9,
        "page_index": 0,
        "box": [0.1, 0.2, 0.3, 0.3],
        "reader": "text_layer",
        "boxes": [[0.1, 0.2, 0.3, 0.25], [0.1, 0.25, 0.2, 0.3]],
        "candidates": [],
    }
    assert by_path["seller.name"]["state"] == "absent" and by_path["seller.name"]["box"] is None


def test_line_separators_in_text_keep_one_record_a_line(db: Database) -> None:
    save(db, (reading("number", "a\u2028b\x85c\nd"),))
    assert export(db, FileFormat.JSONL).count(b"\n") == 1


def test_more_records_than_a_batch_come_once_each_in_order(db: Database) -> None:
    save(db, *[fields(number=f"R-{number}", lines=()) for number in range(1_201)])
    ids = [json.loads(line)["document"]["id"] for line in export(db, FileFormat.JSONL).splitlines()]
    assert len(ids) == 1_201 and ids == sorted(set(ids))


def test_csv_keeps_amounts_numbers_and_disarms_formulas(db: Database) -> None:
    save(db, fields(number='=HYPERLINK("http://x")', total="-12.50"))
    [row] = csv.DictReader(io.StringIO(export(db, FileFormat.CSV).decode(), newline=""))
    assert row["number"] == '\'=HYPERLINK("http://x")'
    assert (row["total"], row["issue_date"], row["total_state"]) == ("-12.50", "2026-01-31", "value")
    assert json.loads(row["lines"])[0]["line_total"] == "12.50"


def test_csv_with_evidence_says_where_and_links_to_the_picture(db: Database) -> None:
    save(db, fields())
    out = io.BytesIO()
    export_records(db, Bill, format=FileFormat.CSV, out=out, columns=CsvColumns(crops_at="http://h:1"))
    [row] = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
    assert (row["issue_date_text"], row["issue_date_page_index"]) == ("31.01.2026", "0")
    assert json.loads(row["issue_date_boxes"]) == [[0.1, 0.2, 0.3, 0.25], [0.1, 0.25, 0.2, 0.3]]
    assert row["issue_date_crop"] == "http://h:1/records/1/crop.png?path=issue_date" and row["seller_name_crop"] == ""


def test_control_characters_shift_no_column(db: Database) -> None:
    save(db, fields(number="a\x1fb\x1ec"), fields(number="\x1d"))
    rows = list(csv.DictReader(io.StringIO(export(db, FileFormat.CSV).decode(), newline="")))
    assert {row["number"] for row in rows} == {"a\x1fb\x1ec", "\x1d"}
    assert {row["total"] for row in rows} == {"12.50"} and {row["number_state"] for row in rows} == {"value"}


def test_an_export_of_a_selection_holds_that_alone(db: Database) -> None:
    save(db, fields(number="R-1"), fields(number="R-2"))
    with db.writing() as connection:
        save_headline(connection, Bill)
        list_records(connection, [1, 2])
    out = io.BytesIO()
    assert export_records(db, Bill, format=FileFormat.CSV, out=out, wanted=Filter(q="R-2")) == 1
    assert b"R-2" in out.getvalue() and b"R-1" not in out.getvalue()


@given(st.text(max_size=20))
def test_no_cell_starts_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "@", "\t", "\r")) and cell.removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize("text", ["-5", "-1.234,50", "+3", "12"])
def test_numbers_stay_numbers(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", ["-5+cmd", "+49 30 123", "=1+1", "@SUM(A1)", "-2+3", "\t=1", "＝1"])
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_parquet_has_exact_decimals_and_dates(db: Database) -> None:
    save(db, fields(total=str(HUGE), lines=("0.0000000001", "-3")), fields(total="1.5000000000000", lines=()))
    frame = pl.read_parquet(io.BytesIO(export(db, FileFormat.PARQUET)))
    assert frame.schema["total"] == pl.Decimal(38, 10) and frame.schema["issue_date"] == pl.Date()
    rows = {row["document_id"]: row for row in frame.to_dicts()}
    first, second = rows[document("0.pdf").id], rows[document("1.pdf").id]
    assert (first["total"], first["issue_date"]) == (HUGE, date(2026, 1, 31))
    assert [line["line_total"] for line in first["lines"]] == [Decimal("0.0000000001"), Decimal(-3)]
    assert (second["total"], second["lines"]) == (Decimal("1.5"), [])


def test_parquet_of_nothing_has_the_columns(db: Database) -> None:
    frame = pl.read_parquet(io.BytesIO(export(db, FileFormat.PARQUET)))
    assert frame.height == 0 and "seller_name_confidence" in frame.columns and frame.schema["lines"] == pl.List


@pytest.mark.parametrize("value", [Decimal("1E+29"), Decimal("0.12345678901"), "twelve"])
def test_parquet_refuses_what_does_not_fit(db: Database, value: Decimal | str) -> None:
    save(db, (reading("total", value),))
    with pytest.raises(DatabaseError, match=r"total does not fit.*jsonl") as caught:
        export(db, FileFormat.PARQUET)
    assert str(value) not in str(caught.value)


def test_older_readings_are_not_exported(db: Database) -> None:
    save(db, fields(total="1.00"))
    one = document("0.pdf")
    newer = record(one, engine="engine-2", values=fields(total="2.00"))
    db.save(db.start_run(replace(ORDER, engine_fingerprint="engine-2")), [outcome(one, newer)])
    [line] = export(db, FileFormat.JSONL).splitlines()
    assert json.loads(line)["values"]["total"] == "2.00"
