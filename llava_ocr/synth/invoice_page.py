"""An invoice from seed to pages: content, look, then section after section down the page."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.invoice import Invoice, draw_invoice
from llava_ocr.synth.invoice_foot import put_footers, say_closing, say_payment
from llava_ocr.synth.invoice_head import (
    Cell,
    head_rows,
    say_contact,
    say_meta,
    say_more_meta,
    say_party,
    say_party_pairs,
    say_sender_line,
    say_subject,
)
from llava_ocr.synth.invoice_items import carried_amounts, make_items_table
from llava_ocr.synth.invoice_sums import make_sums_strip, make_tax_table, put_sums, say_sums
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.sayings import Speech, draw_address_style
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.table import put_table
from llava_ocr.synth.vocabulary import WORDING

SKELETONS = (("letter", 0.3), ("columns", 0.36), ("boxes", 0.12), ("dump", 0.14), ("plain", 0.08))


def paint_invoice(seed: int) -> PaintedDocument:
    """Paint one invoice."""
    invoice = draw_invoice(stream("invoice", seed, "content"))
    rng = stream("invoice", seed, "look")
    look = draw_look(rng, stream("invoice", seed, "fonts"), invoice.market, language=invoice.style.language)
    speech = Speech(rng, look, invoice.style, invoice.market, {})
    skeleton = weighted(rng, SKELETONS)
    canvas = Canvas(look.width, look.height)
    _Painter(canvas, speech, invoice, skeleton, stream("invoice", seed, "flow")).paint()
    pages, printed = canvas.finish()
    # Who the goods go to is printed, and nobody asks for it.
    printed = tuple(value for value in printed if not value.path.startswith("ship_to."))
    truth = fill_shape("invoice", {value.path: speech.truths[value.path] for value in printed})
    origin = Origin(skeleton, look.family.name, invoice.seller.name)
    return PaintedDocument("invoice", seed, invoice.style.language, truth, pages, printed, origin)


@dataclass
class _Painter:
    """Paints one invoice; `flow` draws what depends on page breaks, so that fonts cannot change the truth."""

    canvas: Canvas
    speech: Speech
    invoice: Invoice
    skeleton: str
    flow: Random

    def paint(self) -> None:
        """Paint all pages."""
        speech, look, rng = self.speech, self.look, self.speech.rng
        self.address = draw_address_style(rng)
        self.title = rng.choice(WORDING[look.language]["title_credit" if self.invoice.is_credit else "title"])
        self.shape = choose_shape(rng) if self.skeleton != "plain" else rng.choice(("colon", "columns"))
        self.meta = say_meta(speech, self.invoice)
        # Wordings used only at page breaks are drawn now, so that page breaks change nothing else.
        for concept in ("carried", "brought", "page"):
            speech.label(concept)
        self.has_carry, self.has_page_head = chance(rng, 0.4), chance(rng, 0.5)
        rows = head_rows(speech, self.skeleton)
        frame = Frame(look.left, look.top, look.inner_width)
        for row in rows:
            frame = frame.moved(self._row(frame, row) + rng.uniform(4, 22))
        frame = frame.moved(self._intro(frame))
        frame = self._items(frame)
        frame = self._sums(frame)
        self._ending(frame)
        put_footers(self.canvas, speech, self.invoice)

    @property
    def look(self) -> Look:
        """The document's look."""
        return self.speech.look

    def _row(self, frame: Frame, row: list[Cell]) -> float:
        x, low = frame.x, frame.y
        for cell in row:
            width = frame.width * cell.share
            low = max(low, self._block(Frame(x, frame.y, width - (8 if len(row) > 1 else 0)), cell))
            x += width
        return low

    def _block(self, frame: Frame, cell: Cell) -> float:
        speech, look, invoice, canvas = self.speech, self.look, self.invoice, self.canvas
        rng, shape = speech.rng, self.shape if frame.width > 150 or self.shape == "above" else "colon"
        match cell.block:
            case "meta":
                return put_pairs(canvas, frame, self.meta, look, shape=shape)
            case "more_meta":
                return put_pairs(canvas, frame, say_more_meta(speech, invoice), look, shape=shape)
            case "title":
                return put_lines(
                    canvas, frame, [((self.title,), look.heading(rng.uniform(1.3, 2.6)))], look, align=cell.align
                )
            case "title_meta":
                lines: list[Line] = [((self.title,), look.heading(rng.uniform(1.4, 2.6))), ((), look.body)]
                y = put_lines(canvas, frame, lines, look, align=cell.align)
                return put_pairs(canvas, frame.moved(y), self.meta, look, shape=shape)
            case "subject":
                phrase, _ = say_subject(speech, invoice, self.title)
                return put_lines(canvas, frame, [(phrase, look.heading(rng.uniform(1.0, 1.7)))], look)
            case "logo":
                return self._logo(frame, cell)
            case "seller" | "seller_center" | "seller_labelled":
                return self._seller(frame, cell)
            case "seller_contact":
                shares = [("contact", 0.0), ("phone", 0.8), ("fax", 0.4), ("email", 0.7), ("web", 0.4), ("vat_id", 0.3)]
                return put_pairs(
                    canvas, frame, say_contact(speech, invoice.seller, "seller", shares=shares), look, shape=shape
                )
            case "seller_pairs" | "buyer_pairs" | "ship_to_pairs":
                return self._party_pairs(frame, cell.block.removesuffix("_pairs"))
            case "window":
                small = Ink(look.family.regular, max(5.5, look.size * 0.7), look.ink_color)
                y = frame.y + rng.uniform(10, 50)
                if chance(rng, 0.75):
                    y = put_lines(
                        canvas, frame.moved(y), [(say_sender_line(speech, invoice.seller, self.address), small)], look
                    )
                return self._recipient(frame.moved(y + rng.uniform(2, 12)), "buyer", has_label=chance(rng, 0.08))
            case "buyer_labelled":
                return self._recipient(frame, "buyer", has_label=chance(rng, 0.88))
            case _:
                return self._recipient(frame, "ship_to", has_label=True)

    def _logo(self, frame: Frame, cell: Cell) -> float:
        rng, look = self.speech.rng, self.look
        side = rng.uniform(18, 48)
        x = frame.x + (frame.width - side) * cell.align
        self.canvas.shade(
            x,
            frame.y,
            x + side,
            frame.y + side,
            color=look.accent,
            kind=rng.choice(("rectangle", "ellipse", "triangle")),
        )
        return frame.y + side + 4

    def _seller(self, frame: Frame, cell: Cell) -> float:
        speech, look, seller = self.speech, self.look, self.invoice.seller
        rng = speech.rng
        lines: list[Line] = []
        if cell.block == "seller_labelled" or chance(rng, 0.15):
            lines.append(((self.speech.label("seller"),), look.bold))
        name_ink = rng.choice((look.bold, look.heading(rng.uniform(1.0, 1.8)), look.body))
        party = say_party(speech, seller, "seller", self.address, name_ink=name_ink)
        if chance(rng, 0.12):
            party = party[:1]
        y = put_lines(self.canvas, frame, lines + party, look, align=cell.align)
        shares = [
            ("phone", 0.45),
            ("fax", 0.2),
            ("email", 0.4),
            ("web", 0.3),
            ("vat_id", 0.35),
            ("tax_number", 0.12),
            ("register", 0.1),
            ("gln", 0.06),
            ("iban", 0.05),
        ]
        contact = [
            ((f"{label} ", *phrase), look.body)
            for label, phrase in say_contact(speech, seller, "seller", shares=shares)
        ]
        return put_lines(self.canvas, frame.moved(y), contact, look, align=cell.align)

    def _recipient(self, frame: Frame, role: str, *, has_label: bool) -> float:
        speech, look = self.speech, self.look
        party = self.invoice.buyer if role == "buyer" else self.invoice.ship_to
        name_ink = look.bold if chance(speech.rng, 0.3) else look.body
        lines: list[Line] = (
            [((speech.label(role),), look.bold if chance(speech.rng, 0.6) else look.small)] if has_label else []
        )
        lines += say_party(speech, party, role, self.address, name_ink=name_ink)
        y = put_lines(self.canvas, frame, lines, look)
        if role != "buyer":
            return y
        shares = [("vat_id", 0.25), ("phone", 0.06), ("email", 0.08), ("gln", 0.05)]
        more = [
            ((f"{label} ", *phrase), look.body) for label, phrase in say_contact(speech, party, role, shares=shares)
        ]
        return put_lines(self.canvas, frame.moved(y), more, look)

    def _party_pairs(self, frame: Frame, role: str) -> float:
        look, speech = self.look, self.speech
        party = {"seller": self.invoice.seller, "buyer": self.invoice.buyer}.get(role, self.invoice.ship_to)
        y = put_lines(self.canvas, frame, [((speech.label(role),), look.bold)], look)
        return put_pairs(
            self.canvas, frame.moved(y), say_party_pairs(speech, party, role, self.address), look, shape="columns"
        )

    def _intro(self, frame: Frame) -> float:
        speech, look, rng = self.speech, self.look, self.speech.rng
        if not chance(rng, 0.75 if self.skeleton == "letter" else 0.12):
            return frame.y
        lines: list[Line] = []
        if chance(rng, 0.6):
            lines += [(say_closing(speech, self.invoice, "salutation"), look.body), ((), look.body)]
        lines.append((say_closing(speech, self.invoice, "intro"), look.body))
        return put_lines(self.canvas, frame, lines, look) + rng.uniform(4, 14)

    def _items(self, frame: Frame) -> Frame:
        table = make_items_table(self.speech, self.invoice)
        bottom = self.look.height - self.look.bottom - 20
        return put_table(self.canvas, frame, table, bottom=bottom, next_page=self._next_page)

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
        frame = Frame(look.left, look.top + 10, look.inner_width)
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
        sums = say_sums(speech, self.invoice)
        has_taxes = chance(rng, 0.5 if len(self.invoice.totals.taxes) > 1 else 0.14)
        taxes = make_tax_table(speech, self.invoice) if has_taxes else None
        place = weighted(rng, [("right", 0.66), ("full", 0.12), ("left", 0.06), ("strip", 0.16)])
        width = frame.width * (1.0 if place == "full" else rng.uniform(0.36, 0.52))
        gap, has_rules = rng.uniform(2, 24), chance(rng, 0.5)
        frame = self._room(frame, 30 + len(sums) * look.size * 1.7)
        frame = frame.moved(frame.y + gap)
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
