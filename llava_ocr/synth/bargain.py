"""What was sold and what it costs: items, discounts, taxes and totals that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from llava_ocr.synth.codes import fill, make_gln, make_reference
from llava_ocr.synth.conventions import Style, to_cents
from llava_ocr.synth.markets import Market
from llava_ocr.synth.parties import draw_name
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES, TRADE

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Item:
    """One row: `total` is `quantity * unit_price / per` less `discount` percent. `details` are lines printed below it.

    `per` says for how many units the price is, as for screws that are sold by the hundred.
    """

    description: str
    details: tuple[str, ...]
    article: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount: Decimal
    rate: Decimal
    total: Decimal
    per: int = 1


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax rate's share."""

    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """From items to what is due. `is_gross` says that items and their sum include tax."""

    items: Decimal
    discount: Decimal
    charge: Decimal
    net: Decimal
    taxes: tuple[TaxLine, ...]
    tax: Decimal
    grand: Decimal
    prepaid: Decimal
    due: Decimal
    is_gross: bool


def draw_num_items(rng: Random) -> int:
    """Draw how many rows: mostly few, sometimes up to 40."""
    low, high = weighted(rng, [((1, 1), 0.2), ((2, 5), 0.4), ((6, 12), 0.24), ((13, 24), 0.1), ((25, 40), 0.06)])
    return rng.randint(low, high)


def draw_items(rng: Random, market: Market, style: Style, *, industry: str, day: date) -> tuple[Item, ...]:
    """Draw the rows of one seller in one language."""
    goods = INDUSTRIES[industry]
    language = style.language
    names = goods["items"][language]
    has_details, places = chance(rng, 0.3), weighted(rng, [(2, 0.9), (3, 0.05), (4, 0.05)])
    per = rng.choice((10, 100, 100, 1000)) if chance(rng, 0.05) else 1
    discount_share = 0.4 if chance(rng, 0.12) else 0.0
    rates = [Decimal(rate) for rate in market.rates]
    share_reduced = 0.35 if chance(rng, 0.3) else 0.0
    rate = rates[0] if chance(rng, 0.9) or len(rates) == 1 else rates[1]
    items = []
    left: list[str] = []
    for _ in range(draw_num_items(rng)):
        # Goods repeat only when all of the shop was sold.
        left = left or rng.sample(names, len(names))
        quantity, unit = _quantity(rng, goods, language)
        price = _price(rng, goods, places)
        if quantity * price > 30_000:
            quantity = Decimal(rng.randint(1, 4))
        discount = Decimal(rng.choice((5, 10, 15, 20, 25, 3))) if chance(rng, discount_share) else NOTHING
        items.append(
            Item(
                description=_description(rng, left.pop(), language),
                details=_details(rng, market, style, day) if has_details and chance(rng, 0.6) else (),
                article=make_reference(rng, day.year, letters=rng.choice(("A", "ART", "SKU", "P"))),
                quantity=quantity,
                unit=unit,
                unit_price=price * per,
                discount=discount,
                rate=rng.choice(rates[1:]) if len(rates) > 1 and chance(rng, share_reduced) else rate,
                total=to_cents(quantity * price * (100 - discount) / 100),
                per=per,
            )
        )
    return tuple(items)


def add_up(rng: Random, items: tuple[Item, ...]) -> Totals:
    """Total the rows: maybe a discount or a charge on the whole, taxes per rate, maybe something prepaid."""
    is_gross = chance(rng, 0.08)
    is_exempt = chance(rng, 0.05)
    total = sum((item.total for item in items), NOTHING)
    per_rate: dict[Decimal, Decimal] = {}
    for item in items:
        rate = NOTHING if is_exempt else item.rate
        per_rate[rate] = per_rate.get(rate, NOTHING) + item.total
    main = max(per_rate, key=lambda rate: per_rate[rate])
    discount = to_cents(total * rng.choice((2, 3, 5, 10)) / 100) if chance(rng, 0.12) else NOTHING
    charge = (
        Decimal(rng.choice(("4.90", "5.95", "6.50", "12.00", "25.00", "7.5", "15"))) if chance(rng, 0.14) else NOTHING
    )
    if discount > per_rate[main]:
        discount = NOTHING
    per_rate[main] += charge - discount
    taxes = tuple(_tax(rate, amount, is_gross=is_gross) for rate, amount in sorted(per_rate.items(), reverse=True))
    net, tax = sum((t.net for t in taxes), NOTHING), sum((t.tax for t in taxes), NOTHING)
    grand = net + tax
    share = weighted(rng, [("0.2", 2), ("0.3", 2), ("0.5", 2), ("0.1", 1), ("1", 1)])
    prepaid = to_cents(grand * Decimal(share)) if chance(rng, 0.13) else NOTHING
    return Totals(total, discount, charge, net, taxes, tax, grand, prepaid, grand - prepaid, is_gross)


def _tax(rate: Decimal, amount: Decimal, *, is_gross: bool) -> TaxLine:
    if is_gross:
        net = to_cents(amount * 100 / (100 + rate))
        return TaxLine(rate, net, amount - net)
    return TaxLine(rate, amount, to_cents(amount * rate / 100))


def _quantity(rng: Random, goods: dict[str, object], language: str) -> tuple[Decimal, str]:
    units = goods["units"]
    assert isinstance(units, list), units
    unit = str(rng.choice(units))
    if unit in ("kg", "h", "m", "m2", "l", "m3") and chance(rng, 0.5):
        quantity = Decimal(rng.randint(1, 4000)) / rng.choice((10, 100, 100))
    elif unit == "kWh":
        quantity = Decimal(rng.randint(50, 9000))
    else:
        low, high = weighted(rng, [((1, 1), 0.42), ((2, 12), 0.4), ((13, 120), 0.14), ((121, 2500), 0.04)])
        quantity = Decimal(rng.randint(low, high))
    return quantity, str(rng.choice(TRADE["units"][language][unit]))


def _price(rng: Random, goods: dict[str, object], places: int) -> Decimal:
    bounds = goods["price"]
    assert isinstance(bounds, list), bounds
    low, high = (float(bound) for bound in bounds)
    price = low * (high / low) ** rng.random()
    if chance(rng, 0.4):
        ending = rng.choice((0.99, 0.95, 0.5, 0.0, 0.0, 0.9))
        price = max(0.05, int(price) + ending) if price > 1 else price
    return max(Decimal("0.01"), Decimal(f"{price:.{places}f}"))


def _description(rng: Random, head: str, language: str) -> str:
    text = head
    if chance(rng, 0.4):
        text = f"{text}{rng.choice((' ', ', ', ' - ', ' '))}{rng.choice(TRADE['qualifiers'][language])}"
    if chance(rng, 0.1):
        text = f"{text} ({rng.choice(TRADE['qualifiers'][language])})"
    if chance(rng, 0.07):
        text = f"[{fill(rng, '????_####')}] {text}" if chance(rng, 0.5) else f"{text} {fill(rng, '??-###')}"
    return text.upper() if chance(rng, 0.03) else text


def _details(rng: Random, market: Market, style: Style, day: date) -> tuple[str, ...]:
    first = day - timedelta(days=rng.randint(5, 60))
    return tuple(
        rng.choice(TRADE["details"][style.language]).format(
            code=make_reference(rng, day.year),
            d1=style.day(first),
            d2=style.day(first + timedelta(days=29)),
            name=draw_name(rng, market),
            gtin=make_gln(rng),
        )
        for _ in range(weighted(rng, [(1, 0.7), (2, 0.2), (3, 0.1)]))
    )
