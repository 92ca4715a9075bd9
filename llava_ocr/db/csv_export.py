"""Records as CSV: a row a record, with the columns of the schema's view, its lists as JSON in one cell each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, BinaryIO
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Connection

from llava_ocr.db.flat import ADDRESSES, HEAD, SAME_AS, leaf_columns, list_columns
from llava_ocr.db.links import addresses_of, firsts
from llava_ocr.db.packed import NOTHING, PARTS, RECORD, Packed, packed_records
from llava_ocr.db.stored import load_records
from llava_ocr.db.upserts import chunks
from llava_ocr.db.values import boxes_json
from llava_ocr.jsonform import plain, to_json
from llava_ocr.records import FieldReading
from llava_ocr.review.sameness import Link
from llava_ocr.schema import GroupNode, LeafNode

# A cell that starts like this is run as a formula by spreadsheets (OWASP, "CSV injection").
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
PLAIN_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*")

ENDINGS = ("", "_state", "_confidence", "_text", "_page_index", "_boxes")
WITHOUT_EVIDENCE = 3
_CELL = re.compile(r"(.*)\[(\d+)\]\.(.*)")


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """Which columns there are. With evidence each field has, too, what is printed, its page (from 0) and its boxes;
    with `crops_at`, the address of a server, a link to its picture."""

    has_evidence: bool = False
    crops_at: str = ""

    @property
    def num_parts(self) -> int:
        """How many parts of a field are read; links are told by its boxes."""
        return len(PARTS) if self.has_evidence or self.crops_at else WITHOUT_EVIDENCE


def write_csv(
    connection: Connection,
    root: GroupNode,
    out: BinaryIO,
    *,
    columns: CsvColumns,
    chosen: ColumnElement[bool] | None = None,
) -> int:
    """Write the current records of a schema and return how many there were. Leaves `out` open."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text)
    table = _CsvTable(connection, root, columns)
    writer.writerow(table.names)
    count = 0
    records = packed_records(connection, root.name, parts=columns.num_parts, chosen=chosen)
    for batch in chunks(records):
        first = firsts(connection, (packed.record.document_id for packed in batch))
        places = addresses_of(connection, (packed.record.document_id for packed in batch))
        writer.writerows(
            table.row(packed, first(*_place_of(packed)), places[packed.record.document_id]) for packed in batch
        )
        count += len(batch)
    # Flushes, and leaves `out` open for its owner to close.
    text.detach()
    return count


def _place_of(packed: Packed) -> tuple[str, str, int]:
    return packed.record.document_id, packed.record.schema_name, packed.record.record_index


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula: a leading quote marks it as text. Numbers stay numbers."""
    return f"'{text}" if text[:1] in FORMULA_STARTS and not PLAIN_NUMBER.fullmatch(text) else text


class _CsvTable:
    """Makes rows. Records of one schema have their fields in one order, so where each goes is worked out once."""

    def __init__(self, connection: Connection, root: GroupNode, columns: CsvColumns) -> None:
        self._connection, self._columns = connection, columns
        self._leaves = list(leaf_columns(root))
        self._lists = list(list_columns(root))
        self._rows = {node.path: _shape(node.row) for _, node in self._lists}
        self._paths, self._pick = "", _pick([], [leaf.path for _, leaf in self._leaves], columns.num_parts)

    @property
    def names(self) -> list[str]:
        """The first line."""
        endings = (*ENDINGS[: self._columns.num_parts], *(("_crop",) if self._columns.crops_at else ()))
        return [
            *HEAD,
            *SAME_AS,
            ADDRESSES,
            *(f"{name}{end}" for name, _ in self._leaves for end in endings),
            *(n for n, _ in self._lists),
        ]

    def row(self, packed: Packed, first: Link | None, places: Sequence[str]) -> list[str]:
        """One record's line; `first` is the first that is the same, if there is another, `places` where it lies."""
        if not packed.is_whole:
            packed = self._loaded(packed)
        if packed.paths != self._paths:
            paths = packed.paths.split(RECORD) if packed.paths else []
            self._pick = _pick(paths, [leaf.path for _, leaf in self._leaves], self._columns.num_parts)
            self._paths = packed.paths
        record = packed.record
        numbers = str(record.record_index), str(record.needs_review)
        head = (record.document_id, record.uri, numbers[0], record.run_id, record.engine, numbers[1])
        leaves = self._pick((*packed.parts, ""))
        if self._columns.crops_at:
            leaves = self._with_crops(record.id, leaves)
        same_as = ("", "") if first is None else (first.document_id, first.kind.value)
        row = (*head, *same_as, to_json(places), *leaves, *self._list_cells(packed.cells))
        return [safe_cell(cell) if cell[:1] in FORMULA_STARTS else cell for cell in row]

    def _with_crops(self, record_id: int, leaves: Sequence[str]) -> list[str]:
        num, found = self._columns.num_parts, []
        for number, (_, leaf) in enumerate(self._leaves):
            parts = leaves[number * num : (number + 1) * num]
            query = urlencode({"path": leaf.path})
            link = f"{self._columns.crops_at}/records/{record_id}/crop.png?{query}"
            found += [*parts, link if parts[-1] else ""]
        return found

    def _list_cells(self, cells: list[str]) -> Iterator[str]:
        lists: dict[str, dict[int, dict[str, str | None]]] = {node.path: {} for _, node in self._lists}
        for path, value in zip(cells[::2], cells[1::2], strict=True):
            name, index, column = _place(path)
            if name in lists:
                rows = lists[name]
                if index not in rows:
                    rows[index] = {}
                rows[index][column] = None if value == NOTHING else value
        for _, node in self._lists:
            rows, shape = lists[node.path], self._rows[node.path]
            yield to_json([_filled(shape, rows.get(index, {})) for index in range(max(rows, default=-1) + 1)])

    def _loaded(self, packed: Packed) -> Packed:
        """The same record the slow way, for values that hold a separator."""
        [record] = load_records(self._connection, [packed.record.id])
        leaves = [field for field in record.fields if "[" not in field.path]
        cells = [field for field in record.fields if "[" in field.path]
        parts = [part for field in leaves for part in _parts(field)[: self._columns.num_parts]]
        listed = [text for field in cells for text in (field.path, _text(field, NOTHING))]
        return Packed(packed.record, RECORD.join(field.path for field in leaves), parts, listed, is_whole=True)


def _pick(paths: Sequence[str], wanted: Sequence[str], num_parts: int) -> Callable[[Sequence[str]], Sequence[str]]:
    """Make what puts a record's parts into the columns' order; the last part of all stands for what is not there."""
    at = {path: number * num_parts for number, path in enumerate(paths)}
    missing = len(paths) * num_parts
    places = [at[path] + part if path in at else missing for path in wanted for part in range(num_parts)]
    return itemgetter(*places) if places else lambda _: ()


@lru_cache(maxsize=10_000)
def _place(path: str) -> tuple[str, int, str]:
    """Take `lines[2].line_total` apart; what is no cell of a list belongs to none."""
    match = _CELL.fullmatch(path)
    return (match[1], int(match[2]), match[3]) if match else ("", 0, "")


def _shape(group: GroupNode, prefix: str = "") -> dict[str, Any]:
    """The form of a row: names to paths below the row, or to forms of their own."""
    return {
        child.name: f"{prefix}{child.name}" if isinstance(child, LeafNode) else _shape(child, f"{prefix}{child.name}.")
        for child in group.children
        if isinstance(child, (LeafNode, GroupNode))
    }


def _filled(shape: dict[str, Any], values: dict[str, str | None]) -> dict[str, Any]:
    return {name: values.get(to) if to.__class__ is str else _filled(to, values) for name, to in shape.items()}


def _parts(field: FieldReading) -> tuple[str, ...]:
    evidence = field.evidence
    return (
        _text(field, ""),
        field.state.value,
        str(field.confidence),
        field.text or "",
        str(evidence.page_index) if evidence else "",
        boxes_json(evidence.boxes) if evidence else "",
    )


def _text(field: FieldReading, nothing: str) -> str:
    return nothing if field.value is None else str(plain(field.value))
