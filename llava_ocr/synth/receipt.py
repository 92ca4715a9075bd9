"""Till slips: what a shop sold, and how the slip prints it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from llava_ocr.synth.bargain import NOTHING, Item
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.canvas import BREAK, Canvas, Ink
from llava_ocr.synth.codes import fill, make_reference
from llava_ocr.synth.conventions import Style, draw_style, to_cents
from llava_ocr.synth.fonts import Family, choose_family, open_family
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.markets import MARKETS, Market, choose_market
from llava_ocr.synth.parties import Party, draw_party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES, read_words

TILL: dict[str, Any] = read_words("till")
SHOPS = ("food", "office", "hotel", "clothing", "garden", "auto", "medical", "industry", "building")
TALL_PT = 4000.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """One purchase; prices include tax."""

    market: Market
    style: Style
    shop: Party
    day: date
    items: tuple[Item, ...]
    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    rounding: Decimal
    total: Decimal


def draw_receipt(rng: Random) -> Receipt:
    """Draw a purchase."""
    market = choose_market(rng)
    if chance(rng, 0.25):
        market = rng.choice([m for m, _ in MARKETS if m.country in ("MY", "SG", "US", "GB")])
    style = draw_style(rng, market, market.language)
    industry = rng.choice(SHOPS)
    names = INDUSTRIES[industry]["items"][market.language]
    num_items = weighted(rng, [(1, 3), (2, 3), (4, 4), (7, 3), (12, 2), (25, 0.5)])
    chosen = rng.sample(names, min(num_items, len(names)))
    items = tuple(_item(rng, name, market) for name in chosen)
    subtotal = sum((item.total for item in items), NOTHING)
    discount = to_cents(subtotal * rng.choice((5, 10, 15)) / 100) if chance(rng, 0.12) else NOTHING
    amount = subtotal - discount
    total = amount
    if market.country in ("MY", "SG", "CH", "AU") and chance(rng, 0.7):
        total = (amount * 20).quantize(Decimal(1)) / 20
    tax = to_cents(amount * market.usual_rate / (100 + market.usual_rate))
    day = date(2012, 1, 1) + timedelta(days=rng.randint(0, 365 * 15))
    shop = draw_party(rng, market, industry)
    return Receipt(market, style, shop, day, items, subtotal, discount, tax, to_cents(total - amount), to_cents(total))


def _item(rng: Random, name: str, market: Market) -> Item:
    quantity = Decimal(weighted(rng, [(1, 7), (2, 2), (3, 1), (6, 0.4), (10, 0.2)]))
    if chance(rng, 0.06):
        quantity = Decimal(rng.randint(50, 3000)).scaleb(-3)
    price = Decimal(rng.randint(40, 10 ** rng.randint(3, 4))).scaleb(-2)
    if chance(rng, 0.4):
        price = Decimal(int(price)) + rng.choice((Decimal("0.90"), Decimal("0.99"), Decimal("0.50"), NOTHING)) + 1
    code = fill(rng, rng.choice(("#############", "######", "????###")))
    return Item(name, (), code, quantity, "", price, NOTHING, market.usual_rate, to_cents(quantity * price))


def paint_receipt(seed: int) -> PaintedDocument:
    """Paint one till slip."""
    receipt = draw_receipt(stream("receipt", seed, "content"))
    rng, fonts = stream("receipt", seed, "look"), stream("receipt", seed, "fonts")
    look = draw_look(rng, fonts, receipt.market, language=receipt.style.language)
    look = replace(look, **_slip(rng, choose_family(fonts)))
    # Slips print their currency once or never, rarely at every amount.
    money = receipt.style.money if chance(rng, 0.3) else "plain"
    speech = Speech(rng, look, replace(receipt.style, money=money), receipt.market, {})
    canvas = Canvas(look.width, TALL_PT)
    slip = _Slip(canvas, speech, receipt, look.top)
    family = slip.paint()
    canvas.height = slip.y + rng.uniform(8, 60)
    pages, printed = canvas.finish()
    printed = tuple(value for value in printed if value.path != "currency")
    truth = fill_shape("receipt", {value.path: speech.truths[value.path] for value in printed})
    return PaintedDocument(
        "receipt", seed, look.language, truth, pages, printed, Origin(family, look.family.name, receipt.shop.name)
    )


def _slip(rng: Random, family: Family) -> dict[str, Any]:
    width = weighted(rng, [(rng.uniform(150, 250), 0.8), (rng.uniform(260, 420), 0.2)])
    margin = rng.uniform(4, 20)
    face = open_family("Courier") if chance(rng, 0.45) else family
    size = min(11.0, max(5.5, width / rng.uniform(21, 34)))
    black = (0.0, 0.0, 0.0)
    return {
        "width": width, "height": TALL_PT, "left": margin, "right": margin, "top": rng.uniform(8, 30), "size": size,
        "family": face, "head_family": face, "accent": black, "ink_color": black, "leading": rng.uniform(1.05, 1.35),
    }  # fmt: skip


class _Slip:
    """Puts a receipt line by line; `y` is the next free height."""

    def __init__(self, canvas: Canvas, speech: Speech, receipt: Receipt, y: float) -> None:
        self.canvas, self.speech, self.receipt, self.y = canvas, speech, receipt, y
        self.look: Look = speech.look
        self.rng = speech.rng
        self.words: dict[str, list[str]] = TILL[self.look.language]
        self.align = 0.5 if chance(self.rng, 0.75) else 0.0

    def paint(self) -> str:
        """Put all of the slip; returns its layout family."""
        rng = self.rng
        item_shape = weighted(rng, [("amount", 2), ("quantity_first", 2), ("below", 2), ("columns", 2)])
        self._head()
        if chance(rng, 0.5):
            self._line((rng.choice(self.words["title"]),), self.look.bold, align=self.align)
        is_date_late = chance(rng, 0.3)
        if not is_date_late:
            self._facts()
        self._rule()
        self._items(item_shape)
        self._rule()
        self._sums()
        self._rule()
        if is_date_late:
            self._facts()
        for text in rng.sample(self.words["thanks"], rng.randint(0, 4)):
            filled = text.format(n=self.receipt.shop.person, w=self.receipt.shop.web, k=fill(rng, "####"))
            self._line((filled,), self.look.body, align=self.align)
        return f"slip-{item_shape}"

    def _head(self) -> None:
        rng, speech, shop = self.rng, self.speech, self.receipt.shop
        if chance(rng, 0.15):
            side = rng.uniform(20, 40)
            x = (self.look.width - side) / 2
            self.canvas.shade(
                x, self.y, x + side, self.y + side, color=(0.1, 0.1, 0.1), kind=rng.choice(("ellipse", "rectangle"))
            )
            self.y += side + 6
        name = shop.name.upper() if chance(rng, 0.5) else shop.name
        if chance(rng, 0.12):
            self._line((shop.person if chance(rng, 0.5) else shop.city.upper(),), self.look.body, align=self.align)
        big = Ink(self.look.family.bold, self.look.size * rng.uniform(1.0, 1.6))
        self._line(speech.text(name, "merchant_name"), big, align=self.align)
        if chance(rng, 0.35):
            self._line(
                (f"({fill(rng, '######-?')})" if chance(rng, 0.5) else shop.register,), self.look.body, align=self.align
            )
        if chance(rng, 0.93):
            self._line(speech.text(self._address(), "merchant_address"), self.look.body, align=self.align)
        for label, text in (
            ("Tel", shop.phone),
            ("Fax", shop.fax),
            ("", shop.email),
            ("", shop.web),
            ("GST ID", fill(rng, "0###########")),
            ("", shop.vat_id or ""),
        ):
            if text and chance(rng, 0.25):
                self._line((f"{label}: {text}" if label else text,), self.look.body, align=self.align)
        self.y += rng.uniform(0, 8)

    def _address(self) -> str:
        shop, rng = self.receipt.shop, self.rng
        is_city_first = self.look.language == "en" and chance(rng, 0.5)
        place = f"{shop.city} {shop.postcode}" if is_city_first else f"{shop.postcode} {shop.city}"
        parts = [shop.street, place]
        if self.look.language == "en" and chance(rng, 0.4):
            parts.insert(
                1,
                rng.choice(
                    (
                        "Taman Melati",
                        "Level 2, Central Mall",
                        "Jalan Besar",
                        "Unit G-12",
                        "Industrial Estate",
                        "Section 14",
                        "Near City Park",
                    )
                ),
            )
        end = rng.choice((",", ",", ""))
        text = (f"{end} {BREAK} " if chance(rng, 0.8) else ", ").join(parts) + rng.choice(("", "", "."))
        return text.upper() if chance(rng, 0.4) else text

    def _facts(self) -> None:
        rng, words, receipt = self.rng, self.words, self.receipt
        clock = f"{rng.randint(7, 22):02d}:{rng.randint(0, 59):02d}" + (
            f":{rng.randint(0, 59):02d}" if chance(rng, 0.4) else ""
        )
        day = self.speech.day(receipt.day, "date")
        time = f" {clock}" if chance(rng, 0.7) else ""
        label = rng.choice((f"{rng.choice(words['date'])}: ", f"{rng.choice(words['date'])} ", ""))
        facts: list[Phrase] = [(label.replace("::", ":"), *day, time)]
        others = {
            "number": make_reference(rng, receipt.day.year),
            "cashier": receipt.shop.person.split()[0],
            "till": fill(rng, "##"),
            "table": fill(rng, "#"),
        }
        for name, text in others.items():
            if chance(rng, 0.4):
                facts.insert(
                    rng.randint(0, len(facts)), (f"{rng.choice(words[name])}{rng.choice((': ', ' ', ' : '))}{text}",)
                )
        if len(facts) > 1 and chance(rng, 0.3):
            left, right = facts.pop(0), facts.pop(0)
            self._split(left, right, self.look.body)
        for fact in facts:
            self._line(fact, self.look.body, align=0.0)

    def _items(self, shape: str) -> None:
        rng, speech, look = self.rng, self.speech, self.look
        if chance(rng, 0.4):
            self._split((rng.choice(self.words["head"]),), (self.words["head"][3],), look.bold)
        has_code, suffix = chance(rng, 0.2), rng.choice(("", "", "", " A", " *", " B"))
        upper, times = chance(rng, 0.4), rng.choice((" x ", " X ", "x ", " @ ", " * "))
        for number, item in enumerate(self.receipt.items):
            path = f"lines[{number}]"
            name = speech.text(item.description.upper() if upper else item.description, f"{path}.description")
            total = (*speech.amount(item.total, f"{path}.line_total"), suffix)
            quantity = speech.number(item.quantity, f"{path}.quantity")
            price = speech.amount(item.unit_price, f"{path}.unit_price", bare=True)
            if has_code:
                self._line((item.article,), look.body, align=0.0)
            if shape == "amount":
                self._split(name, total, look.body)
            elif shape == "quantity_first":
                self._split((*quantity, rng.choice((" ", " x ")), *name), total, look.body)
            elif shape == "below":
                self._line(name, look.body, align=0.0)
                self._split(("  ", *quantity, times, *price), total, look.body)
            else:
                self._line(name, look.body, align=0.0)
                self._columns([quantity, price, total])

    def _sums(self) -> None:
        rng, words, receipt, speech = self.rng, self.words, self.receipt, self.speech
        rate = speech.style.number(receipt.market.usual_rate)
        rows: list[tuple[str, Phrase]] = []
        if receipt.discount or chance(rng, 0.4):
            rows.append((rng.choice(words["subtotal"]), speech.amount(receipt.subtotal)))
        if receipt.discount:
            rows.append((rng.choice(words["discount"]), speech.amount(-receipt.discount)))
        if receipt.rounding or chance(rng, 0.08):
            rows.append((rng.choice(words["rounding"]), speech.amount(receipt.rounding)))
        tax = (rng.choice(words["tax"]).format(r=rate), speech.amount(receipt.tax))
        if chance(rng, 0.3):
            rows.append(tax)
        for label, phrase in rows:
            self._split((label,), phrase, self.look.body)
        ink = Ink(self.look.family.bold, self.look.size * rng.choice((1.0, 1.0, 1.2, 1.5)))
        label = rng.choice(words["total"])
        mark = f" {receipt.style.mark}" if chance(rng, 0.2) else ""
        self._split((f"{label}{mark}{rng.choice(('', ':'))}",), speech.amount(receipt.total, "total"), ink)
        self._payment(tax)

    def _payment(self, tax: tuple[str, Phrase]) -> None:
        rng, words, speech, total = self.rng, self.words, self.speech, self.receipt.total
        if chance(rng, 0.45):
            given = total + rng.choice((NOTHING, Decimal(5), Decimal("0.05"), 10 - total % 10, 50 - total % 50))
            self._split((rng.choice(words["cash"]),), speech.amount(given), self.look.body)
            self._split((rng.choice(words["change"]),), speech.amount(given - total), self.look.body)
        elif chance(rng, 0.5):
            self._split((rng.choice(words["card"]),), speech.amount(total), self.look.body)
        if chance(rng, 0.3):
            self._line((f"{rng.choice(words['items'])}: {len(self.receipt.items)}",), self.look.body, align=0.0)
        if chance(rng, 0.3):
            net = speech.amount(total - self.receipt.tax, bare=True)
            self._columns([(tax[0],), net, speech.amount(self.receipt.tax, bare=True)])

    def _line(self, phrase: Phrase, ink: Ink, *, align: float) -> None:
        leading = ink.size * self.look.leading
        self.y = (
            self.canvas.paragraph(
                self.look.left,
                self.y + ink.size,
                phrase,
                ink,
                width=self.look.inner_width,
                leading=leading,
                align=align,
            )
            - ink.size
        )

    def _split(self, left: Phrase, right: Phrase, ink: Ink) -> None:
        """Put a phrase at the left and one at the right edge of the same line."""
        edge = self.look.left + self.look.inner_width
        wide = self.canvas.text(edge, self.y + ink.size, right, ink, align=1.0)
        room = max(self.look.inner_width - wide - ink.size, 30.0)
        leading = ink.size * self.look.leading
        self.y = (
            self.canvas.paragraph(self.look.left, self.y + ink.size, left, ink, width=room, leading=leading) - ink.size
        )

    def _columns(self, cells: list[Phrase]) -> None:
        ink, step = self.look.body, self.look.inner_width / len(cells)
        leading, low = ink.size * self.look.leading, self.y
        for number, cell in enumerate(cells):
            x = self.look.left + step * number
            end = self.canvas.paragraph(x, self.y + ink.size, cell, ink, width=step - 3, leading=leading, align=1.0)
            low = max(low, end - ink.size)
        self.y = low

    def _rule(self) -> None:
        sign = self.rng.choice(("-", "=", "*", "", "line"))
        ink, middle = self.look.body, self.y + self.look.size * 0.7
        if sign == "line":
            self.canvas.rule(self.look.left, middle, self.look.left + self.look.inner_width, middle)
        elif sign:
            count = int(self.look.inner_width / ink.width(sign))
            self.canvas.text(self.look.left, middle + 2, (sign * count,), ink)
        self.y += ink.size * self.look.leading
