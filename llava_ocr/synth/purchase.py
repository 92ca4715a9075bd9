"""What a till slip says, before anything is laid out: the shop, what was bought, what it came to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from llava_ocr.synth.bargain import NOTHING, Item, TaxLine
from llava_ocr.synth.codes import fill
from llava_ocr.synth.conventions import Style, draw_style, to_cents
from llava_ocr.synth.markets import MARKETS, Market, choose_market
from llava_ocr.synth.parties import Party, draw_company, draw_party
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES

SHOPS = ("food", "office", "hotel", "clothing", "garden", "auto", "medical", "industry", "building")


@dataclass(frozen=True, slots=True)
class Receipt:
    """One purchase; prices include tax. `cuts` are taken off rows by number, `service` is added to their sum."""

    market: Market
    style: Style
    shop: Party
    owner: str
    day: date
    items: tuple[Item, ...]
    cuts: dict[int, Decimal]
    subtotal: Decimal
    discount: Decimal
    service: Decimal
    service_percent: int
    taxes: tuple[TaxLine, ...]
    rounding: Decimal
    total: Decimal

    @property
    def tax(self) -> Decimal:
        """The tax of all rates."""
        return sum((line.tax for line in self.taxes), NOTHING)

    @property
    def rates(self) -> list[Decimal]:
        """The tax rates, the highest first."""
        return [line.rate for line in self.taxes]


def draw_receipt(rng: Random) -> Receipt:
    """Draw a purchase."""
    market = choose_market(rng)
    if chance(rng, 0.25):
        market = rng.choice([m for m, _ in MARKETS if m.country in ("MY", "SG", "US", "GB")])
    style = draw_style(rng, market, market.language)
    industry = rng.choice(SHOPS)
    items = _draw_items(rng, market, industry)
    cuts = _draw_cuts(rng, items)
    subtotal = sum((item.total for item in items), NOTHING) + sum(cuts.values(), NOTHING)
    discount = to_cents(subtotal * rng.choice((5, 10, 15)) / 100) if chance(rng, 0.12) else NOTHING
    percent = rng.choice((5, 10, 10, 12)) if industry in ("hotel", "food") and chance(rng, 0.25) else 0
    service = to_cents((subtotal - discount) * percent / 100)
    amount = subtotal - discount + service
    total = amount
    if market.country in ("MY", "SG", "CH", "AU") and chance(rng, 0.7):
        total = (amount * 20).quantize(Decimal(1)) / 20
    day = date(2012, 1, 1) + timedelta(days=rng.randint(0, 365 * 15))
    shop = draw_party(rng, market, industry)
    return Receipt(
        market=market,
        style=style,
        shop=shop,
        owner=draw_company(rng, market, industry, shop.city),
        day=day,
        items=items,
        cuts=cuts,
        subtotal=subtotal,
        discount=discount,
        service=service,
        service_percent=percent,
        taxes=_taxes(items, cuts, rest=service - discount),
        rounding=to_cents(total - amount),
        total=to_cents(total),
    )


def _draw_items(rng: Random, market: Market, industry: str) -> tuple[Item, ...]:
    names = INDUSTRIES[industry]["items"][market.language]
    num_items = weighted(rng, [(1, 3), (2, 3), (4, 4), (7, 3), (12, 2), (25, 0.5)])
    chosen = rng.sample(names, min(num_items, len(names)))
    rates = [Decimal(rate) for rate in market.rates]
    is_mixed = len(rates) > 1 and chance(rng, 0.35)
    items = (_item(rng, name, market) for name in chosen)
    return tuple(replace(item, rate=rng.choice(rates[:2])) if is_mixed else item for item in items)


def _item(rng: Random, name: str, market: Market) -> Item:
    quantity = Decimal(weighted(rng, [(1, 7), (2, 2), (3, 1), (6, 0.4), (10, 0.2)]))
    if chance(rng, 0.06):
        quantity = Decimal(rng.randint(50, 3000)).scaleb(-3)
    price = Decimal(rng.randint(40, 10 ** rng.randint(3, 4))).scaleb(-2)
    if chance(rng, 0.4):
        price = Decimal(int(price)) + rng.choice((Decimal("0.90"), Decimal("0.99"), Decimal("0.50"), NOTHING)) + 1
    code = fill(rng, rng.choice(("#############", "######", "????###")))
    return Item(name, (), code, quantity, "", price, NOTHING, market.usual_rate, to_cents(quantity * price))


def _draw_cuts(rng: Random, items: tuple[Item, ...]) -> dict[int, Decimal]:
    if not chance(rng, 0.12):
        return {}
    some = rng.sample(range(len(items)), min(len(items), rng.randint(1, 2)))
    return {row: -to_cents(items[row].total * rng.choice((10, 20, 30, 50)) / 100) for row in some}


def _taxes(items: tuple[Item, ...], cuts: dict[int, Decimal], *, rest: Decimal) -> tuple[TaxLine, ...]:
    """Split what was paid into rates; the `rest` goes with the rate that most was paid for."""
    gross: dict[Decimal, Decimal] = {}
    for row, item in enumerate(items):
        gross[item.rate] = gross.get(item.rate, NOTHING) + item.total + cuts.get(row, NOTHING)
    gross[max(gross, key=lambda rate: gross[rate])] += rest
    taxes = []
    for rate in sorted(gross, reverse=True):
        net = to_cents(gross[rate] * 100 / (100 + rate))
        taxes.append(TaxLine(rate, net, gross[rate] - net))
    return tuple(taxes)
