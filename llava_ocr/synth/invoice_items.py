"""An invoice's table of items: which columns, in which order, and what the rows say."""

from __future__ import annotations

from decimal import Decimal

from llava_ocr.synth.bargain import Item
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import Column, Row, Table, draw_table_style

NUMERIC = {"quantity", "unit_price", "total", "discount", "rate"}
CENTERED = {"unit", "rate", "position", "quantity"}


def make_items_table(speech: Speech, invoice: Invoice) -> Table:
    """Lay out the items as a table; rows say their values under `lines[i]`."""
    rng, style = speech.rng, draw_table_style(speech.rng)
    names = _choose_columns(speech, invoice)
    centered = {name for name in CENTERED if chance(rng, 0.25)}
    columns = tuple(_column(speech, name, centered) for name in names)
    places = 2 if chance(rng, 0.25) else 0
    unit_place = "glued" if "unit" not in names and chance(rng, 0.45) else "none"
    has_money = chance(rng, 0.3)
    rows: list[Row] = []
    for number, item in enumerate(invoice.items):
        if chance(rng, 0.02) and len(invoice.items) > 3:
            rows.append(Row({}, heading=(_group_heading(speech, invoice),)))
        cells = _cells(speech, item, number, names=names, places=places, unit_place=unit_place, is_bare=not has_money)
        rows.append(Row(cells, below=tuple((line,) for line in item.details)))
    return Table(columns, tuple(rows), style, speech.look)


def _choose_columns(speech: Speech, invoice: Invoice) -> list[str]:
    rng = speech.rng
    has_discount = any(item.discount for item in invoice.items)
    has_rates = len({item.rate for item in invoice.items}) > 1
    shape = weighted(rng, [("full", 0.78), ("short", 0.12), ("quantity_first", 0.1)])
    if shape == "short" and not has_discount:
        return ["description", "total"] if chance(rng, 0.6) else ["description", "quantity", "total"]
    front = [name for name, share in (("position", 0.45), ("article", 0.3)) if chance(rng, share)]
    middle = ["quantity", "unit_price"] if chance(rng, 0.75) else ["unit_price", "quantity"]
    if chance(rng, 0.3):
        middle.insert(middle.index("quantity") + (1 if chance(rng, 0.85) else 0), "unit")
    if has_discount or chance(rng, 0.04):
        middle.append("discount")
    if chance(rng, 0.75 if has_rates else 0.25):
        middle.append("rate")
    names = [*front, "description", *middle, "total"]
    if shape == "quantity_first" or chance(rng, 0.08):
        names.remove("quantity")
        names.insert(names.index("description"), "quantity")
    if "rate" in names and chance(rng, 0.15):
        names.remove("rate")
        names.append("rate")
    return names


def _column(speech: Speech, name: str, centered: set[str]) -> Column:
    header = speech.label(f"col_{name}")
    if name in ("unit_price", "total") and chance(speech.rng, 0.08):
        header += f" ({speech.market.currency})"
    align = 0.5 if name in centered else 1.0 if name in NUMERIC else 0.0
    return Column(name, header, align, is_wide=name == "description")


def _cells(
    speech: Speech, item: Item, number: int, *, names: list[str], places: int, unit_place: str, is_bare: bool
) -> dict[str, Phrase]:
    path = f"lines[{number}]"
    quantity = speech.number(item.quantity, f"{path}.quantity", min_places=places) if "quantity" in names else ()
    if unit_place == "glued" and quantity:
        quantity = (*quantity, f" {item.unit}")
    percent = speech.style.number(item.rate)
    made = {
        "position": (str(number + 1),),
        "article": (item.article,),
        "description": speech.text(item.description, f"{path}.description"),
        "quantity": quantity,
        "unit": (item.unit,),
        "unit_price": speech.amount(item.unit_price, f"{path}.unit_price", bare=is_bare)
        if "unit_price" in names
        else (),
        "discount": (f"{speech.style.number(item.discount)}%",) if item.discount else (),
        "rate": (f"{percent} %" if len(percent) % 2 else f"{percent}%",),
        "total": speech.amount(item.total, f"{path}.line_total", bare=is_bare),
    }
    return {name: made[name] for name in names}


def _group_heading(speech: Speech, invoice: Invoice) -> str:
    name = speech.rng.choice(sorted(invoice.references.values()))
    return f"{speech.label('reference')} {name}"


def carried_amounts(invoice: Invoice) -> list[Decimal]:
    """The running total before each row, for carrying over between pages."""
    totals, running = [], Decimal(0)
    for item in invoice.items:
        totals.append(running)
        running += item.total
    return totals
