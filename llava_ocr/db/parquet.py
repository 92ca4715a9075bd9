"""Parquet by polars, in batches: amounts as Decimal(38, 10), dates as dates, lists as lists of structs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from llava_ocr.db.flat import ADDRESSES, HEAD, SAME_AS, flat_row, leaf_columns, list_columns
from llava_ocr.db.saving import split_path
from llava_ocr.db.stored import StoredRecord
from llava_ocr.db.upserts import chunks
from llava_ocr.errors import DatabaseError
from llava_ocr.records import FieldValue
from llava_ocr.schema import GroupNode, Kind, LeafNode, leaves

BATCH = 5_000
PRECISION, SCALE = 38, 10
DECIMAL = pl.Decimal(PRECISION, SCALE)
TYPES: dict[Kind, pl.DataType] = {Kind.MONEY: DECIMAL, Kind.NUMBER: DECIMAL, Kind.DATE: pl.Date()}


def write_parquet(records: Iterator[StoredRecord], root: GroupNode, out: BinaryIO) -> int:
    """Write records to one Parquet file and return how many there were.

    Raises DatabaseError for a value that is not of its column's type or does not fit Decimal(38, 10) exactly.
    """
    kinds = {leaf.path: leaf.leaf.kind for leaf in leaves(root)}
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        # A Parquet file can't grow, so batches are files of their own, which polars then streams into one.
        for number, batch in enumerate(chunks(records, BATCH)):
            rows = [flat_row(_fitting(record, kinds), root) for record in batch]
            _frame(rows, root).write_parquet(Path(folder) / f"{number:06}.parquet")
            count += len(batch)
        whole = Path(folder) / "whole"
        if count:
            pl.scan_parquet(Path(folder) / "*.parquet").sink_parquet(whole)
        else:
            _frame([], root).write_parquet(whole)
        with whole.open("rb") as written:
            shutil.copyfileobj(written, out)
    return count


def _frame(rows: list[dict[str, Any]], root: GroupNode) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = dict.fromkeys([*HEAD, *SAME_AS], pl.String())
    schema |= {ADDRESSES: pl.List(pl.String()), "record_index": pl.Int64(), "needs_review": pl.Boolean()}
    for name, leaf in leaf_columns(root):
        schema |= {name: _type(leaf), f"{name}_state": pl.String(), f"{name}_confidence": pl.Float64()}
    for name, node in list_columns(root):
        schema[name] = pl.List(_struct(node.row))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _struct(group: GroupNode) -> pl.Struct:
    """Return the type of a row; the schema rules allow no list inside a list."""
    parts = [child for child in group.children if isinstance(child, (LeafNode, GroupNode))]
    return pl.Struct({part.name: _type(part) if isinstance(part, LeafNode) else _struct(part) for part in parts})


def _type(leaf: LeafNode) -> pl.DataType:
    return TYPES.get(leaf.leaf.kind, pl.String())


def _fitting(record: StoredRecord, kinds: Mapping[str, Kind]) -> StoredRecord:
    """Return the record if all its values fit their columns; polars itself would round or refuse without a place."""
    for field in record.fields:
        kind = kinds.get(split_path(field.path)[0])
        if kind is not None and field.value is not None and not _fits(field.value, kind):
            raise DatabaseError(
                f"{record.uri}: {field.path} does not fit a Parquet column of kind {kind}; export as jsonl or csv"
            )
    return record


def _fits(value: FieldValue, kind: Kind) -> bool:
    if kind not in TYPES:
        return isinstance(value, str)
    if not isinstance(value, Decimal):
        return kind is Kind.DATE and isinstance(value, date)
    # By its digits: rounding would go through the context's precision of 28.
    decimals = format(value, "f").partition(".")[2].rstrip("0")
    return kind is not Kind.DATE and value.adjusted() < PRECISION - SCALE and len(decimals) <= SCALE
