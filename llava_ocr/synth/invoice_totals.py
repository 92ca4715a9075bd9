"""Where an invoice's totals stand: below the items, among them, in boxes, as lines of text, beside a table of taxes."""

from __future__ import annotations

from llava_ocr.synth.blocks import Frame, Line, put_lines
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.invoice_flow import Flow
from llava_ocr.synth.invoice_items import make_items_table
from llava_ocr.synth.invoice_sums import Sum, make_sums_strip, make_tax_table, put_sums, say_sums
from llava_ocr.synth.look import Look, with_end
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import Row, Table, put_table

PLACES = (
    ("right", 0.52), ("full", 0.1), ("left", 0.06), ("strip", 0.1), ("in table", 0.1), ("stacked", 0.06),
    ("boxes", 0.06),
)  # fmt: skip


def choose_place(flow: Flow) -> str:
    """Draw where the totals stand."""
    place = weighted(flow.speech.rng, PLACES)
    flow.speech.patterns.add(f"totals {place}")
    return place


def put_items(flow: Flow, frame: Frame, *, place: str) -> Frame:
    """Put the items, and the totals as their last rows where that is the totals' place."""
    sums = say_sums(flow.speech, flow.invoice, is_full=False) if place == "in table" else []
    tail = [
        Row({"total": line.phrase}, lead=(with_end(flow.look, line.label),), is_bold=line.is_strong) for line in sums
    ]
    table = make_items_table(flow.speech, flow.invoice, tail=tail)
    return put_table(flow.canvas, frame, table, bottom=flow.bottom - 20, next_page=flow.next_page)


def put_totals(flow: Flow, frame: Frame, *, place: str, is_full: bool) -> Frame:
    """Put the totals, and sometimes the taxes by rate."""
    speech, rng = flow.speech, flow.speech.rng
    has_taxes = chance(rng, 0.5 if len(flow.invoice.totals.taxes) > 1 else 0.14)
    taxes = make_tax_table(speech, flow.invoice) if has_taxes else None
    if taxes:
        speech.patterns.add("tax table")
    width = frame.width * (1.0 if place == "full" else rng.uniform(0.36, 0.52))
    is_beside = chance(rng, 0.5) and place == "right" and width < frame.width * 0.5
    if place == "in table":
        return _put_taxes(flow, flow.room(frame.moved(frame.y + 10), 60), taxes) if taxes else frame
    sums = say_sums(speech, flow.invoice, is_full=is_full)
    frame = flow.room(frame, 30 + len(sums) * flow.look.size * 1.7)
    y = _put_sums(flow, frame, sums, place=place, width=width)
    if not taxes:
        return frame.moved(y)
    if is_beside:
        return frame.moved(max(y, _put_taxes(flow, frame, taxes).y))
    return _put_taxes(flow, flow.room(frame.moved(y + 12), 60), taxes)


def _put_sums(flow: Flow, frame: Frame, sums: list[Sum], *, place: str, width: float) -> float:
    speech, look, rng = flow.speech, flow.look, flow.speech.rng
    has_rules = chance(rng, 0.5)
    if place == "strip":
        strip = make_sums_strip(speech, sums)
        return put_table(flow.canvas, frame, strip, bottom=look.height, next_page=flow.next_page).y
    if place == "boxes":
        return put_boxes(flow.canvas, frame, sums, look)
    if place == "stacked":
        lines: list[Line] = [
            ((with_end(look, line.label) + " ", *line.phrase), look.bold if line.is_strong else look.body)
            for line in sums
        ]
        return put_lines(flow.canvas, frame, lines, look)
    x = frame.x + (frame.width - width if place == "right" else 0)
    return put_sums(flow.canvas, Frame(x, frame.y, width), sums, look, has_rules=has_rules)


def _put_taxes(flow: Flow, frame: Frame, taxes: Table) -> Frame:
    narrow = Frame(frame.x, frame.y, frame.width * (0.15 * len(taxes.columns)))
    below = put_table(flow.canvas, narrow, taxes, bottom=flow.look.height, next_page=flow.next_page)
    return frame.moved(below.y)


def put_boxes(canvas: Canvas, frame: Frame, sums: list[Sum], look: Look) -> float:
    """Put each sum into a box of its own, four in a row, label above amount. Returns the height reached."""
    y, height, per_row = frame.y, look.size * 3.4, 4
    for start in range(0, len(sums), per_row):
        row = sums[start : start + per_row]
        cell = frame.width / per_row
        x = frame.x + frame.width - cell * len(row)
        for line in row:
            if line.is_strong:
                canvas.shade(x, y, x + cell - 3, y + height, color=look.tint)
            canvas.frame(x, y, x + cell - 3, y + height, color=look.accent)
            middle, width = x + cell / 2 - 1.5, cell - 10
            canvas.paragraph(middle - width / 2, y + look.size * 1.2, (line.label,), look.small, width=width, align=0.5)
            ink = look.bold if line.is_strong else look.body
            canvas.paragraph(middle - width / 2, y + height - look.size * 0.6, line.phrase, ink, width=width, align=0.5)
            x += cell
        y += height + 3
    return y
