"""A query's table as CSV, JSON lines, Parquet or an Excel sheet. Nothing in it can run where it is opened."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, BinaryIO

from llava_ocr.db.csv_export import safe_cell
from llava_ocr.db.query import Table
from llava_ocr.errors import DatabaseError
from llava_ocr.jsonform import plain, to_json

# What a sheet holds (Excel's own limits), and the digits that its numbers keep.
MAX_SHEET_ROWS, MAX_SHEET_COLUMNS, MAX_SHEET_CHARS = 1_048_576, 16_384, 32_767
EXACT_DIGITS = 15


class TableFormat(StrEnum):
    """What a table can be written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"


def write_table(table: Table, format: TableFormat, out: BinaryIO) -> None:
    """Write a table. Raises DatabaseError where it does not fit the format."""
    writers = {
        TableFormat.CSV: _write_csv,
        TableFormat.JSONL: _write_jsonl,
        TableFormat.PARQUET: _write_parquet,
        TableFormat.XLSX: _write_xlsx,
    }
    writers[format](table, out)


def _write_csv(table: Table, out: BinaryIO) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow([safe_cell(name) for name in table.columns])
    for row in table.rows:
        writer.writerow([safe_cell(value) if isinstance(value, str) else plain(value) for value in row])
    text.detach()


def _write_jsonl(table: Table, out: BinaryIO) -> None:
    names = _own_names(table.columns)
    for row in table.rows:
        out.write(to_json(dict(zip(names, (_readable(value) for value in row), strict=True))).encode() + b"\n")


def _write_parquet(table: Table, out: BinaryIO) -> None:
    import polars as pl

    columns = [list(column) for column in zip(*table.rows, strict=True)] or [[] for _ in table.columns]
    names = _own_names(table.columns)
    frame = pl.DataFrame({name: _series(values) for name, values in zip(names, columns, strict=True)}, strict=False)
    frame.write_parquet(out)


def _write_xlsx(table: Table, out: BinaryIO) -> None:
    if len(table.rows) >= MAX_SHEET_ROWS or len(table.columns) > MAX_SHEET_COLUMNS:
        raise DatabaseError(f"a sheet holds {MAX_SHEET_ROWS - 1:,} rows and {MAX_SHEET_COLUMNS:,} columns")
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    sheet = book.add_worksheet("records")
    day, head = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"bold": True})
    for place, name in enumerate(table.columns):
        sheet.write_string(0, place, name[:MAX_SHEET_CHARS], head)
    for number, row in enumerate(table.rows, 1):
        for place, value in enumerate(row):
            _write_cell(sheet, (number, place), value, day)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    book.close()


def _write_cell(sheet: Any, at: tuple[int, int], value: object, day: object) -> None:
    """Write one cell by its type: text stays text, whatever it begins with."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(*at, value)
    elif isinstance(value, (int, float, Decimal)) and _is_exact(value):
        sheet.write_number(*at, float(value))
    elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= 1900:
        sheet.write_datetime(*at, datetime(value.year, value.month, value.day), day)
    else:
        sheet.write_string(*at, str(_readable(value))[:MAX_SHEET_CHARS])


def _is_exact(number: float | Decimal) -> bool:
    """Whether a sheet's number keeps all its digits."""
    if isinstance(number, float):
        return number == number and abs(number) != float("inf")
    exact = Decimal(number)
    return exact.is_finite() and len(exact.normalize().as_tuple().digits) <= EXACT_DIGITS


def _readable(value: object) -> object:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return plain(value)


def _series(values: list[Any]) -> list[Any]:
    """A column of one type: where types are mixed, and nothing is lost by it, text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 or kinds <= {int, float}:
        return values
    return [None if value is None else str(_readable(value)) for value in values]


def _own_names(columns: tuple[str, ...]) -> list[str]:
    """Names that are each there once: the second `total` becomes `total_2`."""
    seen: Counter[str] = Counter()
    names = []
    for name in columns:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names
