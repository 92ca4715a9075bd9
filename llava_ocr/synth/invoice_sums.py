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


def say_sums(speech: Speech, invoice: Invoice, *, is_full: bool) -> list[Sum]:
    """Say the totals from the items' sum down to what is due; only a full list also has the lines that are zero."""
    totals, rng = invoice.totals, speech.rng
    bare = chance(rng, 0.2)
    sums: list[Sum] = []
    if totals.discount or totals.charge or is_full:
        sums.append(Sum(speech.label("items_total"), speech.amount(totals.items, bare=bare)))
    if totals.discount or is_full:
        percent = speech.style.number(
            Decimal(round(totals.discount / totals.items * 100)) if totals.items else totals.items
        )
        sums.append(Sum(speech.label("discount", p=percent), speech.amount(-totals.discount, bare=bare)))
    if totals.charge or is_full:
        sums.append(Sum(speech.label("charge"), speech.amount(totals.charge, bare=bare)))
    net = (
        Sum(speech.label("net_total"), speech.amount(totals.net, "net_total", bare=bare)) if chance(rng, 0.93) else None
    )
    taxes = _say_taxes(speech, invoice, bare=bare)
    end = _say_end(speech, invoice, bare=bare, is_full=is_full)
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


def _say_end(speech: Speech, invoice: Invoice, *, bare: bool, is_full: bool) -> list[Sum]:
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
    shape = "zero_paid" if is_full else shape
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
    """Lay out the taxes by rate, sometimes with gross amounts and a row of totals."""
    totals, rng, number = invoice.totals, speech.rng, speech.style.number
    category = rng.choice(("", "", "", " (S)", " (Standard)"))
    has_gross, has_total = chance(rng, 0.3), len(totals.taxes) > 1 and speech.shows("tax table with totals", 0.5)
    # With one rate its amounts are the totals.
    is_all = len(totals.taxes) == 1
    rows = [
        Row(_tax_cells(speech, f"{number(line.rate)}%{category}", line.net, line.tax, is_total=is_all))
        for line in totals.taxes
    ]
    if has_total:
        cells = _tax_cells(speech, speech.label("group_sum"), totals.net, totals.tax, is_total=True)
        rows.append(Row(cells, is_bold=True))
    columns = [
        Column("rate", speech.label("tax_percent"), 0.0, is_wide=True),
        Column("net", speech.label("tax_base"), 1.0),
        Column("tax", speech.label("tax_amount"), 1.0),
    ]
    if has_gross:
        columns.append(Column("gross", speech.label("col_gross"), 1.0))
    return Table(tuple(columns), tuple(rows), draw_table_style(rng), speech.look)


def _tax_cells(speech: Speech, rate: str, net: Decimal, tax: Decimal, *, is_total: bool) -> dict[str, Phrase]:
    paths = {name: (f"{name}_total",) if is_total else () for name in ("net", "tax", "grand")}
    return {
        "rate": (rate,),
        "net": speech.amount(net, *paths["net"], bare=True),
        "tax": speech.amount(tax, *paths["tax"], bare=True),
        "gross": speech.amount(net + tax, *paths["grand"], bare=True),
    }
