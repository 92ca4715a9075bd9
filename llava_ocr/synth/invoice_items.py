"""An invoice's table of items: which columns, in which order, and what the rows say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

from llava_ocr.synth.bargain import Item
from llava_ocr.synth.codes import fill, make_gln
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.table import Column, Row, Table, draw_table_style

NUMERIC = {"quantity", "unit_price", "total", "discount", "rate", "gross", "tax"}
CENTERED = ("unit", "rate", "position", "quantity")
POSITIONS = (("{n}", 5.0), ("{n:02d}", 0.7), ("{n:03d}", 0.7), ("{n}0", 1.0), ("{n}.", 0.7), ("{n:05d}0", 0.3))


@dataclass(frozen=True, slots=True)
class Rowing:
    """How all rows of one table are written: see `draw_rowing` for what each may be."""

    names: tuple[str, ...]
    places: int
    unit: str
    position: str
    rate: str
    per: str
    is_bare: bool
    has_stacks: bool


def draw_rowing(speech: Speech, invoice: Invoice) -> Rowing:
    """Draw a table's columns and how its cells are written."""
    rng = speech.rng
    names = _choose_columns(speech, invoice)
    unit = (
        "column"
        if "unit" in names
        else weighted(rng, [("none", 0.5), ("after", 0.37), ("below", 0.06), ("before", 0.07)])
    )
    is_by_hundred = any(item.per > 1 for item in invoice.items) and "unit_price" in names
    if is_by_hundred:
        speech.patterns.add("price per hundred")
    if unit in ("below", "before"):
        speech.patterns.add(f"unit {unit} quantity")
    return Rowing(
        names=tuple(names),
        places=2 if chance(rng, 0.25) else 0,
        unit=unit,
        position=weighted(rng, POSITIONS),
        rate=weighted(rng, [("percent", 6), ("bare", 2), ("code", 0.5)]),
        per=rng.choice(("slash", "below", "word")) if is_by_hundred else "",
        is_bare=not chance(rng, 0.3),
        has_stacks="article" in names and speech.shows("stacked references", 0.25),
    )


def make_items_table(speech: Speech, invoice: Invoice, *, tail: Sequence[Row] = ()) -> Table:
    """Lay out the items as a table; rows say their values under `lines[i]`, `tail` follows them."""
    rng, style = speech.rng, draw_table_style(speech.rng)
    rowing = draw_rowing(speech, invoice)
    centered = {name for name in CENTERED if chance(rng, 0.25)}
    columns = tuple(_column(speech, name, centered, has_gross="gross" in rowing.names) for name in rowing.names)
    group = _group_ends(speech, invoice)
    rows: list[Row] = []
    for number in range(len(invoice.items)):
        if number - 1 in group or (group and number == 0):
            rows.append(Row({}, heading=(_group_heading(speech, invoice),)))
        rows.append(_row(speech, invoice, number, rowing))
        if number in group:
            first = max((end + 1 for end in group if end < number), default=0)
            rows.append(_group_sum(speech, invoice.items[first : number + 1]))
    return Table(columns, (*rows, *tail), style, speech.look)


def _row(speech: Speech, invoice: Invoice, number: int, rowing: Rowing) -> Row:
    item = invoice.items[number]
    cells = _cells(speech, invoice, number, rowing)
    stacks: list[tuple[str, tuple[Phrase, ...]]] = []
    if rowing.has_stacks:
        stacks.append(("article", _references(speech.rng, item)))
    if rowing.per == "below":
        stacks.append(("unit_price", ((f"{speech.label('per')} {item.per} {item.unit}",),)))
    if rowing.unit == "below" and cells.get("quantity"):
        stacks.append(("quantity", ((item.unit,),)))
    return Row(cells, below=tuple((line,) for line in item.details), stacks=tuple(stacks))


def _choose_columns(speech: Speech, invoice: Invoice) -> list[str]:
    rng = speech.rng
    has_discount = any(item.discount for item in invoice.items)
    has_rates = len({item.rate for item in invoice.items}) > 1
    shape = weighted(rng, [("full", 0.78), ("short", 0.12), ("quantity_first", 0.1)])
    if shape == "short" and not has_discount:
        return ["description", "total"] if chance(rng, 0.6) else ["description", "quantity", "total"]
    front = [name for name, share in (("position", 0.45), ("article", 0.3)) if chance(rng, share)]
    if speech.shows("dated rows", 0.06):
        front.append("date")
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
    return _with_taxes(speech, names, is_net=not invoice.totals.is_gross)


def _with_taxes(speech: Speech, names: list[str], *, is_net: bool) -> list[str]:
    """Add the columns of tax and gross amounts, which some issuers print for each row."""
    rng = speech.rng
    if is_net and speech.shows("tax per row", 0.07):
        names = [*names, *rng.choice((["tax"], ["tax", "gross"], ["gross"], ["gross"]))]
    if "rate" in names and chance(rng, 0.15):
        names.remove("rate")
        names.append("rate")
    return names


def _column(speech: Speech, name: str, centered: set[str], *, has_gross: bool) -> Column:
    # Beside a column with tax, the one without must say what it is.
    header = speech.label("net_column" if has_gross and name == "total" else f"col_{name}")
    if name in ("unit_price", "total") and chance(speech.rng, 0.08):
        header += f" ({speech.market.currency})"
    align = 0.5 if name in centered else 1.0 if name in NUMERIC else 0.0
    return Column(name, header, align, is_wide=name == "description")


def _cells(speech: Speech, invoice: Invoice, number: int, rowing: Rowing) -> dict[str, Phrase]:
    path, item, names, is_bare = f"lines[{number}]", invoice.items[number], rowing.names, rowing.is_bare
    day = invoice.dates["period_start"] + timedelta(days=number % 28)
    made = {
        "position": (rowing.position.format(n=number + 1),),
        "article": (item.article,),
        "date": (speech.style.day(day),),
        "description": speech.text(item.description, f"{path}.description"),
        "quantity": _quantity(speech, item, path, rowing) if "quantity" in names else (),
        "unit": (item.unit,),
        "unit_price": _price(speech, item, path, rowing) if "unit_price" in names else (),
        "discount": (f"{speech.style.number(item.discount)}%",) if item.discount else (),
        "rate": (_rate(speech, invoice, item, rowing.rate),),
        "total": speech.amount(item.total, f"{path}.line_total", bare=is_bare),
        "tax": speech.amount(to_cents(item.total * item.rate / 100), bare=is_bare),
        "gross": speech.amount(to_cents(item.total * (100 + item.rate) / 100), bare=is_bare),
    }
    return {name: made[name] for name in names}


def _quantity(speech: Speech, item: Item, path: str, rowing: Rowing) -> Phrase:
    said = speech.number(item.quantity, f"{path}.quantity", min_places=rowing.places)
    if rowing.unit == "after":
        return (*said, f" {item.unit}")
    return (f"{item.unit} ", *said) if rowing.unit == "before" else said


def _price(speech: Speech, item: Item, path: str, rowing: Rowing) -> Phrase:
    said = speech.amount(item.unit_price, f"{path}.unit_price", bare=rowing.is_bare)
    between = {"slash": " / ", "word": f" {speech.label('per')} "}.get(rowing.per)
    return (*said, f"{between}{item.per}") if between else said


def _rate(speech: Speech, invoice: Invoice, item: Item, shape: str) -> str:
    percent = speech.style.number(item.rate)
    if shape == "code":
        rates = sorted({item.rate for item in invoice.items})
        return "ABC"[rates.index(item.rate)]
    if shape == "bare":
        return percent
    return f"{percent} %" if len(percent) % 2 else f"{percent}%"


def _references(rng: Random, item: Item) -> tuple[Phrase, ...]:
    """Say the numbers that an article has with seller, buyer and the world, one below the other."""
    lines = (f"{make_gln(rng)} ({rng.choice(('GTIN', 'EAN'))})", fill(rng, "??-###"), item.article[::-1])
    return tuple((line,) for line in lines[: rng.randint(1, 2)])


def _group_ends(speech: Speech, invoice: Invoice) -> list[int]:
    """Part the rows into groups with their own sums; returns each group's last row, none where rows are not grouped."""
    num_rows = len(invoice.items)
    if num_rows < 4 or not speech.shows("groups with sums", 0.12):
        return []
    inner = speech.rng.sample(range(1, num_rows - 1), min(speech.rng.randint(1, 3), num_rows - 2))
    return sorted({*inner, num_rows - 1})


def _group_heading(speech: Speech, invoice: Invoice) -> str:
    name = speech.rng.choice(sorted(invoice.references.values()))
    return f"{speech.label('reference')} {name}"


def _group_sum(speech: Speech, items: Sequence[Item]) -> Row:
    total = sum((item.total for item in items), Decimal(0))
    return Row({"total": speech.amount(total, bare=True)}, lead=(speech.label("group_sum"),), is_bold=True)


def carried_amounts(invoice: Invoice) -> list[Decimal]:
    """The running total before each row, for carrying over between pages."""
    totals, running = [], Decimal(0)
    for item in invoice.items:
        totals.append(running)
        running += item.total
    return totals
