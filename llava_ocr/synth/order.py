"""Purchase orders: the buyer writes, the supplier is addressed, and the goods go to a third place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from llava_ocr.synth.bargain import Item, Totals, add_up, draw_items
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.codes import make_reference
from llava_ocr.synth.conventions import Style, draw_style
from llava_ocr.synth.invoice_sums import Sum, put_sums
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.markets import Market, choose_foreign_market, choose_market
from llava_ocr.synth.parties import Party, draw_name, draw_party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import AddressStyle, Speech, draw_address_style, say_address
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.table import Column, Row, Table, draw_table_style, put_table
from llava_ocr.synth.vocabulary import INDUSTRIES, WORDING, read_words

WORDS: dict[str, Any] = read_words("orders")
SCHEMA = "purchase_order"


@dataclass(frozen=True, slots=True)
class Order:
    """One order's content."""

    market: Market
    style: Style
    buyer: Party
    supplier: Party
    ship_to: Party
    number: str
    ordered: date
    wanted: date
    contact: str
    references: dict[str, str]
    items: tuple[Item, ...]
    totals: Totals


def draw_order(rng: Random) -> Order:
    """Draw an order's content."""
    market = choose_market(rng)
    language = "en" if market.language != "en" and chance(rng, 0.08) else market.language
    style = draw_style(rng, market, language)
    industry = rng.choice(sorted(INDUSTRIES))
    ordered = date(2010, 1, 1) + timedelta(days=rng.randint(0, 365 * 18))
    items = draw_items(rng, market, style, industry=industry, day=ordered)
    abroad = choose_foreign_market(rng, market) if chance(rng, 0.15) else market
    return Order(
        market=market,
        style=style,
        buyer=draw_party(rng, market, rng.choice(sorted(INDUSTRIES))),
        supplier=draw_party(rng, abroad, industry),
        ship_to=draw_party(rng, market, rng.choice(sorted(INDUSTRIES))),
        number=make_reference(rng, ordered.year, letters=rng.choice(("PO", "B", "BE", "CF", "BC", "45", ""))),
        ordered=ordered,
        wanted=ordered + timedelta(days=rng.choice((1, 3, 5, 7, 10, 14, 21, 30, 45, 60))),
        contact=draw_name(rng, market),
        references={name: make_reference(rng, ordered.year) for name in ("quote", "requisition", "account")},
        items=items,
        totals=add_up(rng, items),
    )


def paint_order(seed: int) -> PaintedDocument:
    """Paint one purchase order."""
    order = draw_order(stream("order", seed, "content"))
    rng = stream("order", seed, "look")
    look = draw_look(rng, stream("order", seed, "fonts"), order.market, language=order.style.language)
    speech = Speech(rng, look, order.style, order.market, {})
    canvas = Canvas(look.width, look.height)
    family = _Painter(canvas, speech, order, draw_address_style(rng)).paint()
    pages, printed = canvas.finish()
    # Where the goods go is printed, and nobody asks for it.
    printed = tuple(value for value in printed if not value.path.startswith("ship_to."))
    truth = fill_shape(SCHEMA, {value.path: speech.truths[value.path] for value in printed})
    origin = Origin(family, look.family.name, order.buyer.name)
    return PaintedDocument(SCHEMA, seed, look.language, truth, pages, printed, origin=origin)


@dataclass(frozen=True)
class _Painter:
    canvas: Canvas
    speech: Speech
    order: Order
    address: AddressStyle

    @property
    def look(self) -> Look:
        return self.speech.look

    def label(self, concept: str) -> str:
        """Word a concept once for the whole order."""
        if concept not in self.look.labels:
            text = str(self.speech.rng.choice(WORDS[self.look.language][concept]))
            self.look.labels[concept] = text.upper() if self.look.has_capital_labels else text
        return self.look.labels[concept]

    def paint(self) -> str:
        """Put all pages; returns the layout family."""
        rng, look = self.speech.rng, self.look
        shape = choose_shape(rng)
        parties = weighted(rng, [("row", 3), ("boxed", 2), ("letter", 2), ("stacked", 1)])
        is_priced = chance(rng, 0.9)
        frame = self._head(Frame(look.left, look.top, look.inner_width))
        frame = self._facts_and_parties(frame, parties, shape)
        if chance(rng, 0.3):
            intro: Line = ((rng.choice(WORDS[look.language]["intro"]),), look.body)
            frame = frame.moved(put_lines(self.canvas, frame, [intro], look) + 4)
        frame = self._items(frame.moved(frame.y + rng.uniform(4, 14)), is_priced=is_priced)
        frame = self._sums(frame) if is_priced and chance(rng, 0.92) else frame
        self._end(frame)
        return f"order-{parties}-{shape}"

    def _head(self, frame: Frame) -> Frame:
        """The buyer's letterhead and the title, one below or beside the other."""
        rng, look, buyer = self.speech.rng, self.look, self.order.buyer
        contact = [(part,) for part in (buyer.phone, buyer.email, buyer.web) if chance(rng, 0.4)]
        name: Line = (self.speech.text(buyer.name, "buyer.name"), look.heading(rng.uniform(1.1, 1.8)))
        says: list[Phrase] = []
        if chance(rng, 0.75):
            says = say_address(self.speech, buyer, "buyer", self.address)
        if buyer.vat_id and chance(rng, 0.4):
            says.append((f"{self.speech.label('vat_id')} ", *self.speech.vat_id(buyer.vat_id, "buyer.vat_id")))
        lines: list[Line] = [name, *((phrase, look.small) for phrase in (*says, *contact))]
        title: Line = ((self.label("title"),), look.heading(rng.uniform(1.4, 2.4)))
        if chance(rng, 0.5):
            half = frame.width / 2
            is_left = chance(rng, 0.7)
            left, right = Frame(frame.x, frame.y, half - 8), Frame(frame.x + half, frame.y, half)
            y = put_lines(self.canvas, left if is_left else right, lines, look, align=0.0 if is_left else 1.0)
            other = put_lines(self.canvas, right if is_left else left, [title], look, align=1.0 if is_left else 0.0)
            y = max(y, other)
        else:
            y = put_lines(self.canvas, frame, [*lines, ((), look.body), title], look, align=rng.choice((0, 0, 0.5)))
        if chance(rng, 0.3):
            self.canvas.rule(frame.x, y + 2, frame.x + frame.width, y + 2, color=look.accent)
        return frame.moved(y + rng.uniform(6, 18))

    def _facts(self) -> list[Pair]:
        rng, speech, order, look = self.speech.rng, self.speech, self.order, self.look
        pairs: list[Pair] = [
            (self.label("order_number"), speech.text(order.number, "order_number")),
            (self.label("order_date"), speech.day(order.ordered, "order_date")),
        ]
        if chance(rng, 0.7):
            pairs.append((self.label("delivery_date"), speech.day(order.wanted, "delivery_date")))
        if chance(rng, 0.2):
            pairs.append((speech.label("currency"), speech.currency(order.market.currency)))
        others: dict[str, str] = {
            "contact": order.contact,
            "terms": rng.choice(WORDING[look.language]["terms_value"]),
            "freight": rng.choice(WORDING[look.language]["shipping_value"]),
            "quote_date": speech.style.day(order.ordered - timedelta(days=9)),
            "revision": str(rng.randint(0, 5)),
            **order.references,
        }
        pairs += [(self.label(name), (text,)) for name, text in others.items() if chance(rng, 0.28)]
        if chance(rng, 0.6):
            rng.shuffle(pairs)
        return pairs

    def _facts_and_parties(self, frame: Frame, how: str, shape: str) -> Frame:
        rng, look = self.speech.rng, self.look
        facts = self._facts()
        if how == "letter":
            half = frame.width * 0.5
            right = Frame(frame.x + half, frame.y, half)
            y = self._party(Frame(frame.x, frame.y, half - 12), "supplier", has_label=chance(rng, 0.3))
            y = max(y, put_pairs(self.canvas, right, facts, look, shape=shape))
            return frame.moved(y + 10)
        is_first = chance(rng, 0.5)
        if is_first:
            frame = frame.moved(put_pairs(self.canvas, frame, facts, look, shape=shape) + 8)
        roles = ["supplier", *(["ship_to"] if chance(rng, 0.75) else []), *(["buyer"] if chance(rng, 0.35) else [])]
        rng.shuffle(roles)
        frame = frame.moved(self._parties(frame, roles, how) + 8)
        return frame if is_first else frame.moved(put_pairs(self.canvas, frame, facts, look, shape=shape) + 8)

    def _parties(self, frame: Frame, roles: list[str], how: str) -> float:
        if how == "stacked":
            y = frame.y
            for role in roles:
                y = self._party(frame.moved(y), role) + 6
            return y
        width = frame.width / len(roles)
        spots = [Frame(frame.x + number * width, frame.y, width) for number in range(len(roles))]
        inset = 4 if how == "boxed" else 0
        y = max(
            self._party(Frame(spot.x + inset, spot.y + inset, width - 10), role)
            for spot, role in zip(spots, roles, strict=True)
        )
        if how == "boxed":
            for spot in spots:
                self.canvas.frame(spot.x, spot.y, spot.x + width - 4, y + 3, color=self.look.accent)
        return y + inset

    def _party(self, frame: Frame, role: str, *, has_label: bool = True) -> float:
        look, speech = self.look, self.speech
        party = {"supplier": self.order.supplier, "buyer": self.order.buyer, "ship_to": self.order.ship_to}[role]
        lines: list[Line] = [((self.label(role),), look.bold)] if has_label else []
        lines.append((speech.text(party.name, f"{role}.name"), look.body))
        lines += [(phrase, look.body) for phrase in say_address(speech, party, role, self.address)]
        if party.vat_id and chance(speech.rng, 0.2):
            said = speech.vat_id(party.vat_id, f"{role}.vat_id")
            lines.append(((f"{speech.label('vat_id')} ", *said), look.body))
        return put_lines(self.canvas, frame, lines, look)

    def _items(self, frame: Frame, *, is_priced: bool) -> Frame:
        rng = self.speech.rng
        names = [name for name, share in (("position", 0.6), ("article", 0.6)) if chance(rng, share)]
        names += ["description"]
        middle = ["quantity", *(["unit"] if chance(rng, 0.5) else [])]
        names = [*middle, *names] if chance(rng, 0.15) else [*names, *middle]
        names += ["needed"] if chance(rng, 0.15) else []
        names += ["unit_price", "total"] if is_priced else []
        columns = tuple(
            Column(name, self._header(name), 1.0 if name in ("quantity", "unit_price", "total") else 0.0,
                   is_wide=name == "description")
            for name in names
        )  # fmt: skip
        rows = tuple(self._row(number, item, names) for number, item in enumerate(self.order.items))
        table = Table(columns, rows, draw_table_style(rng), self.look)
        bottom = self.look.height - self.look.bottom - 10
        return put_table(self.canvas, frame, table, bottom=bottom, next_page=self._next_page)

    def _header(self, name: str) -> str:
        return self.label(name) if name in ("article", "needed") else self.speech.label(f"col_{name}")

    def _row(self, number: int, item: Item, names: list[str]) -> Row:
        speech, path = self.speech, f"lines[{number}]"
        say: dict[str, Callable[[], Phrase]] = {
            "position": lambda: (str((number + 1) * 10 if len(self.order.number) % 2 else number + 1),),
            "article": lambda: speech.text(item.article, f"{path}.article_number"),
            "description": lambda: speech.text(item.description, f"{path}.description"),
            "quantity": lambda: speech.number(item.quantity, f"{path}.quantity"),
            "unit": lambda: (item.unit,),
            "needed": lambda: (speech.style.day(self.order.wanted),),
            "unit_price": lambda: speech.amount(item.unit_price, f"{path}.unit_price", bare=True),
            "total": lambda: speech.amount(item.total, f"{path}.line_total", bare=True),
        }
        return Row({name: say[name]() for name in names}, below=tuple((line,) for line in item.details[:1]))

    def _sums(self, frame: Frame) -> Frame:
        speech, rng, totals, look = self.speech, self.speech.rng, self.order.totals, self.look
        sums: list[Sum] = []
        if totals.discount:
            percent = str(round(totals.discount / totals.items * 100)) if totals.items else ""
            sums.append(Sum(speech.label("discount", p=percent), speech.amount(-totals.discount)))
        if totals.charge:
            sums.append(Sum(speech.label("charge"), speech.amount(totals.charge)))
        has_tax = chance(rng, 0.6)
        sums.append(Sum(speech.label("net_total"), speech.amount(totals.net, "net_total")))
        if has_tax:
            sums.append(Sum(speech.label("tax_total"), speech.amount(totals.tax, "tax_total")))
            sums.append(Sum(speech.label("grand_total"), speech.amount(totals.grand, "grand_total"), chance(rng, 0.7)))
        if frame.y + len(sums) * look.size * 1.8 + 20 > look.height - look.bottom:
            frame = self._next_page(-1)
        width = frame.width * rng.uniform(0.35, 0.5)
        spot = Frame(frame.x + frame.width - width, frame.y + rng.uniform(4, 14), width)
        return frame.moved(put_sums(self.canvas, spot, sums, look, has_rules=chance(rng, 0.5)))

    def _end(self, frame: Frame) -> None:
        look, rng = self.look, self.speech.rng
        notes: list[Line] = [((note,), look.small) for note in WORDS[look.language]["note"] if chance(rng, 0.35)]
        if frame.y + len(notes) * 14 + 60 > look.height - look.bottom * 0.6:
            frame = self._next_page(-1)
        y = put_lines(self.canvas, frame.moved(frame.y + rng.uniform(8, 24)), notes, look)
        if chance(rng, 0.5):
            x = frame.x + (frame.width * 0.55 if chance(rng, 0.5) else 0)
            self.canvas.rule(x, y + 34, x + frame.width * 0.4, y + 34)
            signed = f"{self.label('approve')}, {self.order.contact}" if chance(rng, 0.5) else self.label("approve")
            self.canvas.text(x, y + 44, (signed,), look.small)

    def _next_page(self, _: int) -> Frame:
        self.canvas.add_page()
        return Frame(self.look.left, self.look.top, self.look.inner_width)
