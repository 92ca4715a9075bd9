"""How a label/value sheet is laid out: sections of pairs in many shapes, checkboxes, leaders, tables, running text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.concepts import BANK
from llava_ocr.synth.look import Look, with_end
from llava_ocr.synth.phrases import Phrase, Value, join
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import Column, Row, Table, TableStyle, draw_table_style, put_table

NUMERIC = {"amount", "number"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A labelled value; `choices` are those that a form may print as checkboxes beside the `picked` one."""

    label: str
    phrase: Phrase
    choices: tuple[str, ...] = ()
    picked: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: headers, kinds of the columns, and cells row by row."""

    headers: list[str]
    kinds: list[str]
    cells: list[list[Phrase]]


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """What a sheet says, in no place yet."""

    title: str
    issuer: str
    contact: tuple[str, ...]
    loose: list[Entry]
    groups: list[tuple[str, list[Entry]]]
    grids: list[Grid]


@dataclass(frozen=True)
class _Painter:
    canvas: Canvas
    look: Look
    rng: Random
    # How this sheet prints a crossed and an empty box.
    boxes: tuple[str, str]


def put_sheet(canvas: Canvas, plan: SheetPlan, look: Look, rng: Random) -> str:
    """Lay a sheet out and return the name of its layout family."""
    boxes = rng.choice((("[x] ", "[ ] "), ("[X] ", "[ ] "), ("(x) ", "( ) "), ("X ", "_ ")))
    painter = _Painter(canvas, look, rng, boxes)
    columns = 2 if chance(rng, 0.25) else 1
    shape = weighted(rng, [(choose_shape(rng), 4), ("boxes", 1), ("leaders", 0.6), ("run_in", 0.5), ("prose", 0.4)])
    frame = _head(painter, plan, Frame(look.left, look.top, look.inner_width))
    aside = 0.35 if chance(rng, 0.25) else 0.0
    sections = [(heading, _with_asides(painter, entries, aside)) for heading, entries in plan.groups if entries]
    loose = _with_asides(painter, plan.loose, aside)
    parts = rng.randint(1, 3)
    size = -(-len(loose) // parts) or 1
    headings = rng.sample(BANK["words"]["sheet_sections"][look.language], parts)
    has_headings = chance(rng, 0.6)
    for number in range(parts):
        sections.append((headings[number] if has_headings else "", loose[number * size : (number + 1) * size]))
    rng.shuffle(sections)
    blocks: list[Grid | tuple[str, list[Entry]]] = [*sections]
    for grid in plan.grids:
        blocks.insert(rng.randint(0, len(blocks)), grid)
    frame = _put_blocks(painter, blocks, frame, columns=columns, shape=shape)
    _foot(painter, plan, frame)
    return f"sheet-{shape}-{columns}"


def _head(painter: _Painter, plan: SheetPlan, frame: Frame) -> Frame:
    look, rng = painter.look, painter.rng
    title: Line = ((plan.title,), look.heading(rng.uniform(1.2, 2.4)))
    align = rng.choice((0.0, 0.0, 0.5, 1.0))
    issuer: list[Line] = []
    if chance(rng, 0.6):
        contact = [part for part in plan.contact if chance(rng, 0.5)]
        issuer = [((plan.issuer,), look.bold)]
        issuer += (
            [((" · ".join(contact),), look.small)] if chance(rng, 0.5) else [((part,), look.body) for part in contact]
        )
    lines = [*issuer, ((), look.body), title] if chance(rng, 0.7) else [title, ((), look.body), *issuer]
    y = put_lines(painter.canvas, frame, lines, look, align=align)
    if chance(rng, 0.3):
        painter.canvas.rule(frame.x, y + 2, frame.x + frame.width, y + 2, color=look.accent)
    return frame.moved(y + rng.uniform(4, 18))


def _put_blocks(
    painter: _Painter, blocks: Sequence[Grid | tuple[str, list[Entry]]], frame: Frame, *, columns: int, shape: str
) -> Frame:
    look, rng = painter.look, painter.rng
    lows = [frame.y] * columns
    width = frame.width / columns - (10 if columns > 1 else 0)
    for number, block in enumerate(blocks):
        column = number % columns if not isinstance(block, Grid) else 0
        gap = rng.uniform(3, 16)
        if isinstance(block, Grid):
            y = max(lows)
            below = put_grid(
                painter.canvas, block, Frame(frame.x, y, frame.width), look, style=draw_table_style(painter.rng)
            )
            lows = [below.y + gap] * columns
            continue
        height = _estimate(look, block[1], shape)
        if lows[column] + height > look.height - look.bottom and lows[column] > look.top + 60:
            lows = [_next_page(painter)] * columns
        spot = Frame(frame.x + column * (frame.width / columns), lows[column], width)
        lows[column] = _section(painter, block[0], block[1], spot, shape=shape) + gap
    return frame.moved(max(lows))


def _estimate(look: Look, entries: list[Entry], shape: str) -> float:
    return look.size * look.leading * (len(entries) * (2.4 if shape in ("above", "boxes") else 1.3) + 2)


def _next_page(painter: _Painter) -> float:
    painter.canvas.add_page()
    return painter.look.top


def _section(painter: _Painter, heading: str, entries: list[Entry], frame: Frame, *, shape: str) -> float:
    look, canvas = painter.look, painter.canvas
    if heading:
        y = put_lines(canvas, frame, [((heading,), look.heading(1.15))], look)
        frame = frame.moved(y + 2)
    if shape == "boxes":
        return _boxes(painter, entries, frame)
    if shape == "leaders":
        return _leaders(painter, entries, frame)
    if shape == "prose":
        return put_lines(canvas, frame, [(_prose(painter, entries), look.body)], look)
    if shape == "run_in":
        phrase = join(
            [(f"{with_end(look, entry.label)} ", *_said(painter, entry)) for entry in entries],
            painter.rng.choice(("; ", ", ", " | ", " ")),
        )
        return put_lines(canvas, frame, [(phrase, look.body)], look)
    pairs: list[Pair] = [(entry.label, _said(painter, entry)) for entry in entries]
    return put_pairs(canvas, frame, pairs, look, shape=shape)


def _with_asides(painter: _Painter, entries: list[Entry], share: float) -> list[Entry]:
    """Lengthen some labels by what forms add to them."""
    asides = BANK["words"]["sheet_asides"][painter.look.language]
    rng = painter.rng
    return [
        replace(entry, label=f"{entry.label} {rng.choice(asides)}") if chance(rng, share) else entry
        for entry in entries
    ]


def _prose(painter: _Painter, entries: list[Entry]) -> Phrase:
    """Say labels and values as sentences of a paragraph."""
    parts: list[str | Value] = []
    for entry in entries:
        verb = painter.rng.choice(BANK["words"]["sheet_verbs"][painter.look.language])
        parts += [f"{entry.label} {verb} ", *entry.phrase, ". "]
    return tuple(parts)


def _said(painter: _Painter, entry: Entry) -> Phrase:
    """Say an entry's value; choices maybe as a row of checkboxes of which one is crossed."""
    if not entry.choices or len(entry.choices) > 5 or painter.rng.random() < 0.7:
        return entry.phrase
    parts: list[str | Value] = []
    for choice in entry.choices:
        is_picked = choice == entry.picked
        parts.append(painter.boxes[0] if is_picked else painter.boxes[1])
        parts.extend(entry.phrase if is_picked else (choice,))
        parts.append("  ")
    return tuple(parts)


def _boxes(painter: _Painter, entries: list[Entry], frame: Frame) -> float:
    """Numbered boxes with a small label above the value, several in a row."""
    canvas, look, rng = painter.canvas, painter.look, painter.rng
    numbered, y, index = chance(rng, 0.4), frame.y, 0
    height = look.size * 2.7
    while index < len(entries):
        in_row = entries[index : index + rng.randint(1, 3)]
        width = frame.width / len(in_row)
        low = y + height
        for column, entry in enumerate(in_row):
            x = frame.x + column * width
            label = f"{index + column + 1} {entry.label}" if numbered else entry.label
            end = canvas.paragraph(x + 3, y + look.small.size + 1, (label,), look.small, width=width - 6)
            end = canvas.paragraph(x + 5, end + 2, _said(painter, entry), look.value_ink, width=width - 8)
            low = max(low, end - look.size * 0.6)
        for column in range(len(in_row)):
            canvas.frame(frame.x + column * width, y, frame.x + (column + 1) * width, low, width=0.5)
        y, index = low, index + len(in_row)
    return y


def _leaders(painter: _Painter, entries: list[Entry], frame: Frame) -> float:
    """Label, dots, value at the right edge."""
    canvas, look = painter.canvas, painter.look
    y, leading = frame.y, look.size * look.leading
    dot = look.body.width(".")
    for entry in entries:
        label, phrase = entry.label, _said(painter, entry)
        wide = canvas.text(frame.x + frame.width, y + look.size, phrase, look.value_ink, align=1.0)
        gap = frame.width - wide - look.body.width(label + "   ")
        dots = "." * max(3, int(gap / dot)) if gap > 0 else "..."
        canvas.text(frame.x, y + look.size, (f"{label} {dots}",), look.body)
        y += leading
    return y


def put_grid(canvas: Canvas, grid: Grid, frame: Frame, look: Look, *, style: TableStyle) -> Frame:
    """Put a table over as many pages as it needs; returns what is left below it."""
    wide = next((i for i, kind in enumerate(grid.kinds) if kind == "text"), 0)
    columns = tuple(
        Column(str(i), header, 1.0 if grid.kinds[i] in NUMERIC else 0.0, is_wide=i == wide)
        for i, header in enumerate(grid.headers)
    )
    rows = tuple(Row({str(i): cell for i, cell in enumerate(line)}) for line in grid.cells)
    table = Table(columns, rows, style, look)

    def next_page(_: int) -> Frame:
        canvas.add_page()
        return frame.moved(look.top)

    return put_table(canvas, frame, table, bottom=look.height - look.bottom, next_page=next_page)


def _foot(painter: _Painter, plan: SheetPlan, frame: Frame) -> None:
    look, rng, canvas = painter.look, painter.rng, painter.canvas
    if chance(rng, 0.5):
        notes = rng.sample(BANK["words"]["sheet_notes"][look.language], rng.randint(1, 3))
        put_lines(canvas, frame.moved(frame.y + 6), [((note,), look.small) for note in notes], look)
    if chance(rng, 0.35):
        text = " · ".join((plan.issuer, *plan.contact))
        canvas.paragraph(look.left, look.height - 18, (text,), look.small, width=look.inner_width, align=0.5)
