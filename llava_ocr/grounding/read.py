"""A document's answered pages to one record's values, fields and findings. Pure; the pipeline's only way in here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llava_ocr.engines.base import Completion, StopReason
from llava_ocr.grounding.answer import parse_answer
from llava_ocr.grounding.ground import GroundedPage, ground, layouts_of
from llava_ocr.grounding.match import PageIndex
from llava_ocr.grounding.typed import Conventions
from llava_ocr.merge.pages import merge_pages
from llava_ocr.records import FieldReading, FieldState, Finding, WordReader
from llava_ocr.schema import DocumentSchema, GroupNode, LeafNode, Node, RowsNode, tree
from llava_ocr.words.layout import Layout

# A value below this confidence is shown to a person.
REVIEW_BELOW = 0.5
_DOUBTFUL = (FieldState.CONFLICT, FieldState.AMBIGUOUS, FieldState.UNGROUNDED, FieldState.ILLEGIBLE)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class AnsweredPage:
    """One page and the engine's answer about it; `layout` is None where the page has no words."""

    page_index: int
    layout: Layout | None
    reader: WordReader
    completion: Completion


@dataclass(frozen=True)
class ReadRecord:
    """A record's contents: `values` nested as in the schema with typed leaves, and the same by field."""

    values: dict[str, Any]
    fields: tuple[FieldReading, ...]
    findings: tuple[Finding, ...]
    needs_review: bool


def read_record(schema: type[DocumentSchema], pages: Sequence[AnsweredPage]) -> ReadRecord:
    """Ground each page, merge them, check across fields. Raises OutputError where an answer has not the shape."""
    root = tree(schema)
    conventions = Conventions(list(layouts_of([page.layout for page in pages])))
    read = []
    for page in pages:
        is_cut = page.completion.stop_reason is not StopReason.END
        said = parse_answer(page.completion.text, root, is_cut=is_cut)
        index = PageIndex(page.layout) if page.layout is not None and page.layout.words else None
        read.append(ground(said, GroundedPage(page.page_index, index, page.reader, page.completion.trace, conventions)))
    fields = merge_pages(read)
    values = nested(root, fields)
    findings = tuple(finding for check in schema.checks for finding in check(schema.model_validate(values)))
    return ReadRecord(values, fields, findings, _needs_review(fields, findings))


def nested(root: GroupNode, fields: Sequence[FieldReading]) -> dict[str, Any]:
    """Put fields' values into the schema's shape; absent ones are None, lists hold their rows in order."""
    values = {child.name: _empty(child) for child in root.children}
    rows = {child.path: child.row for child in root.children if isinstance(child, RowsNode)}
    for reading in fields:
        _put(values, reading, rows)
    return values


def _empty(node: Node) -> Any:
    if isinstance(node, LeafNode):
        return None
    return [] if isinstance(node, RowsNode) else {child.name: _empty(child) for child in node.children}


def _put(values: dict[str, Any], reading: FieldReading, rows: dict[str, GroupNode]) -> None:
    place: Any = values
    steps = [int(index) if index else name for name, index in _STEP.findall(reading.path)]
    for depth, step in enumerate(steps[:-1]):
        if isinstance(step, int) and step == len(place):
            place.append(_empty(rows[str(steps[depth - 1])]))
        place = place[step]
    place[steps[-1]] = reading.value


def _needs_review(fields: Sequence[FieldReading], findings: Sequence[Finding]) -> bool:
    return bool(findings) or any(
        reading.state in _DOUBTFUL or (reading.state is FieldState.VALUE and reading.confidence < REVIEW_BELOW)
        for reading in fields
    )
