"""An invoice's totals: a block of amounts and, sometimes, a table of taxes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from llava_ocr.synth.blocks import Frame
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.look import Look, with_end
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import Column, Row, Table, draw_table_style


@dataclass(frozen=True, slots=True)
class Sum:
    """One line of the totals."""

    label: str
    phrase: Phrase
    is_strong: bool = False


def say_sums(speech: Speech, invoice: Invoice) -> list[Sum]:
    """Say the totals from the items' sum down to what is due, leaving out what this document does not print."""
    totals, rng = invoice.totals, speech.rng
    bare = chance(rng, 0.2)
    sums: list[Sum] = []
    if totals.discount or totals.charge:
        sums.append(Sum(speech.label("items_total"), speech.amount(totals.items, bare=bare)))
    if totals.discount:
        percent = speech.style.number(Decimal(round(totals.discount / totals.items * 100)))
        sums.append(Sum(speech.label("discount", p=percent), speech.amount(-totals.discount, bare=bare)))
    if totals.charge:
        sums.append(Sum(speech.label("charge"), speech.amount(totals.charge, bare=bare)))
    net = (
        Sum(speech.label("net_total"), speech.amount(totals.net, "net_total", bare=bare)) if chance(rng, 0.93) else None
    )
    taxes = _say_taxes(speech, invoice, bare=bare)
    end = _say_end(speech, invoice, bare=bare)
    if totals.is_gross and chance(rng, 0.6):
        return [*sums, *end[:1], *([net] if net else []), *taxes, *end[1:]]
    return [*sums, *([net] if net else []), *taxes, *end]


def _say_taxes(speech: Speech, invoice: Invoice, *, bare: bool) -> list[Sum]:
    totals, rng = invoice.totals, speech.rng
    is_single = len(totals.taxes) == 1
    if is_single and chance(rng, 0.35):
        return [Sum(speech.label("tax_total"), speech.amount(totals.tax, "tax_total", bare=bare))]
    if is_single and not totals.tax and chance(rng, 0.5):
        return []
    sums = []
    if is_single or chance(rng, 0.7):
        for line in totals.taxes:
            label = speech.label("tax_rate", rate=speech.style.number(line.rate), net=speech.style.amount(line.net))
            paths = ("tax_total",) if is_single else ()
            sums.append(Sum(label, speech.amount(line.tax, *paths, bare=bare)))
    if not is_single and (not sums or chance(rng, 0.5)):
        sums.append(Sum(speech.label("tax_total"), speech.amount(totals.tax, "tax_total", bare=bare)))
    return sums


def _say_end(speech: Speech, invoice: Invoice, *, bare: bool) -> list[Sum]:
    totals, rng = invoice.totals, speech.rng
    strong = chance(rng, 0.75)
    if totals.prepaid:
        return [
            Sum(speech.label("grand_total"), speech.amount(totals.grand, "grand_total"), strong),
            Sum(
                speech.label("prepaid"),
                speech.amount(-totals.prepaid if chance(rng, 0.5) else totals.prepaid, bare=bare),
            ),
            Sum(speech.label("due_amount"), speech.amount(totals.due, "due_amount"), strong),
        ]
    shape = weighted(rng, [("one", 0.68), ("due_only", 0.1), ("both", 0.14), ("zero_paid", 0.08)])
    # Where nothing was prepaid, the total is what is due.
    paths = ("grand_total", "due_amount") if shape in ("one", "due_only") else ("grand_total",)
    label = speech.label("due_amount" if shape == "due_only" else "grand_total")
    sums = [Sum(label, speech.amount(totals.grand, *paths), strong)]
    if shape == "zero_paid":
        sums.append(Sum(speech.label("prepaid"), speech.amount(totals.prepaid, bare=bare)))
    if shape in ("both", "zero_paid"):
        sums.append(Sum(speech.label("due_amount"), speech.amount(totals.due, "due_amount"), strong))
    return sums


def put_sums(canvas: Canvas, frame: Frame, sums: list[Sum], look: Look, *, has_rules: bool) -> float:
    """Put the totals, labels left, amounts at the frame's right edge. Returns the height reached."""
    y = frame.y
    for number, line in enumerate(sums):
        ink = look.bold if line.is_strong else look.body
        leading = ink.size * max(look.leading, 1.25) + 2
        if line.is_strong and has_rules:
            canvas.rule(frame.x, y + 1, frame.x + frame.width, y + 1, width=0.8, color=look.accent)
        if line.is_strong and look.has_bold_values and number == len(sums) - 1:
            canvas.shade(frame.x - 3, y + 2, frame.x + frame.width + 3, y + leading + 2, color=look.tint)
        wide = canvas.text(frame.x + frame.width, y + leading - 2, line.phrase, ink, align=1.0)
        room = max(frame.width - wide - 6, 40)
        end = canvas.paragraph(frame.x, y + leading - 2, (with_end(look, line.label),), ink, width=room)
        y = max(y + leading, end - ink.size)
    return y


def make_sums_strip(speech: Speech, sums: list[Sum]) -> Table:
    """Lay the totals out as one row of a table, each under its label."""
    columns = tuple(Column(str(i), line.label, 1.0 if i else 0.0, is_wide=i == 0) for i, line in enumerate(sums))
    return Table(
        columns, (Row({str(i): line.phrase for i, line in enumerate(sums)}),), draw_table_style(speech.rng), speech.look
    )


def make_tax_table(speech: Speech, invoice: Invoice) -> Table:
    """Lay out the taxes by rate."""
    totals = invoice.totals
    rows = []
    for line in totals.taxes:
        is_all = len(totals.taxes) == 1
        cells = {
            "rate": (f"{speech.style.number(line.rate)}%",),
            "net": speech.amount(line.net, *(("net_total",) if is_all else ()), bare=True),
            "tax": speech.amount(line.tax, *(("tax_total",) if is_all else ()), bare=True),
        }
        rows.append(Row(cells))
    columns = (
        Column("rate", speech.label("tax_percent"), 0.0, is_wide=True),
        Column("net", speech.label("tax_base"), 1.0),
        Column("tax", speech.label("tax_amount"), 1.0),
    )
    return Table(columns, tuple(rows), draw_table_style(speech.rng), speech.look)
