"""Invoices painted from electronic ones: their content, in looks of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from llava_ocr.einvoice import BadEInvoice
from llava_ocr.errors import ConfigError
from llava_ocr.synth.bargain import NOTHING, Item, TaxLine, Totals
from llava_ocr.synth.base import PaintedDocument
from llava_ocr.synth.conventions import SIGNS, draw_style
from llava_ocr.synth.einvoice import EInvoice, ELine, EParty, read_einvoice
from llava_ocr.synth.invoice import Invoice, draw_invoice
from llava_ocr.synth.invoice_page import paint_content
from llava_ocr.synth.markets import COUNTRY_NAMES, MARKETS, Market
from llava_ocr.synth.parties import Party, draw_party
from llava_ocr.synth.streams import chance, stream
from llava_ocr.synth.vocabulary import INDUSTRIES, TRADE

# UN/ECE recommendation 20 to this package's units; what is not here is counted in pieces.
UNITS = {
    "HUR": "h", "KGM": "kg", "LTR": "l", "MTR": "m", "MTK": "m2", "MTQ": "m3", "PK": "pack", "XPK": "pack",
    "XBX": "box", "MON": "month", "DAY": "day", "LS": "flat", "KMT": "km", "XPX": "pal", "SET": "set", "PR": "pair",
    "KWH": "kWh",
}  # fmt: skip


class NothingToSeedFrom(ConfigError):
    """There is no XML file where documents should be seeded from."""

    hint = "Give an XML file, or a folder that has some."


def seeded_painter(sources: Path, *, first_seed: int = 0) -> Callable[[int], PaintedDocument]:
    """Make a painter of invoices with the content of XML files, one after the other, each seed in another look.

    Raises NothingToSeedFrom, and BadEInvoice at the first file that is none.
    """
    contents = [read_einvoice(path) for path in _files(sources)]

    def paint_seeded(seed: int) -> PaintedDocument:
        return paint_content(fill_invoice(contents[(seed - first_seed) % len(contents)], seed), seed)

    return paint_seeded


def fill_invoice(content: EInvoice, seed: int) -> Invoice:
    """Give an electronic invoice all that a printed one has; what it does not say is drawn, its amounts never.

    Raises BadEInvoice where the currency or a party's country has no name in our word lists.
    """
    rng = stream("seeded", seed, "content")
    market = _market_of(rng, content)
    base = _base(seed, market.language)
    style = draw_style(rng, market, market.language)
    issued = content.issued
    references = dict(base.references)
    if content.order_number:
        references["order_number"] = content.order_number
    return replace(
        base,
        market=market,
        style=style,
        seller=_party(rng, market, content.seller, iban=content.iban),
        buyer=_party(rng, market, content.buyer),
        number=content.number,
        issued=issued,
        due=content.due or issued + (base.due - base.issued),
        references=references,
        dates={name: issued + (day - base.issued) for name, day in base.dates.items()},
        items=tuple(_item(rng, line, market.language) for line in content.lines),
        totals=_totals(content),
        is_credit=content.is_credit,
    )


def _files(sources: Path) -> Sequence[Path]:
    files = sorted(sources.glob("*.xml")) if sources.is_dir() else [sources]
    if not files or not files[0].is_file():
        raise NothingToSeedFrom(f"{sources}: no XML file there")
    return files


def _market_of(rng: Random, content: EInvoice) -> Market:
    """The seller's market with the invoice's currency; sellers of countries that have none here write English."""
    if content.currency not in SIGNS:
        raise BadEInvoice(f"currency {content.currency}: is not in the word lists")
    own = [market for market, _ in MARKETS if market.country == content.seller.country]
    if own:
        return replace(rng.choice(own), currency=content.currency)
    english = next(market for market, _ in MARKETS if market.language == "en")
    market = english if not content.seller.country else replace(english, country=content.seller.country, page="a4")
    return replace(market, currency=content.currency)


def _base(seed: int, language: str) -> Invoice:
    """Draw the invoice that fills in what is not said, one of the same language."""
    attempt = 0
    while True:
        base = draw_invoice(stream("seeded", seed, "base", attempt))
        if base.style.language == base.market.language == language and not base.is_credit:
            return base
        attempt += 1


def _party(rng: Random, market: Market, said: EParty, *, iban: str = "") -> Party:
    country = said.country or market.country
    if country not in COUNTRY_NAMES:
        raise BadEInvoice(f"country {country}: has no name in the word lists")
    drawn = draw_party(rng, market, rng.choice(sorted(INDUSTRIES)))
    return replace(
        drawn,
        name=said.name,
        street=said.street or drawn.street,
        postcode=said.postcode or drawn.postcode,
        city=said.city or drawn.city,
        country=country,
        vat_id=said.vat_id or None,
        iban=iban or drawn.iban,
    )


def _item(rng: Random, line: ELine, language: str) -> Item:
    has_detail = line.detail and line.detail != line.description and len(line.detail) < 200
    return Item(
        description=line.description,
        details=(line.detail,) if has_detail and chance(rng, 0.7) else (),
        article=line.article,
        quantity=line.quantity,
        unit=str(rng.choice(TRADE["units"][language][UNITS.get(line.unit_code, "pcs")])),
        unit_price=line.unit_price,
        discount=NOTHING,
        rate=line.rate,
        total=line.total,
    )


def _totals(content: EInvoice) -> Totals:
    taxes = tuple(TaxLine(tax.rate, tax.net, tax.tax) for tax in content.taxes)
    return Totals(
        items=content.line_sum,
        discount=content.allowance,
        charge=content.charge,
        net=content.net,
        taxes=taxes or (TaxLine(NOTHING, content.net, content.tax),),
        tax=content.tax,
        grand=content.grand,
        prepaid=content.prepaid,
        due=content.due_amount,
        is_gross=False,
    )
