"""Descriptions of a page: captions, alternative texts, details; charts and tables as data; diagrams as text.

An engine that speaks describes in its own words. Data is held to the page's words whatever the engine: a figure that
is not printed is not given. For an engine that only fills fields, captions are made of what rules find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import create_model

from llava_ocr.asking.answering import CantSpeak, can_speak
from llava_ocr.asking.facts import alt_text, caption, facts_of, read_lists
from llava_ocr.asking.papers import likeliest_type
from llava_ocr.asking.putting import put_task
from llava_ocr.asking.tables import find_tables
from llava_ocr.catalog import Catalog
from llava_ocr.constrain.lark import build_grammar, shape_only
from llava_ocr.engines.base import Completion, Engine, Request, StopReason
from llava_ocr.errors import ExtractionError
from llava_ocr.grounding.read import AnsweredPage, ByRules, read_record
from llava_ocr.raster.base import PageRead
from llava_ocr.records import FieldReading
from llava_ocr.schema import DocumentPart, DocumentSchema, Number, Text, read, rows, tree
from llava_ocr.windows import fault_of
from llava_ocr.words.layout import Layout

MAX_COLUMNS, MAX_ROWS = 20, 80
DATA_TOKENS, COLUMN_TOKENS = 2048, 200


class DescribeKind(StrEnum):
    """What is wanted of a page."""

    CAPTION = "caption"
    ALT = "alt"
    DETAILED = "detailed"
    CHART = "chart"
    TABLE = "table"
    DIAGRAM = "diagram"


class MadeBy(StrEnum):
    """Who made a description: a MODEL in its own words, a model HELD to the page's words, or RULES."""

    MODEL = "model"
    HELD = "held"
    RULES = "rules"


@dataclass(frozen=True)
class DataTable:
    """Rows read off a page, as printed. `is_cut` where the answer ended before the table did."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    is_cut: bool = False


@dataclass(frozen=True)
class Description:
    """What came of a page: a text, or tables; `reason` and `message` say what failed."""

    kind: DescribeKind
    page_index: int | None = None
    made_by: MadeBy | None = None
    text: str = ""
    tables: tuple[DataTable, ...] = ()
    reason: str = ""
    message: str = ""


# What the engine is told, and how much it may say.
TASKS: dict[DescribeKind, tuple[str, int]] = {
    DescribeKind.CAPTION: ("Write a caption of this page: one sentence, what it is and what it is about.", 80),
    DescribeKind.ALT: (
        "Write the alternative text of this page for somebody who can't see it: at most 125 characters, no opening "
        "such as 'image of'.",
        60,
    ),
    DescribeKind.DETAILED: (
        "Describe this page in detail: what kind of document it is, how it is laid out, what it says, what is drawn on "
        "it. Say nothing that is not there.",
        600,
    ),
    DescribeKind.DIAGRAM: (
        "Write this diagram as text: first a line for each box, 'box: its text'; then a line for each arrow, "
        "'from -> to: its label'. Say nothing that is not there.",
        800,
    ),
}
_COLUMNS = "Which columns has the largest table on this page? Give the heading of each, as printed, from the left."
_ROWS = "Read the rows of the largest table on this page, from the top, as printed; null for an empty cell. Columns: "
_CHART = (
    "Read the data of the chart on this page: for each printed value its label on the axis, the series it belongs to "
    "(null where there is one), and the value as printed. Leave out what is not printed as a figure."
)


class _Column(DocumentPart):
    """A column of a table."""

    name: Text | None = read("The column's heading")


class _Columns(DocumentSchema):
    """The columns of a table."""

    columns: list[_Column] = rows("The columns, from the left", max_rows=MAX_COLUMNS)


class _Point(DocumentPart):
    """A printed value of a chart."""

    label: Text | None = read("Its label on the axis")
    series: Text | None = read("The series it belongs to")
    value: Number | None = read("The value")


class ChartData(DocumentSchema):
    """The printed values of a chart."""

    points: list[_Point] = rows("The values", max_rows=MAX_ROWS)


def check_kind(kind: DescribeKind, engine: Engine) -> None:
    """Raise CantSpeak where only an engine that speaks can give this kind."""
    if not can_speak(engine) and kind not in (DescribeKind.CAPTION, DescribeKind.ALT, DescribeKind.TABLE):
        raise CantSpeak(
            f"{engine.profile.name} fills fields; {kind.value} needs an engine that speaks. "
            "It gives caption, alt and table, by rules"
        )


def describe_pages(
    pages: Sequence[PageRead], kind: DescribeKind, engine: Engine, *, num_pages: int, catalog: Catalog
) -> list[Description]:
    """Describe each of these pages; rules describe them as one document. Raises CantSpeak, EngineError."""
    check_kind(kind, engine)
    seen = [page for page in pages if page.raster is not None]
    if not can_speak(engine):
        return _by_rules(seen, kind, num_pages=num_pages, catalog=catalog)
    if kind is DescribeKind.TABLE:
        return [_table(page, engine) for page in seen]
    if kind is DescribeKind.CHART:
        return [_data(page, engine, _CHART, ChartData, names=("label", "series", "value"), kind=kind) for page in seen]
    task, max_new_tokens = TASKS[kind]
    requests = [_request(page, task, engine, max_new_tokens=max_new_tokens) for page in seen]
    return [_told(page, kind, said) for page, said in zip(seen, engine.complete(requests), strict=True)]


def _by_rules(pages: Sequence[PageRead], kind: DescribeKind, *, num_pages: int, catalog: Catalog) -> list[Description]:
    layouts = {page.outcome.page_index: page.layout for page in pages if page.layout is not None}
    types = [catalog.get(name) for name in catalog.names()]
    if kind is DescribeKind.TABLE:
        paper = likeliest_type(layouts.values(), types)
        return [
            Description(kind, index, MadeBy.RULES, tables=_tables(layout, paper)) for index, layout in layouts.items()
        ]
    facts = facts_of(layouts, types, num_pages=num_pages)
    index = min(layouts, default=None)
    text = caption(facts) if kind is DescribeKind.CAPTION else alt_text(facts)
    return [Description(kind, index, MadeBy.RULES, text, message="composed of facts that rules found")]


def _tables(layout: Layout, paper: type[DocumentSchema] | None) -> tuple[DataTable, ...]:
    """The lists of a known document type, which the rulebook reads; else whatever stands in columns."""
    listed = read_lists(tree(paper), layout) if paper is not None else []
    if listed:
        return tuple(DataTable(columns, rows) for columns, rows in listed)
    return tuple(DataTable(table.columns, table.rows) for table in find_tables(layout))


def _request(
    page: PageRead, task: str, engine: Engine, *, max_new_tokens: int, schema: type[DocumentSchema] | None = None
) -> Request:
    assert page.raster is not None, page.outcome
    profile, grammar = engine.profile, None
    if schema is not None:
        root = tree(schema)
        grammar = build_grammar(root, page.layout) if profile.takes_grammar else shape_only(root)
    prompt = put_task(task, page.layout if profile.takes_words else None)
    return Request(f"page {page.outcome.page_index}", prompt, (page.raster,), grammar, max_new_tokens)


def _told(page: PageRead, kind: DescribeKind, completion: Completion) -> Description:
    index = page.outcome.page_index
    if completion.error is not None:
        return _failed(kind, index, completion.error)
    is_cut = completion.stop_reason is not StopReason.END
    message = "the model's own words, not evidenced" + ("; cut at the limit of tokens" if is_cut else "")
    return Description(kind, index, MadeBy.MODEL, completion.text.strip(), message=message)


def _table(page: PageRead, engine: Engine) -> Description:
    """Ask for the columns, then for the rows of a type that has just these."""
    kind = DescribeKind.TABLE
    found = _data(page, engine, _COLUMNS, _Columns, names=("name",), kind=kind, max_new_tokens=COLUMN_TOKENS)
    if found.reason or not found.tables:
        return found
    headings = [name for (name,) in found.tables[0].rows if name]
    if not headings:
        return found
    names = tuple(f"column_{number}" for number in range(1, len(headings) + 1))
    cells: dict[str, Any] = {
        name: (Text | None, read(f"Cell under {heading}", labels=[heading]))
        for name, heading in zip(names, headings, strict=True)
    }
    row = create_model("Row", __base__=DocumentPart, **cells)
    listed: Any = (list[row], rows("The rows", max_rows=MAX_ROWS))
    table = create_model("Table", __base__=DocumentSchema, __doc__="A table.", rows=listed)
    told = _data(page, engine, _ROWS + " | ".join(headings), table, names=names, kind=kind)
    data = tuple(DataTable(tuple(headings), one.rows, one.is_cut) for one in told.tables)
    return Description(kind, told.page_index, told.made_by, tables=data, reason=told.reason, message=told.message)


def _data(
    page: PageRead,
    engine: Engine,
    task: str,
    schema: type[DocumentSchema],
    *,
    names: tuple[str, ...],
    kind: DescribeKind,
    max_new_tokens: int = DATA_TOKENS,
) -> Description:
    """Read rows of these names that stand on the page; a cell that does not is left empty, and that is told."""
    index = page.outcome.page_index
    request = _request(page, task, engine, max_new_tokens=max_new_tokens, schema=schema)
    [completion] = engine.complete([request])
    error = fault_of(completion, tree(schema), ByRules())
    if error is not None:
        return _failed(kind, index, error)
    read_ = read_record(schema, [AnsweredPage(index, page.layout, page.reader, completion)])
    cells = _rows(read_.fields, names)
    num_unproved = sum(reading.text is not None and reading.evidence is None for reading in read_.fields)
    message = f"{num_unproved} cells that do not stand on the page were left out" if num_unproved else ""
    is_cut = completion.stop_reason is not StopReason.END
    tables = (DataTable(names, cells, is_cut),) if cells else ()
    return Description(kind, index, MadeBy.HELD, tables=tables, message=message)


def _rows(fields: Sequence[FieldReading], names: tuple[str, ...]) -> tuple[tuple[str | None, ...], ...]:
    found: dict[str, dict[str, str | None]] = {}
    for reading in fields:
        row, _, name = reading.path.rpartition(".")
        found.setdefault(row, {})[name] = reading.text if reading.evidence is not None else None
    listed = (tuple(cells.get(name) for name in names) for cells in found.values())
    return tuple(cells for cells in listed if any(cells))


def _failed(kind: DescribeKind, index: int, error: ExtractionError) -> Description:
    return Description(kind, index, reason=error.reason, message=str(error))
