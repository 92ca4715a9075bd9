"""Electronic invoices as viewers show them: registers of labels and values over several pages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llava_ocr.synth.base import Rgb
from llava_ocr.synth.blocks import Frame, Pair, put_lines
from llava_ocr.synth.canvas import Ink, wrap
from llava_ocr.synth.conventions import Style
from llava_ocr.synth.invoice_flow import Flow
from llava_ocr.synth.invoice_head import say_subject
from llava_ocr.synth.invoice_items import make_items_table
from llava_ocr.synth.invoice_registers import (
    Register,
    business_term,
    make_allowance_table,
    say_cards,
    say_facts,
    say_format,
    say_parties,
    say_remarks,
    say_settlement,
    say_totals,
)
from llava_ocr.synth.invoice_sums import make_tax_table
from llava_ocr.synth.look import Look, with_end
from llava_ocr.synth.markets import Market
from llava_ocr.synth.phrases import tokens
from llava_ocr.synth.sayings import draw_address_style
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import Table, put_table

GRAY: Rgb = (0.75, 0.75, 0.75)


@dataclass(frozen=True, slots=True)
class View:
    """How a viewer looks. `heading` is bar, rule or plain, `rows` zebra, rules or plain.

    `split` is the share of the width at which values begin.
    """

    heading: str
    rows: str
    split: float
    gap: float
    has_codes: bool
    is_typed: bool


def raw_style(market: Market, language: str) -> Style:
    """Write values as data files have them: ISO dates, decimal points, no grouping, currency codes."""
    return Style(language, "", ".", "%Y-%m-%d", "plain", market.currency)


def paint_viewer(flow: Flow) -> str:
    """Paint a whole invoice as a viewer shows it; returns its template family."""
    speech, invoice, rng = flow.speech, flow.invoice, flow.speech.rng
    view = View(
        heading=weighted(rng, [("bar", 3), ("rule", 2), ("plain", 1)]),
        rows=weighted(rng, [("zebra", 3), ("rules", 1.5), ("plain", 2)]),
        split=rng.uniform(0.28, 0.5),
        gap=rng.uniform(1.5, 6),
        has_codes=speech.shows("business terms", 0.3),
        is_typed=speech.look.family.is_mono,
    )
    flow.running = (speech.label("viewer_title"),) if chance(rng, 0.5) else ()
    flow.has_page_head = flow.has_carry = False
    frame, said = _banner(flow, view)
    address = replace(draw_address_style(rng), country=rng.choice(("prefix", "code", "prefix", "none")))
    has_cards = speech.shows("item cards", 0.3 if len(invoice.items) <= 8 else 0.0)
    registers = [say_facts(speech, invoice, said_before=said), *say_parties(speech, invoice, address)]
    if chance(rng, 0.4):
        registers.append(say_remarks(speech, invoice))
    for register in registers:
        frame = put_register(flow, frame, register, view)
    frame = _items(flow, frame, view, has_cards=has_cards)
    frame = _tables(flow, frame)
    for register in _endings(flow):
        frame = put_register(flow, frame, register, view)
    return f"viewer: {view.heading}+{view.rows}{'+codes' if view.has_codes else ''}{'+cards' if has_cards else ''}"


def _banner(flow: Flow, view: View) -> tuple[Frame, frozenset[str]]:
    """Put the viewer's own title and versions, then the invoice's title, maybe with number and date."""
    speech, look, rng = flow.speech, flow.look, flow.speech.rng
    frame = flow.whole()
    if flow.running:
        flow.canvas.text(look.left, look.top * 0.7, flow.running, look.small)
    if chance(rng, 0.6):
        lines = [((speech.label("viewer_title"),), look.heading(rng.uniform(1.2, 1.7)))]
        frame = frame.moved(put_lines(flow.canvas, frame, lines, look) + 6)
    if chance(rng, 0.6):
        frame = put_register(flow, frame, say_format(speech), view)
    subject, said = say_subject(speech, flow.invoice, flow.title)
    ink = look.heading(rng.uniform(1.1, 1.6))
    return frame.moved(put_lines(flow.canvas, frame, [(subject, ink)], look) + 6), said


def put_register(flow: Flow, frame: Frame, register: Register, view: View) -> Frame:
    """Put a heading and its pairs, row by row over the pages."""
    look = flow.look
    if register.heading:
        frame = _put_heading(flow, flow.room(frame, look.size * 4), register.heading, view)
    for number, pair in enumerate(register.pairs):
        height = _height(look, frame, pair, view)
        frame = flow.room(frame, height)
        if view.rows == "zebra" and number % 2:
            flow.canvas.shade(frame.x, frame.y, frame.x + frame.width, frame.y + height, color=look.tint)
        _put_row(
            flow, frame, pair, view, code=business_term(flow.speech, register.part, pair[0]) if view.has_codes else ""
        )
        frame = frame.moved(frame.y + height)
        if view.rows == "rules":
            flow.canvas.rule(frame.x, frame.y, frame.x + frame.width, frame.y, width=0.3, color=GRAY)
    return frame.moved(frame.y + look.size * 1.4)


def _put_heading(flow: Flow, frame: Frame, heading: str, view: View) -> Frame:
    look, right = flow.look, frame.x + frame.width
    height = look.size * 1.7
    if view.heading == "bar":
        flow.canvas.shade(frame.x, frame.y, right, frame.y + height, color=look.tint)
    flow.canvas.text(frame.x + 2, frame.y + look.size * 1.2, (heading,), look.bold)
    if view.heading == "rule":
        flow.canvas.rule(frame.x, frame.y + height, right, frame.y + height, width=0.8, color=look.accent)
    return frame.moved(frame.y + height + 2)


def _edges(look: Look, frame: Frame, view: View) -> tuple[float, float]:
    """Return where labels and values begin."""
    return frame.x + (look.size * 4.5 if view.has_codes else 2), frame.x + frame.width * view.split


def _height(look: Look, frame: Frame, pair: Pair, view: View) -> float:
    start, split = _edges(look, frame, view)
    label, phrase = pair
    lines = len(wrap(tokens((label,)), look.label_ink, width=split - start - 4))
    lines = max(lines, len(wrap(tokens(phrase), look.value_ink, width=frame.x + frame.width - split - 4)), 1)
    return lines * look.size * 1.2 + view.gap


def _put_row(flow: Flow, frame: Frame, pair: Pair, view: View, *, code: str) -> None:
    look, canvas = flow.look, flow.canvas
    start, split = _edges(look, frame, view)
    y, leading = frame.y + look.size + view.gap / 2, look.size * 1.2
    if code:
        canvas.text(frame.x + 2, y, (code,), Ink(look.family.regular, look.size * 0.85, look.ink_color))
    label, phrase = pair
    if view.is_typed:
        canvas.paragraph(start, y, (label,), look.label_ink, width=split - start - look.size, leading=leading)
        if label:
            canvas.text(split - look.size * 0.8, y, (":",), look.label_ink)
    else:
        canvas.paragraph(start, y, (with_end(look, label),), look.label_ink, width=split - start - 4, leading=leading)
    canvas.paragraph(split, y, phrase, look.value_ink, width=frame.x + frame.width - split - 4, leading=leading)


def _items(flow: Flow, frame: Frame, view: View, *, has_cards: bool) -> Frame:
    speech, invoice = flow.speech, flow.invoice
    heading = speech.label("details")
    if has_cards:
        for number, register in enumerate(say_cards(speech, invoice)):
            if number == 0:
                frame = _put_heading(flow, flow.room(frame, 60), heading, view)
            frame = put_register(flow, frame, register, replace(view, heading="plain"))
        return frame
    frame = _put_heading(flow, flow.room(frame, 80), heading, view)
    return _put_table(flow, frame, make_items_table(speech, invoice))


def _tables(flow: Flow, frame: Frame) -> Frame:
    """Put the taxes by rate and what was taken off or added on the whole."""
    speech, totals, rng = flow.speech, flow.invoice.totals, flow.speech.rng
    tables: list[tuple[str, Table]] = []
    if chance(rng, 0.75):
        tables.append(("tax_table", make_tax_table(speech, flow.invoice)))
    if (totals.discount or totals.charge) and chance(rng, 0.7):
        tables.append(("allowances", make_allowance_table(speech, flow.invoice)))
        speech.patterns.add("allowance table")
    for concept, table in tables:
        frame = flow.room(frame, 70)
        lines = [((speech.label(concept),), flow.look.bold)]
        frame = frame.moved(put_lines(flow.canvas, frame, lines, flow.look) + 3)
        frame = _put_table(flow, frame, table)
    return frame


def _put_table(flow: Flow, frame: Frame, table: Table) -> Frame:
    below = put_table(flow.canvas, frame, table, bottom=flow.bottom - 20, next_page=lambda _: flow.next_page(-1))
    return below.moved(below.y + flow.look.size * 1.4)


def _endings(flow: Flow) -> list[Register]:
    speech, invoice, rng = flow.speech, flow.invoice, flow.speech.rng
    registers = [say_totals(speech, invoice)]
    if chance(rng, 0.7):
        registers.insert(rng.choice((0, 1, 1, 1)), say_settlement(speech, invoice))
    if chance(rng, 0.3):
        registers.append(say_remarks(speech, invoice))
    if chance(rng, 0.15):
        file = f"{invoice.references['reference'].replace(' ', '_').replace('/', '-')}.pdf"
        pairs: list[Pair] = [("1", (f"{file} application/pdf 130",))]
        registers.append(Register(speech.label("attachments"), pairs, "attachments"))
    return registers
