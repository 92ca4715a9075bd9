"""What an invoice says, before anything is laid out: parties, numbers, dates, items, totals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from llava_ocr.synth.bargain import Item, Totals, add_up, draw_items
from llava_ocr.synth.codes import make_reference
from llava_ocr.synth.conventions import Style, draw_style
from llava_ocr.synth.markets import Market, choose_foreign_market, choose_market
from llava_ocr.synth.parties import Party, draw_customer, draw_name, draw_party
from llava_ocr.synth.streams import chance
from llava_ocr.synth.vocabulary import INDUSTRIES

REFERENCES = ("order_number", "customer_number", "delivery_note", "reference")


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice's content. `references` and `dates` hold what may be printed beside its own number and date."""

    market: Market
    style: Style
    industry: str
    seller: Party
    buyer: Party
    ship_to: Party
    number: str
    issued: date
    due: date
    references: dict[str, str]
    dates: dict[str, date]
    contact: str
    items: tuple[Item, ...]
    totals: Totals
    is_credit: bool


def draw_invoice(rng: Random) -> Invoice:
    """Draw an invoice's content."""
    market = choose_market(rng)
    language = "en" if market.language != "en" and chance(rng, 0.06) else market.language
    style = draw_style(rng, market, language)
    industry = rng.choice(sorted(INDUSTRIES))
    issued = date(2010, 1, 1) + timedelta(days=rng.randint(0, 365 * 18))
    items = draw_items(rng, market, style, industry=industry, day=issued)
    is_credit = chance(rng, 0.04)
    if is_credit:
        items = tuple(replace(item, quantity=-item.quantity, total=-item.total) for item in items)
    abroad = choose_foreign_market(rng, market) if chance(rng, 0.15) else market
    buyer = draw_customer(rng, abroad)
    return Invoice(
        market=market,
        style=style,
        industry=industry,
        seller=draw_party(rng, market, industry),
        buyer=buyer,
        ship_to=draw_customer(rng, abroad),
        number=make_reference(rng, issued.year),
        issued=issued,
        due=issued + timedelta(days=rng.choice((0, 7, 8, 10, 14, 14, 15, 20, 21, 28, 30, 30, 30, 45, 60))),
        references={name: make_reference(rng, issued.year) for name in REFERENCES},
        dates=_other_dates(rng, issued),
        contact=draw_name(rng, market),
        items=items,
        totals=add_up(rng, items),
        is_credit=is_credit,
    )


def _other_dates(rng: Random, issued: date) -> dict[str, date]:
    ordered = issued - timedelta(days=rng.randint(1, 60))
    delivered = issued - timedelta(days=rng.randint(0, 20))
    first = issued.replace(day=1) - timedelta(days=1)
    return {
        "order_date": ordered,
        "delivery_date": delivered,
        "period_start": first.replace(day=1),
        "period_end": first,
        "early": issued + timedelta(days=rng.choice((7, 8, 10))),
        "next": issued + timedelta(days=rng.randint(28, 90)),
    }
