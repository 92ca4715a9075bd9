"""Bank statements: a letter with a long table that runs over pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.codes import fill, make_reference
from llava_ocr.synth.conventions import Style, draw_style
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.markets import Market, choose_market
from llava_ocr.synth.parties import Party, draw_customer, draw_name, draw_party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.table import Column, Row, Table, draw_table_style, put_table
from llava_ocr.synth.vocabulary import INDUSTRIES, read_words

BANK: dict[str, Any] = read_words("bank")


@dataclass(frozen=True, slots=True)
class Booking:
    """One entry; `balance` is the account's after it."""

    day: date
    description: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """One account over one period."""

    market: Market
    style: Style
    holder: Party
    bank: Party
    start: date
    end: date
    opening: Decimal
    bookings: tuple[Booking, ...]

    @property
    def closing(self) -> Decimal:
        """The balance after the last booking."""
        return self.bookings[-1].balance


def draw_account(rng: Random, *, num_bookings: int | None = None) -> Account:
    """Draw an account's month or quarter; with `num_bookings`, one of so many bookings."""
    market = choose_market(rng)
    style = draw_style(rng, market, market.language)
    start = date(2012, 1, 1) + timedelta(days=rng.randint(0, 5500))
    start = start.replace(day=1) if chance(rng, 0.7) else start
    end = start + timedelta(days=rng.choice((27, 29, 30, 89, 6)))
    opening = Decimal(rng.randint(-200_000, 2_000_000)).scaleb(-2)
    bookings, balance = [], opening
    if num_bookings is None:
        num_bookings = rng.randint(*weighted(rng, [((2, 8), 0.4), ((9, 25), 0.4), ((26, 70), 0.2)]))
    for offset in sorted(rng.randint(0, (end - start).days) for _ in range(num_bookings)):
        amount = Decimal(rng.randint(100, 10 ** rng.randint(3, 6))).scaleb(-2)
        amount = amount if chance(rng, 0.25) else -amount
        balance += amount
        bookings.append(Booking(start + timedelta(days=offset), _text(rng, market), amount, balance))
    bank = draw_party(rng, market, "consulting")
    return Account(market, style, draw_customer(rng, market), bank, start, end, opening, tuple(bookings))


def _text(rng: Random, market: Market) -> str:
    shop = draw_party(rng, market, rng.choice(sorted(INDUSTRIES)))
    text = rng.choice(BANK[market.language]["entries"]).format(
        shop=shop.name, p=draw_name(rng, market), r=make_reference(rng, 2020), c=shop.city, n=fill(rng, "######")
    )
    return str(text.upper() if chance(rng, 0.25) else text)


def paint_statement(seed: int, *, num_bookings: int | None = None, rows_per_page: int | None = None) -> PaintedDocument:
    """Paint one bank statement; with `num_bookings`, a long one: pages are numbered, balances may be carried over.

    No page has more than `rows_per_page`.
    """
    account = draw_account(stream("statement", seed, "content"), num_bookings=num_bookings)
    rng = stream("statement", seed, "look")
    look = draw_look(rng, stream("statement", seed, "fonts"), account.market, language=account.style.language)
    speech = Speech(rng, look, account.style, account.market, {})
    canvas = Canvas(look.width, look.height)
    paging = PLAIN if num_bookings is None else draw_paging(stream("statement", seed, "paging"))
    paging = replace(paging, max_rows=rows_per_page)
    family = _Painter(canvas, speech, account, paging).paint()
    pages, printed = canvas.finish()
    truth = fill_shape("statement", {value.path: speech.truths[value.path] for value in printed})
    origin = Origin(family, look.family.name, account.bank.bank)
    return PaintedDocument("statement", seed, look.language, truth, pages, printed, origin)


@dataclass(frozen=True, slots=True)
class Paging:
    """What a statement of many pages has at their ends: counters, carried balances, rows that go on overleaf."""

    counter: str = ""
    carries: bool = False
    breaks_rows: bool = False
    max_rows: int | None = None


PLAIN = Paging()


def draw_paging(rng: Random) -> Paging:
    """Draw how a long statement's pages end."""
    counter = weighted(rng, [("", 0.2), ("of", 0.5), ("slash", 0.2), ("bare", 0.1)])
    return Paging(counter, carries=chance(rng, 0.4), breaks_rows=chance(rng, 0.35))


@dataclass(frozen=True)
class _Painter:
    canvas: Canvas
    speech: Speech
    account: Account
    paging: Paging = PLAIN

    @property
    def look(self) -> Look:
        return self.speech.look

    def label(self, concept: str) -> str:
        """Word a concept once for the whole statement."""
        if concept not in self.look.labels:
            self.look.labels[concept] = self.speech.rng.choice(BANK[self.look.language][concept])
        return self.look.labels[concept]

    def paint(self) -> str:
        """Put all pages; returns the layout family."""
        rng, look, account = self.speech.rng, self.look, self.account
        shape = choose_shape(rng)
        frame = Frame(look.left, look.top, look.inner_width)
        frame = frame.moved(self._bank(frame) + rng.uniform(6, 30))
        facts = self._facts()
        is_beside = chance(rng, 0.5)
        low = put_pairs(self.canvas, self._right(frame) if is_beside else frame, facts, look, shape=shape)
        left = Frame(frame.x, frame.y if is_beside else low + 8, frame.width * 0.5)
        frame = frame.moved(max(low, self._holder(left)) + rng.uniform(8, 26))
        in_table = chance(rng, 0.5)
        if not in_table and chance(rng, 0.8):
            pairs: list[Pair] = [(self.label("opening"), self._amount(account.opening, "opening_balance"))]
            pairs.append((self.label("closing"), self._amount(account.closing, "closing_balance")))
            frame = frame.moved(put_pairs(self.canvas, frame, pairs, look, shape=shape) + 10)
        frame = self._entries(frame, in_table=in_table)
        notes: list[Line] = [((note,), look.small) for note in BANK[look.language]["note"] if chance(rng, 0.3)]
        put_lines(self.canvas, frame.moved(frame.y + 8), notes, look)
        self._count_pages()
        return f"statement-{shape}-{'beside' if is_beside else 'below'}"

    def _right(self, frame: Frame) -> Frame:
        return Frame(frame.x + frame.width * 0.52, frame.y, frame.width * 0.48)

    def _bank(self, frame: Frame) -> float:
        rng, look, bank = self.speech.rng, self.look, self.account.bank
        name = self.speech.text(bank.bank, "bank_name")
        lines: list[Line] = [(name, look.heading(rng.uniform(1.1, 2.0)))]
        for text in (bank.street, f"{bank.postcode} {bank.city}", bank.phone, bank.web):
            if chance(rng, 0.4):
                lines.append(((text,), look.small))
        title: Line = ((self.label("title"),), look.heading(rng.uniform(1.2, 2.0)))
        lines = [*lines, ((), look.body), title] if chance(rng, 0.7) else [title, ((), look.body), *lines]
        return put_lines(self.canvas, frame, lines, look, align=rng.choice((0.0, 0.0, 1.0)))

    def _holder(self, frame: Frame) -> float:
        holder, look = self.account.holder, self.look
        lines: list[Line] = [(self.speech.text(holder.name, "account_holder"), look.body)]
        lines += [((text,), look.body) for text in (holder.street, f"{holder.postcode} {holder.city}")]
        return put_lines(self.canvas, frame, lines, look)

    def _facts(self) -> list[Pair]:
        rng, speech, account = self.speech.rng, self.speech, self.account
        start, end = speech.day(account.start, "period_start"), speech.day(account.end, "period_end")
        pairs: list[Pair] = [(self.label("iban"), speech.iban(account.bank.iban, "iban"))]
        pairs.append((BANK[self.look.language]["period"][rng.choice((0, 1))], (*start, " - ", *end)))
        if chance(rng, 0.4):
            pairs.append((self.label("account_holder"), speech.text(account.holder.name, "account_holder")))
        if chance(rng, 0.5):
            pairs.append((self.label("currency"), speech.currency(account.market.currency)))
        if chance(rng, 0.4):
            pairs.append((self.label("sheet"), (str(rng.randint(1, 90)),)))
        if chance(rng, 0.25):
            pairs.append((self.label("limit"), self._amount(Decimal(rng.randint(1, 90) * 100))))
        rng.shuffle(pairs)
        return pairs

    def _amount(self, amount: Decimal, *paths: str) -> Phrase:
        return self.speech.amount(amount, *paths, bare=self.speech.style.money.startswith("glued"))

    def _entries(self, frame: Frame, *, in_table: bool) -> Frame:
        rng, speech, account = self.speech.rng, self.speech, self.account
        names = ["date", *(["value_date"] if chance(rng, 0.35) else []), "description", "amount"]
        names += ["balance"] if chance(rng, 0.55) else []
        columns = tuple(
            Column(name, self.label(name), 1.0 if name in ("amount", "balance") else 0.0, is_wide=name == "description")
            for name in names
        )
        rows = [self._row(number, booking) for number, booking in enumerate(account.bookings)]
        last = names[-1]
        if in_table:
            opening = {
                "description": (self.label("opening"),),
                last: speech.amount(account.opening, "opening_balance", bare=True),
            }
            closing = {
                "description": (self.label("closing"),),
                last: speech.amount(account.closing, "closing_balance", bare=True),
            }
            rows = [Row(opening), *rows, Row(closing, is_bold=True)]
        table = Table(columns, tuple(rows), draw_table_style(rng), self.look)
        bottom = self.look.height - self.look.bottom
        carry = partial(self._carried, last, is_shifted=in_table) if self.paging.carries else None
        return put_table(
            self.canvas,
            frame,
            table,
            bottom=bottom,
            next_page=self._next_page,
            carry=carry,
            breaks_rows=self.paging.breaks_rows,
            max_rows=self.paging.max_rows,
        )

    def _row(self, number: int, booking: Booking) -> Row:
        speech, path = self.speech, f"entries[{number}]"
        return Row(
            {
                "date": speech.day(booking.day, f"{path}.date"),
                "value_date": (speech.style.day(booking.day + timedelta(days=number % 2)),),
                "description": speech.text(booking.description, f"{path}.description"),
                "amount": speech.amount(booking.amount, f"{path}.amount", bare=True),
                "balance": speech.amount(booking.balance, f"{path}.balance", bare=True),
            }
        )

    def _carried(self, last: str, number: int, *, is_shifted: bool) -> tuple[Row, Row]:
        """The balance so far, below the last row of a page and above the first of the next."""
        at = min(max(number - is_shifted, 0), len(self.account.bookings))
        balance = self.account.bookings[at - 1].balance if at else self.account.opening
        amount = (self.speech.style.amount(balance),)
        rows = [Row({"description": (self.label(name),), last: amount}) for name in ("carried", "brought")]
        return rows[0], rows[1]

    def _count_pages(self) -> None:
        """Put `Page 3 of 30` at the foot of every page."""
        look, num_pages = self.look, self.canvas.num_pages
        words = BANK[look.language]["page"]
        for index in range(num_pages if self.paging.counter else 0):
            texts = {
                "of": words[0].format(a=index + 1, b=num_pages),
                "slash": f"{index + 1}/{num_pages}",
                "bare": words[1].format(a=index + 1),
            }
            self.canvas.turn_to(index)
            middle = (look.width / 2, look.height - look.bottom * 0.5)
            self.canvas.text(*middle, (texts[self.paging.counter],), look.small, align=0.5)

    def _next_page(self, _: int) -> Frame:
        self.canvas.add_page()
        return Frame(self.look.left, self.look.top, self.look.inner_width)
