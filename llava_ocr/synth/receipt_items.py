"""What was bought, as till slips list it."""

from __future__ import annotations

from decimal import Decimal

from llava_ocr.synth.bargain import Item
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.slip import Slip
from llava_ocr.synth.streams import chance


def put_items(slip: Slip, shape: str) -> None:
    """Put all rows in one shape: `amount`, `quantity_first`, `below`, `columns`, `table` or `coded`."""
    rng, receipt, heads = slip.rng, slip.receipt, slip.words["head"]
    if shape == "table":
        slip.columns([(heads[number],) for number in (1, 0, 2, 3)], ink=slip.look.bold, first_left=True)
        slip.speech.patterns.add("items in a table")
    elif chance(rng, 0.4):
        slip.split((rng.choice(heads[:3]),), (heads[3],), slip.look.bold)
    has_code, upper = chance(rng, 0.2), chance(rng, 0.4)
    codes = rng.choice(slip.words["codes"]) if slip.speech.shows("tax codes", 0.3) else []
    suffix, times = rng.choice(("", "", " *")), rng.choice((" x ", " X ", "x ", " @ ", " * "))
    for number, item in enumerate(receipt.items):
        mark = f" {codes[min(receipt.rates.index(item.rate), 1)]}" if codes else suffix
        name = item.description.upper() if upper else item.description
        said = slip.speech.text(name, f"lines[{number}].description")
        if has_code and shape != "coded":
            slip.line((item.article,))
        _put_item(slip, shape, number, name=said, marks=(mark, times))
        if number in receipt.cuts:
            slip.speech.patterns.add("row discount")
            slip.split((slip.word("cut"),), slip.speech.amount(receipt.cuts[number]), indent=slip.look.size)
    if slip.speech.shows("quantity total", 0.15):
        total = sum((item.quantity for item in receipt.items), Decimal(0))
        slip.split((slip.word("quantity"),), (slip.speech.style.number(total),))


def _put_item(slip: Slip, shape: str, number: int, *, name: Phrase, marks: tuple[str, str]) -> None:
    item, (mark, times) = slip.receipt.items[number], marks
    quantity, price, total = _numbers(slip, item, f"lines[{number}]")
    marked = (*total, mark) if mark else total
    if shape == "amount":
        slip.split(name, marked)
    elif shape == "quantity_first":
        slip.split((*quantity, slip.rng.choice((" ", " x ")), *name), marked)
    elif shape == "below":
        slip.line(name)
        slip.split(("  ", *quantity, times, *price), marked)
    elif shape == "coded":
        slip.line(name)
        slip.split((f"{item.article}  ", *quantity, times, *price), marked)
    elif shape == "table":
        slip.columns([(item.article[:7],), quantity, price, marked], first_left=True)
        slip.line(name)
    else:
        slip.line(name)
        slip.columns([quantity, price, marked])


def _numbers(slip: Slip, item: Item, path: str) -> tuple[Phrase, Phrase, Phrase]:
    speech = slip.speech
    return (
        speech.number(item.quantity, f"{path}.quantity"),
        speech.amount(item.unit_price, f"{path}.unit_price", bare=True),
        speech.amount(item.total, f"{path}.line_total"),
    )
