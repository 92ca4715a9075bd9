"""A query's table as CSV, JSON lines, Parquet or an Excel sheet. Nothing in it can run where it is opened."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from typing import Any, BinaryIO

from llava_ocr.db.csv_export import safe_cell
from llava_ocr.db.query import Table
from llava_ocr.db.xlsx import open_book, readable
from llava_ocr.files import FileFormat
from llava_ocr.jsonform import plain, to_json


def write_table(table: Table, format: FileFormat, out: BinaryIO) -> None:
    """Write a table. Raises DatabaseError where it does not fit the format."""
    writers = {
        FileFormat.CSV: _write_csv,
        FileFormat.JSONL: _write_jsonl,
        FileFormat.PARQUET: _write_parquet,
        FileFormat.XLSX: _write_xlsx,
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
        out.write(to_json(dict(zip(names, (readable(value) for value in row), strict=True))).encode() + b"\n")


def _write_parquet(table: Table, out: BinaryIO) -> None:
    import polars as pl

    columns = [list(column) for column in zip(*table.rows, strict=True)] or [[] for _ in table.columns]
    names = _own_names(table.columns)
    frame = pl.DataFrame({name: _series(values) for name, values in zip(names, columns, strict=True)}, strict=False)
    frame.write_parquet(out)


def _write_xlsx(table: Table, out: BinaryIO) -> None:
    days = {place for place in range(len(table.columns)) if _are_days([row[place] for row in table.rows])}
    with open_book(out) as book:
        sheet = book.add_sheet("rows", table.columns)
        for row in table.rows:
            sheet.add(date.fromisoformat(v) if n in days and v is not None else v for n, v in enumerate(row))


def _are_days(values: list[Any]) -> bool:
    """Whether a column holds nothing but ISO dates: SQLite has no type for them."""
    said = [value for value in values if value is not None]
    return bool(said) and all(isinstance(value, str) and _is_day(value) for value in said)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _series(values: list[Any]) -> list[Any]:
    """A column of one type: where types are mixed, and nothing is lost by it, text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 or kinds <= {int, float}:
        return values
    return [None if value is None else str(readable(value)) for value in values]


def _own_names(columns: tuple[str, ...]) -> list[str]:
    """Names that are each there once: the second `total` becomes `total_2`."""
    seen: Counter[str] = Counter()
    names = []
    for name in columns:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names
