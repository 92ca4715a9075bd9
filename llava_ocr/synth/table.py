"""Tables of many shapes, over as many pages as they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.blocks import Frame
from llava_ocr.synth.canvas import Canvas, Ink, phrase_width, wrap
from llava_ocr.synth.look import WHITE, Look
from llava_ocr.synth.phrases import Phrase, tokens
from llava_ocr.synth.streams import chance, weighted

# Lines under a cell are this much smaller than the cell.
SMALLER = 0.88


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, `align` 0 left, 1 right, and whether it takes the room that others leave."""

    name: str
    header: str
    align: float
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column name; `below` are lines under the wide column's cell, `stacks` those under other cells.

    A `heading` row spans all columns; a `lead` stands at the right of all columns before the last filled one.
    """

    cells: dict[str, Phrase]
    below: tuple[Phrase, ...] = ()
    stacks: tuple[tuple[str, tuple[Phrase, ...]], ...] = ()
    lead: Phrase = ()
    heading: Phrase = ()
    is_bold: bool = False


@dataclass(frozen=True, slots=True)
class TableStyle:
    """How a table looks: `header` and `body` name the shapes that `draw_table_style` draws from."""

    header: str
    body: str
    padding: float
    gap: float
    is_header_bold: bool
    repeats_header: bool


def draw_table_style(rng: Random) -> TableStyle:
    """Draw a table's look."""
    return TableStyle(
        header=weighted(
            rng, [("rules", 3), ("shade", 3), ("inverse", 1.5), ("plain", 1.5), ("box", 1), ("none", 0.15)]
        ),
        body=weighted(rng, [("plain", 4), ("rules", 3), ("zebra", 1.5), ("grid", 1.5), ("columns", 0.8)]),
        padding=rng.uniform(2, 6),
        gap=rng.choice((0, 1, 2, 3, 4, 6, 10)),
        is_header_bold=chance(rng, 0.7),
        repeats_header=chance(rng, 0.8),
    )


@dataclass(frozen=True)
class Table:
    """A table ready to be put: columns, rows, style, and the look it stands in."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    style: TableStyle
    look: Look


@dataclass(frozen=True, slots=True)
class _Plan:
    edges: tuple[tuple[float, float], ...]
    ink: Ink
    bold: Ink
    small: Ink


# Asked before a row that has no room left, with the row's index: ends the page and gives where to go on.
NextPage = Callable[[int], Frame]
# Asked at the same place: the rows that end this page and begin the next, such as carried balances.
Carry = Callable[[int], tuple[Row, Row]]


def put_table(
    canvas: Canvas,
    frame: Frame,
    table: Table,
    *,
    bottom: float,
    next_page: NextPage,
    carry: Carry | None = None,
    breaks_rows: bool = False,
    max_rows: int | None = None,
) -> Frame:
    """Put a table; ask `next_page` where a row does not fit above `bottom`. Returns what is left below it.

    `carry` gives the rows around a page's end, `breaks_rows` lets a row's text go on there; no page has more than
    `max_rows`.
    """
    plan = _plan(frame, table)
    y = _header(canvas, frame, table, plan)
    top, style = y, table.style
    # Room for the row that ends the page.
    end = bottom - (_height(table, carry(0)[0], plan) if carry else 0.0)
    num_rows = 0
    for number, whole in enumerate(table.rows):
        row = whole
        height = _height(table, row, plan)
        num_rows += 1
        if (y + height > end and y > top) or (max_rows and num_rows > max_rows):
            num_rows = 1
            head, row = _broken(table, row, plan, room=end - y) if breaks_rows else (None, row)
            if head is not None:
                _row(canvas, frame, table, head, plan=plan, y=y)
                y += _height(table, head, plan)
            before, after = carry(number) if carry else (None, None)
            y = _put_carried(canvas, frame, table, before, plan=plan, y=y)
            _close(canvas, frame, table, plan, y=y, top=top)
            frame = next_page(number)
            y = top = _header(canvas, frame, table, plan) if style.repeats_header else frame.y + plan.ink.size
            if head is None:
                y = _put_carried(canvas, frame, table, after, plan=plan, y=y)
            height = _height(table, row, plan)
        if style.body == "zebra" and number % 2:
            canvas.shade(frame.x, y, frame.x + frame.width, y + height, color=table.look.tint)
        _row(canvas, frame, table, row, plan=plan, y=y)
        y += height
        if style.body in ("rules", "grid"):
            canvas.rule(frame.x, y, frame.x + frame.width, y, width=0.4, color=(0.6, 0.6, 0.6))
    _close(canvas, frame, table, plan, y=y, top=top)
    return frame.moved(y)


def _put_carried(canvas: Canvas, frame: Frame, table: Table, row: Row | None, *, plan: _Plan, y: float) -> float:
    if row is None:
        return y
    _row(canvas, frame, table, row, plan=plan, y=y)
    return y + _height(table, row, plan)


def _broken(table: Table, row: Row, plan: _Plan, *, room: float) -> tuple[Row | None, Row]:
    """Part a row whose text wraps: what has room on this page, the row's other cells with it, and the rest."""
    wide = _wide_index(table)
    name = table.columns[wide].name
    [part] = row.cells.get(name, ()) or ("",)
    lines = wrap(tokens(row.cells.get(name, ())), plan.ink, width=_room(plan, wide, table.style))
    num_fitting = int((room - plan.ink.size * 1.25 - table.style.gap) / plan.ink.leading) + 1
    if isinstance(part, str) or not 0 < num_fitting < len(lines):
        return None, row
    texts = [" ".join(token.text for token in line) for line in lines]
    head, rest = " ".join(texts[:num_fitting]), " ".join(texts[num_fitting:])
    first = replace(row, cells=row.cells | {name: (replace(part, text=head),)})
    return first, Row({name: (replace(part, text=rest),)})


def _plan(frame: Frame, table: Table) -> _Plan:
    look = table.look
    size = look.size * 0.95
    for _ in range(8):
        plan = _plan_at(frame, table, size)
        wide = next(i for i, column in enumerate(table.columns) if column.is_wide)
        if plan.edges[wide][1] - plan.edges[wide][0] > min(90, frame.width * 0.3) or size < 5.5:
            break
        size *= 0.93
    return plan


def _plan_at(frame: Frame, table: Table, size: float) -> _Plan:
    look = table.look
    ink, bold = replace(look.body, size=size), replace(look.bold, size=size)
    head = bold if table.style.is_header_bold else ink
    widths = []
    for column in table.columns:
        longest_word = max((head.width(word) for word in column.header.split()), default=0.0)
        cells = [
            phrase_width(row.cells[column.name], bold if row.is_bold else ink)
            for row in table.rows
            if row.cells.get(column.name)
        ]
        stacked = [
            phrase_width(line, ink) * SMALLER
            for row in table.rows
            for name, lines in row.stacks
            if name == column.name
            for line in lines
        ]
        widths.append(max([longest_word, *cells, *stacked]) + 2 * table.style.padding)
    spare = frame.width - sum(w for w, c in zip(widths, table.columns, strict=True) if not c.is_wide)
    widths = [spare if column.is_wide else width for width, column in zip(widths, table.columns, strict=True)]
    edges, x = [], frame.x
    for width in widths:
        edges.append((x, x + width))
        x += width
    small = replace(look.small, size=size * SMALLER)
    return _Plan(tuple(edges), ink, bold, small)


def _header(canvas: Canvas, frame: Frame, table: Table, plan: _Plan) -> float:
    style, look = table.style, table.look
    if style.header == "none":
        return frame.y
    ink = plan.bold if style.is_header_bold else plan.ink
    lines = max(len(wrap(tokens((c.header,)), ink, width=_room(plan, i, style))) for i, c in enumerate(table.columns))
    y0, y1 = frame.y, frame.y + (lines - 1) * ink.leading + ink.size * 1.3 + style.padding
    x0, x1 = frame.x, frame.x + frame.width
    if style.header in ("shade", "inverse"):
        canvas.shade(x0, y0, x1, y1, color=look.tint if style.header == "shade" else look.accent)
    if style.header == "inverse":
        ink = replace(ink, color=WHITE)
    if style.header in ("rules", "box"):
        canvas.rule(x0, y1, x1, y1, width=0.8, color=look.accent)
        canvas.rule(x0, y0, x1, y0, width=0.8, color=look.accent)
    for index, column in enumerate(table.columns):
        left, right = plan.edges[index]
        room = right - left - 2 * style.padding
        canvas.paragraph(
            left + style.padding,
            y0 + ink.size + style.padding / 2,
            (column.header,),
            ink,
            width=room,
            align=column.align,
        )
    return y1 + style.gap / 2


def _room(plan: _Plan, index: int, style: TableStyle) -> float:
    left, right = plan.edges[index]
    return right - left - 2 * style.padding


def _wide_index(table: Table) -> int:
    return next(i for i, column in enumerate(table.columns) if column.is_wide)


def _height(table: Table, row: Row, plan: _Plan) -> float:
    style = table.style
    base = plan.ink.size * 1.25 + style.gap
    if row.heading:
        return base + plan.ink.size * 0.3
    wide = _wide_index(table)
    cell = row.cells.get(table.columns[wide].name, ())
    room = _room(plan, wide, style)
    height = base + (len(wrap(tokens(cell), plan.ink, width=room)) - 1) * plan.ink.leading if cell else base
    height += sum(len(wrap(tokens(line), plan.small, width=room)) * plan.small.leading for line in row.below)
    tallest = max((len(lines) for _, lines in row.stacks), default=0)
    return max(height, base + tallest * plan.small.leading)


def _row(canvas: Canvas, frame: Frame, table: Table, row: Row, *, plan: _Plan, y: float) -> None:
    style = table.style
    ink = plan.bold if row.is_bold else plan.ink
    line = y + ink.size + style.gap / 2
    if row.heading:
        canvas.text(frame.x + style.padding, line, row.heading, plan.bold)
        return
    for index, column in enumerate(table.columns):
        phrase = row.cells.get(column.name, ())
        left, right = plan.edges[index]
        if column.is_wide:
            room = _room(plan, index, style)
            low = canvas.paragraph(left + style.padding, line, phrase, ink, width=room) if phrase else line
            low += plan.small.leading - ink.leading if phrase else 0
            for extra in row.below:
                low = canvas.paragraph(left + style.padding, low, extra, plan.small, width=room)
        elif phrase:
            x = (
                left + style.padding
                if column.align == 0
                else right - style.padding
                if column.align == 1
                else (left + right) / 2
            )
            canvas.text(x, line, phrase, ink, align=column.align)
    _stacks(canvas, table, row, plan=plan, y=line)
    if row.lead:
        filled = max(i for i, column in enumerate(table.columns) if row.cells.get(column.name))
        canvas.text(plan.edges[filled][0] - style.padding, line, row.lead, ink, align=1.0)


def _stacks(canvas: Canvas, table: Table, row: Row, *, plan: _Plan, y: float) -> None:
    stacks = dict(row.stacks)
    for index, column in enumerate(table.columns):
        for number, phrase in enumerate(stacks.get(column.name, ())):
            left, right = plan.edges[index]
            x = left + (right - left) * column.align + table.style.padding * (1 - 2 * column.align)
            canvas.text(x, y + (number + 1) * plan.small.leading, phrase, plan.small, align=column.align)


def _close(canvas: Canvas, frame: Frame, table: Table, plan: _Plan, *, y: float, top: float) -> None:
    style, look = table.style, table.look
    if style.body in ("grid", "columns"):
        for left, _ in plan.edges[1:]:
            canvas.rule(left, frame.y, left, y, width=0.4, color=(0.5, 0.5, 0.5))
        canvas.frame(frame.x, frame.y, frame.x + frame.width, y, width=0.6, color=look.accent)
    elif style.header in ("rules", "box") and y > top:
        canvas.rule(frame.x, y, frame.x + frame.width, y, width=0.6, color=look.accent)
