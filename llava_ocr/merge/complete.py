"""Whether a record's list is complete: the rows that each page's words show against those that were read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llava_ocr.geometry import Box
from llava_ocr.merge.rowcount import count_rows, missed_rows
from llava_ocr.records import FieldReading, Finding
from llava_ocr.schema import GroupNode, RowsNode
from llava_ocr.words.layout import Layout

LIST_INCOMPLETE = "list_incomplete"


def lists_lack(root: GroupNode, fields: Sequence[FieldReading], layouts: Mapping[int, Layout]) -> Iterator[Finding]:
    """Remark on every page that shows more rows than were read of it.

    Pages whose words show no table say nothing, nor do schemas without a list.
    """
    lists = tuple(child.path for child in root.children if isinstance(child, RowsNode))
    if not lists:
        return
    boxes: dict[int, list[Box]] = {}
    rows: dict[int, set[str]] = {}
    for reading in fields:
        if "[" in reading.path and reading.evidence is not None:
            boxes.setdefault(reading.evidence.page_index, []).extend(reading.evidence.boxes)
            rows.setdefault(reading.evidence.page_index, set()).add(reading.path.partition("]")[0])
    for index, layout in layouts.items():
        counted = count_rows(layout)
        num_missed = len(missed_rows(counted, boxes.get(index, [])))
        num_lacking = min(num_missed, len(counted) - len(rows.get(index, ())))
        if num_lacking > 0:
            message = f"page {index + 1}: {num_lacking} of {len(counted)} rows that its words show were not read"
            yield Finding(LIST_INCOMPLETE, message, lists)
