"""Excel files: each cell of the type that its value has. Nothing in them can run, and text stays text.

A spreadsheet's numbers are doubles, so an amount of more than 15 digits is written as text rather than rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, BinaryIO

from llava_ocr.db.flat import ADDRESSES, HEAD, SAME_AS, flat_row, leaf_columns, list_columns
from llava_ocr.db.stored import StoredRecord
from llava_ocr.errors import DatabaseError
from llava_ocr.jsonform import plain
from llava_ocr.schema import GroupNode

# What a sheet holds (Excel's own limits), and the digits that its numbers keep.
MAX_SHEET_ROWS, MAX_SHEET_COLUMNS, MAX_SHEET_CHARS = 1_048_576, 16_384, 32_767
MAX_NAME_CHARS = 31
EXACT_DIGITS = 15
# Days before this one are none to Excel, which counts from here and takes 1900 for a leap year.
FIRST_DAY = date(1900, 3, 1)
MAX_WIDTH_CHARS = 60
ROW_HEAD = ("document_id", "uri", "record_index", "row_index")


class Book:
    """An Excel file that is being written, row by row: memory does not grow with it."""

    def __init__(self, out: BinaryIO) -> None:
        import xlsxwriter

        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book = xlsxwriter.Workbook(out, {**options, "constant_memory": True})
        self.head = self._book.add_format({"bold": True})
        self.day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._sheets: list[Sheet] = []
        # A format may be made once only; a file holds few.
        self.decimals = cache(self._decimals)

    def add_sheet(self, name: str, columns: Sequence[str]) -> Sheet:
        """Begin a sheet with its line of names. Raises DatabaseError where there are too many."""
        if len(columns) > MAX_SHEET_COLUMNS:
            raise DatabaseError(f"a sheet holds {MAX_SHEET_COLUMNS:,} columns; write csv, jsonl or parquet")
        number = len(self._sheets) + 1
        short = name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 3]}_{number}"
        sheet = Sheet(self, self._book.add_worksheet(short), columns)
        self._sheets.append(sheet)
        return sheet

    def close(self) -> None:
        """Write what is left, and the widths of the columns."""
        for sheet in self._sheets:
            sheet.finish()
        self._book.close()

    def _decimals(self, num_decimals: int) -> Any:
        return self._book.add_format({"num_format": f"0.{'0' * num_decimals}" if num_decimals else "0"})


class Sheet:
    """One sheet of a book."""

    def __init__(self, book: Book, sheet: Any, columns: Sequence[str]) -> None:
        self._book, self._sheet = book, sheet
        self._widths = [len(name) for name in columns]
        self._num_rows = 1
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name[:MAX_SHEET_CHARS], book.head)
        sheet.freeze_panes(1, 0)

    def add(self, row: Iterable[object]) -> None:
        """Write a row. Raises DatabaseError when the sheet is full."""
        if self._num_rows >= MAX_SHEET_ROWS:
            raise DatabaseError(f"a sheet holds {MAX_SHEET_ROWS - 1:,} rows; write csv, jsonl or parquet")
        for place, value in enumerate(row):
            if value is not None:
                shown = self._write((self._num_rows, place), value)
                self._widths[place] = max(self._widths[place], min(len(shown), MAX_WIDTH_CHARS))
        self._num_rows += 1

    def finish(self) -> None:
        """Make the columns as wide as what is in them."""
        for place, width in enumerate(self._widths):
            self._sheet.set_column(place, place, width + 2)

    def _write(self, at: tuple[int, int], value: object) -> str:
        """Write a cell by its type, whatever its text looks like; returns about what it shows."""
        shown = str(readable(value))[:MAX_SHEET_CHARS]
        if isinstance(value, bool):
            self._sheet.write_boolean(*at, value)
        elif isinstance(value, Decimal) and is_exact(value):
            self._sheet.write_number(*at, float(value), self._book.decimals(max(0, -int(value.as_tuple().exponent))))
        elif isinstance(value, (int, float)) and is_exact(value):
            self._sheet.write_number(*at, float(value))
        elif isinstance(value, date) and not isinstance(value, datetime) and value >= FIRST_DAY:
            self._sheet.write_datetime(*at, datetime(value.year, value.month, value.day), self._book.day)
        else:
            self._sheet.write_string(*at, shown)
        return shown


@contextmanager
def open_book(out: BinaryIO) -> Iterator[Book]:
    """Open an Excel file for the length of a `with` block."""
    book = Book(out)
    try:
        yield book
    finally:
        book.close()


def write_records(records: Iterable[StoredRecord], root: GroupNode, out: BinaryIO) -> int:
    """Write records to an Excel file and return how many there were: a sheet of records, and one for each list.

    Raises DatabaseError where they do not fit.
    """
    leaves = [name for name, _ in leaf_columns(root)]
    lists = {name: [path for path, _ in leaf_columns(node.row)] for name, node in list_columns(root)}
    of_leaves = (f"{name}{ending}" for name in leaves for ending in ("", "_state", "_confidence"))
    columns = [*HEAD, *SAME_AS, ADDRESSES, *of_leaves]
    count = 0
    with open_book(out) as book:
        sheet = book.add_sheet(root.name, columns)
        of_list = {name: book.add_sheet(f"{root.name}_{name}", [*ROW_HEAD, *lists[name]]) for name in lists}
        for record in records:
            row = flat_row(record, root) | {ADDRESSES: "\n".join(record.addresses)}
            sheet.add(row[name] for name in columns)
            for name, below in of_list.items():
                for index, cells in enumerate(row[name]):
                    flat = dict(_flat(cells))
                    head = (record.document_id, record.uri, record.record_index, index)
                    below.add((*head, *(flat[path] for path in lists[name])))
            count += 1
    return count


def readable(value: object) -> object:
    """A value as text or a number: bytes as hex digits, dates in ISO form."""
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return plain(value)


def is_exact(number: float | Decimal) -> bool:
    """Whether a sheet's number keeps all its digits."""
    if isinstance(number, float):
        return number == number and abs(number) != float("inf")
    exact = Decimal(number)
    return exact.is_finite() and len(exact.normalize().as_tuple().digits) <= EXACT_DIGITS


def _flat(cells: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """A row's values by the names that `leaf_columns` gives them."""
    for name, value in cells.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", value
