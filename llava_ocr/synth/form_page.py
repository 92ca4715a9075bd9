"""How a form is laid out: head, sections of blanks in rows, a table, the line to sign on, instructions, feet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.blocks import Frame
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.flow import Block, Columns, flow, num_lines
from llava_ocr.synth.form_cells import CellPainter, draw_cell_style
from llava_ocr.synth.form_head import put_head
from llava_ocr.synth.form_plan import Blank, FormPlan, Guidance, Section
from llava_ocr.synth.hand import draw_hand
from llava_ocr.synth.look import WHITE, Look
from llava_ocr.synth.sheet_page import put_grid
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import draw_table_style

HEADINGS = (("inverse", 2.0), ("shade", 2.0), ("rule", 1.5), ("plain", 1.5))


@dataclass(frozen=True)
class _Painter:
    canvas: Canvas
    look: Look
    rng: Random
    cells: CellPainter
    heading: str

    def flow(self, frame: Frame, blocks: Sequence[Block], num_columns: int) -> Frame:
        look = self.look
        columns = Columns(num_columns, 14.0, look.top, look.height - look.bottom)
        return flow(self.canvas, frame, blocks, columns)


def put_form(canvas: Canvas, plan: FormPlan, look: Look, rng: Random, fonts: Random) -> str:
    """Lay a form out and return the name of its layout family."""
    look = replace(look, size=min(look.size, 9.5))
    style = draw_cell_style(rng)
    cells = CellPainter(canvas, look, style, draw_hand(rng, fonts, look))
    painter = _Painter(canvas, look, rng, cells, weighted(rng, HEADINGS))
    num_columns = 2 if chance(rng, 0.22) else 1
    frame = Frame(look.left, look.top, look.inner_width)
    is_guided_first = bool(plan.guidance) and chance(rng, 0.08)
    if is_guided_first:
        frame = _guidance(painter, plan, frame)
        canvas.add_page()
        frame = frame.moved(look.top)
    head, frame = put_head(canvas, plan, look, rng, frame)
    blocks = list(_body(painter, plan.sections, frame.width, num_columns))
    frame = painter.flow(frame, blocks, num_columns)
    if plan.grid:
        frame = _grid(painter, plan, frame.moved(frame.y + 8))
    frame = painter.flow(frame.moved(frame.y + rng.uniform(3, 12)), [_sign(painter, plan, frame.width)], 1)
    if plan.guidance and not is_guided_first:
        _guidance(painter, plan, frame.moved(frame.y + rng.uniform(8, 20)))
    _feet(painter, plan)
    return f"form-{head}-{style.place}-{style.border}-{num_columns}"


def _body(painter: _Painter, sections: Sequence[Section], width: float, num_columns: int) -> Iterator[Block]:
    column = (width - 14.0 * (num_columns - 1)) / num_columns
    for section in sections:
        if section.heading:
            yield _heading(painter, section.heading)
        for row in _rows(section.blanks, num_columns):
            yield _row(painter, row, column)
        yield Block(painter.look.size * 0.8, lambda _: None)


def _heading(painter: _Painter, text: str) -> Block:
    look, canvas, how = painter.look, painter.canvas, painter.heading
    height = look.size * 1.75

    def put(frame: Frame) -> None:
        x0, x1, low = frame.x, frame.x + frame.width, frame.y + height - 2
        ink = look.bold
        if how in ("inverse", "shade"):
            canvas.shade(x0, frame.y, x1, low, color=look.accent if how == "inverse" else look.tint)
            ink = replace(ink, color=WHITE) if how == "inverse" else ink
        elif how == "rule":
            canvas.rule(x0, low, x1, low, width=1.0, color=look.accent)
        canvas.text(x0 + (4 if how in ("inverse", "shade") else 0), low - look.size * 0.4, (text,), ink)

    return Block(height, put, leads=True)


def _rows(blanks: Sequence[Blank], num_columns: int) -> Iterator[list[Blank]]:
    """Part blanks into rows by the widths that they would like."""
    row: list[Blank] = []
    for blank in blanks:
        if row and sum(other.width for other in row) + blank.width > 1.08 / num_columns**0.7:
            yield row
            row = []
        row.append(blank)
    if row:
        yield row


def _row(painter: _Painter, blanks: Sequence[Blank], width: float) -> Block:
    """Blanks side by side, together as wide as the column."""
    gap = 0.0 if painter.cells.style.border in ("box", "rules") else 8.0
    whole = sum(blank.width for blank in blanks)
    room = width - gap * (len(blanks) - 1)
    widths = [blank.width / whole * room for blank in blanks]
    height = max(painter.cells.height(blank, wide) for blank, wide in zip(blanks, widths, strict=True))

    def put(frame: Frame) -> None:
        x = frame.x
        for blank, wide in zip(blanks, widths, strict=True):
            painter.cells.put(blank, Frame(x, frame.y, wide), height=height)
            x += wide + gap
        if painter.cells.style.border == "rules":
            edge = frame.x + frame.width
            painter.canvas.rule(edge, frame.y, edge, frame.y + height - painter.cells.style.air, width=0.5)

    return Block(height, put)


def _grid(painter: _Painter, plan: FormPlan, frame: Frame) -> Frame:
    look, canvas = painter.look, painter.canvas
    assert plan.grid is not None
    style = replace(draw_table_style(painter.rng), body=painter.rng.choice(("grid", "grid", "rules", "columns")))
    if frame.y + look.size * 6 > look.height - look.bottom:
        canvas.add_page()
        frame = frame.moved(look.top)
    return put_grid(canvas, plan.grid, frame, look, style=style)


def _sign(painter: _Painter, plan: FormPlan, width: float) -> Block:
    look, canvas = painter.look, painter.canvas
    side = look.bold.width(plan.signature.heading) + 12
    says = _paragraph(painter, Guidance("", plan.declaration), width, look.small)
    row = _row(painter, plan.signature.blanks, width - side)
    height = says.height + row.height + 6

    def put(frame: Frame) -> None:
        says.put(frame)
        y = frame.y + says.height + 3
        canvas.text(frame.x, y + row.height * 0.5 + look.size * 0.4, (plan.signature.heading,), look.bold)
        row.put(Frame(frame.x + side, y, frame.width - side))
        canvas.rule(frame.x, y, frame.x + frame.width, y, width=0.8)

    return Block(height, put)


def _guidance(painter: _Painter, plan: FormPlan, frame: Frame) -> Frame:
    look, rng = painter.look, painter.rng
    ink = replace(look.small, size=max(6.0, look.size * rng.uniform(0.75, 0.95)))
    num_columns = weighted(rng, [(1, 0.2), (2, 0.55), (3, 0.25)])
    title = Guidance(f"{plan.guidance_title}", "")
    width = (frame.width - 14.0 * (num_columns - 1)) / num_columns
    blocks = [_paragraph(painter, title, width, replace(ink, size=ink.size * 1.3))]
    blocks += [_paragraph(painter, each, width, ink) for each in plan.guidance]
    return painter.flow(frame, blocks, num_columns)


def _paragraph(painter: _Painter, said: Guidance, width: float, ink: Ink) -> Block:
    """A paragraph with its heading in bold on a line of its own."""
    bold = replace(ink, face=painter.look.bold.face)
    head, text = (said.heading,), (said.text,)
    lines_above = num_lines(head, bold, width=width)
    leading = ink.size * 1.25
    height = (lines_above + num_lines(text, ink, width=width)) * leading + ink.size * 0.5

    def put(frame: Frame) -> None:
        y = frame.y + ink.size
        y = painter.canvas.paragraph(frame.x, y, head, bold, width=width, leading=leading)
        painter.canvas.paragraph(frame.x, y, text, ink, width=width, leading=leading)

    return Block(height, put, leads=not said.text)


def _feet(painter: _Painter, plan: FormPlan) -> None:
    """Put name, edition and page at the foot of every page."""
    canvas, look, rng = painter.canvas, painter.look, painter.rng
    number, control, page, privacy = plan.foot
    left = weighted(rng, [(number, 2), (privacy, 1), ("", 1)])
    middle, right = rng.choice((control, page, "")), rng.choice((f"{plan.name} {plan.revised}", plan.name, page))
    y = look.height - rng.uniform(20, 34)
    for index in range(canvas.num_pages):
        canvas.turn_to(index)
        for x, text, align in (
            (look.left, left, 0.0),
            (look.width / 2, middle, 0.5),
            (look.width - look.right, right, 1.0),
        ):
            canvas.text(x, y, (text.format(p=index + 1),), look.small, align=align)
