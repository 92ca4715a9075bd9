"""An invoice from seed to pages: content, look, then section after section down the page."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.invoice import Invoice, draw_invoice
from llava_ocr.synth.invoice_blocks import Head
from llava_ocr.synth.invoice_foot import put_footers, say_closing, say_conditions, say_payment
from llava_ocr.synth.invoice_head import Cell, head_rows, say_meta, say_subject
from llava_ocr.synth.invoice_items import carried_amounts, make_items_table
from llava_ocr.synth.invoice_sums import make_sums_strip, make_tax_table, put_sums, say_sums
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.sayings import Speech, draw_address_style
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.table import put_table
from llava_ocr.synth.vocabulary import WORDING

SKELETONS = (
    ("letter", 0.32), ("columns", 0.32), ("boxes", 0.11), ("dump", 0.12), ("plain", 0.06), ("sidebar", 0.07),
)  # fmt: skip


def paint_invoice(seed: int) -> PaintedDocument:
    """Paint one invoice."""
    invoice = draw_invoice(stream("invoice", seed, "content"))
    rng = stream("invoice", seed, "look")
    look = draw_look(rng, stream("invoice", seed, "fonts"), invoice.market, language=invoice.style.language)
    speech = Speech(rng, look, invoice.style, invoice.market, {})
    skeleton = weighted(rng, SKELETONS)
    canvas = Canvas(look.width, look.height)
    painter = _Painter(canvas, speech, invoice, skeleton, stream("invoice", seed, "flow"))
    painter.paint()
    pages, printed = canvas.finish()
    # Who the goods go to is printed, and nobody asks for it.
    printed = tuple(value for value in printed if not value.path.startswith("ship_to."))
    truth = fill_shape("invoice", {value.path: speech.truths[value.path] for value in printed})
    origin = Origin(painter.family, look.family.name, invoice.seller.name)
    return PaintedDocument("invoice", seed, invoice.style.language, truth, pages, printed, origin)


@dataclass
class _Painter:
    """Paints one invoice; `flow` draws what depends on page breaks, so that fonts cannot change the truth."""

    canvas: Canvas
    speech: Speech
    invoice: Invoice
    skeleton: str
    flow: Random
    main: Frame | None = None
    family: str = ""

    def paint(self) -> None:
        """Paint all pages."""
        speech, rng = self.speech, self.speech.rng
        self.title = rng.choice(WORDING[self.look.language]["title_credit" if self.invoice.is_credit else "title"])
        # Wordings used only at page breaks are drawn now, so that page breaks change nothing else.
        for concept in ("carried", "brought", "page"):
            speech.label(concept)
        self.has_carry, self.has_page_head = chance(rng, 0.4), chance(rng, 0.5)
        frame = self._head()
        frame = frame.moved(self._intro(frame))
        # Some issuers sum up first and list what it is made of below.
        steps = (self._sums, self._items) if chance(rng, 0.05) else (self._items, self._sums)
        for step in steps:
            frame = step(frame)
            frame = frame.moved(frame.y + (rng.uniform(8, 20) if step == self._sums else 0))
        self._ending(frame)
        if chance(rng, 0.03):
            self._conditions()
        put_footers(self.canvas, speech, self.invoice)
        if chance(rng, 0.04):
            self._stamp()

    @property
    def look(self) -> Look:
        """The document's look."""
        return self.speech.look

    def _head(self) -> Frame:
        """Put what stands above the items; returns the frame below, which is narrower beside a sidebar."""
        speech, look, rng = self.speech, self.look, self.speech.rng
        rows = head_rows(speech, self.skeleton)
        blocks = {cell.block for row in rows for cell in row}
        self.family = f"{self.skeleton}: {', '.join('+'.join(cell.block for cell in row) for row in rows)}"
        subject, said = say_subject(speech, self.invoice, self.title) if "subject" in blocks else ((), frozenset[str]())
        if "place_and_day" in blocks:
            said = said | {"issue_date"}
        shape = choose_shape(rng) if self.skeleton != "plain" else rng.choice(("colon", "columns"))
        meta = say_meta(speech, self.invoice, said_before=said)
        head = Head(self.canvas, speech, self.invoice, draw_address_style(rng), self.title, subject, meta, shape)
        frame = Frame(look.left, look.top, look.inner_width)
        if self.skeleton == "sidebar":
            frame = self._sidebar(head, frame)
        for row in rows:
            frame = frame.moved(head.put_row(frame, row) + rng.uniform(4, 22))
        return frame

    def _sidebar(self, head: Head, frame: Frame) -> Frame:
        rng, look = self.speech.rng, self.look
        width = frame.width * rng.uniform(0.22, 0.3)
        is_left = chance(rng, 0.4)
        x = frame.x if is_left else frame.x + frame.width - width
        if chance(rng, 0.4):
            self.canvas.shade(x - 6, 0, x + width + 4, look.height, color=look.tint)
        head.put(Frame(x, frame.y + rng.uniform(0, 80), width - 6), Cell(1.0, "sidebar"))
        self.main = Frame(frame.x + (width + 10 if is_left else 0), frame.y, frame.width - width - 12)
        return self.main

    def _conditions(self) -> None:
        self.canvas.add_page()
        look = self.look
        frame = Frame(look.left, look.top, look.inner_width)
        frame = frame.moved(
            put_lines(self.canvas, frame, [((self.speech.label("info"),), look.heading(1.2))], look) + 6
        )
        half = frame.width / 2
        for number, lines in enumerate(say_conditions(self.speech)):
            put_lines(self.canvas, Frame(frame.x + number * half, frame.y, half - 10), lines, look)

    def _stamp(self) -> None:
        rng, look = self.speech.rng, self.look
        text = rng.choice(WORDING[look.language]["paid_stamp"])
        self.canvas.turn_to(0)
        ink = Ink(
            look.family.bold, rng.uniform(18, 40), rng.choice(((0.8, 0.1, 0.1), (0.6, 0.6, 0.75), (0.8, 0.8, 0.8)))
        )
        self.canvas.text(
            look.width * rng.uniform(0.3, 0.7), look.height * rng.uniform(0.3, 0.8), (text,), ink, align=0.5
        )

    def _intro(self, frame: Frame) -> float:
        speech, look, rng = self.speech, self.look, self.speech.rng
        if not chance(rng, 0.7 if self.skeleton in ("letter", "sidebar") else 0.12):
            return frame.y
        lines: list[Line] = []
        if chance(rng, 0.6):
            lines += [(say_closing(speech, self.invoice, "salutation"), look.body), ((), look.body)]
        lines.append((say_closing(speech, self.invoice, "intro"), look.body))
        return put_lines(self.canvas, frame, lines, look) + rng.uniform(4, 14)

    def _items(self, frame: Frame) -> Frame:
        frame = self._heading(frame, "details")
        table = make_items_table(self.speech, self.invoice)
        bottom = self.look.height - self.look.bottom - 20
        return put_table(self.canvas, frame, table, bottom=bottom, next_page=self._next_page)

    def _heading(self, frame: Frame, concept: str) -> Frame:
        """Put a section's heading, where the document has such headings."""
        speech, look = self.speech, self.look
        if not chance(speech.rng, 0.6 if self.skeleton == "dump" else 0.08):
            return frame
        return frame.moved(put_lines(self.canvas, frame, [((speech.label(concept),), look.bold)], look) + 3)

    def _next_page(self, row: int) -> Frame:
        look, speech, canvas = self.look, self.speech, self.canvas
        right, page = look.left + look.inner_width, canvas.num_pages
        carried = carried_amounts(self.invoice)
        amount = (speech.style.amount(carried[min(row, len(carried) - 1)]),) if row >= 0 else ()
        if self.has_carry and row > 0:
            y = look.height - look.bottom - 8
            wide = canvas.text(right, y, amount, look.body, align=1.0)
            label = speech.label("carried", p=str(page), n=str(page + 1))
            canvas.text(right - wide - look.size * 2, y, (label,), look.body, align=1.0)
        canvas.add_page()
        column = self.main or Frame(look.left, look.top, look.inner_width)
        frame = column.moved(look.top + 10)
        if self.has_page_head:
            canvas.text(
                look.left, frame.y, (f"{self.title} ", *speech.text(self.invoice.number, "invoice_number")), look.body
            )
            frame = frame.moved(frame.y + 14)
        if self.has_carry and row > 0:
            wide = canvas.text(right, frame.y + 10, amount, look.body, align=1.0)
            label = speech.label("brought", p=str(page))
            canvas.text(right - wide - look.size * 2, frame.y + 10, (label,), look.body, align=1.0)
            frame = frame.moved(frame.y + 20)
        return frame

    def _room(self, frame: Frame, height: float) -> Frame:
        return frame if frame.y + height < self.look.height - self.look.bottom else self._next_page(-1)

    def _sums(self, frame: Frame) -> Frame:
        speech, look, rng = self.speech, self.look, self.speech.rng
        sums = say_sums(speech, self.invoice, is_full=self.skeleton == "dump" and chance(rng, 0.6))
        has_taxes = chance(rng, 0.5 if len(self.invoice.totals.taxes) > 1 else 0.14)
        taxes = make_tax_table(speech, self.invoice) if has_taxes else None
        place = weighted(rng, [("right", 0.66), ("full", 0.12), ("left", 0.06), ("strip", 0.16)])
        width = frame.width * (1.0 if place == "full" else rng.uniform(0.36, 0.52))
        gap, has_rules = rng.uniform(2, 24), chance(rng, 0.5)
        frame = self._room(frame, 30 + len(sums) * look.size * 1.7)
        frame = self._heading(frame.moved(frame.y + gap), "summary")
        if place == "strip":
            strip = make_sums_strip(speech, sums)
            frame = put_table(self.canvas, frame, strip, bottom=look.height, next_page=self._next_page)
            y = frame.y
        else:
            x = frame.x + (frame.width - width if place == "right" else 0)
            y = put_sums(self.canvas, Frame(x, frame.y, width), sums, look, has_rules=has_rules)
        if taxes:
            is_beside = place == "right" and width < frame.width * 0.5 and chance(rng, 0.5)
            spot = frame if is_beside else self._room(frame.moved(y + 12), 60)
            below = put_table(
                self.canvas,
                Frame(spot.x, spot.y, frame.width * 0.45),
                taxes,
                bottom=look.height,
                next_page=self._next_page,
            )
            y = max(y, below.y) if is_beside else below.y
        return frame.moved(y)

    def _ending(self, frame: Frame) -> None:
        speech, look, rng = self.speech, self.look, self.speech.rng
        sections = say_payment(speech, self.invoice)
        for section in sections:
            frame = self._room(frame, 24 + 14 * len(section.lines or section.pairs))
            frame = frame.moved(frame.y + rng.uniform(6, 20))
            if section.heading:
                frame = frame.moved(put_lines(self.canvas, frame, [((section.heading,), look.bold)], look))
            width = frame.width * section.share
            y = put_lines(self.canvas, Frame(frame.x, frame.y, width), section.lines, look)
            pairs: list[Pair] = section.pairs
            frame = frame.moved(put_pairs(self.canvas, Frame(frame.x, y, width), pairs, look, shape=section.shape))
