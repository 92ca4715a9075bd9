"""Invoices on printed forms: every part in a frame of its own, the items in a grid with rows left blank."""

from __future__ import annotations

from llava_ocr.synth.bargain import NOTHING
from llava_ocr.synth.blocks import Frame, Line, Pair, lines_height, put_lines
from llava_ocr.synth.conventions import to_cents
from llava_ocr.synth.invoice_flow import Flow
from llava_ocr.synth.invoice_foot import say_bank, say_note
from llava_ocr.synth.invoice_footer import put_footers
from llava_ocr.synth.invoice_head import say_contact, say_more_meta, say_party
from llava_ocr.synth.invoice_items import make_items_table
from llava_ocr.synth.invoice_registers import make_allowance_table
from llava_ocr.synth.invoice_sums import Sum, make_tax_table, say_sums
from llava_ocr.synth.invoice_totals import put_boxes
from llava_ocr.synth.look import with_end
from llava_ocr.synth.parties import Party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import AddressStyle, draw_address_style
from llava_ocr.synth.streams import chance
from llava_ocr.synth.table import Row, Table, TableStyle, put_table

BUYER_SHARES = (("vat_id", 0.5), ("phone", 0.2), ("email", 0.3), ("gln", 0.3), ("tax_number", 0.3))
SELLER_SHARES = (
    ("phone", 0.6), ("email", 0.5), ("web", 0.3), ("gln", 0.3), ("vat_id", 0.8), ("tax_number", 0.4), ("register", 0.4),
)  # fmt: skip


class Form:
    """Puts an invoice frame by frame; `has_shades` fills the frames, `gap` parts them."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.speech, self.look = flow, flow.speech, flow.look
        rng = flow.speech.rng
        self.has_shades, self.gap = chance(rng, 0.5), rng.choice((0.0, 0.0, 3.0, 6.0))
        self.has_heads = chance(rng, 0.8)
        self.address: AddressStyle = draw_address_style(rng)

    def paint(self) -> str:
        """Paint all of the form; returns its template family."""
        flow, rng = self.flow, self.speech.rng
        flow.has_page_head = False
        share = rng.uniform(0.4, 0.6)
        seller, number = self._party("seller", flow.invoice.seller), self._numbers()
        first = [(share, seller), (1 - share, number)]
        order = "seller+number"
        if chance(rng, 0.35):
            first, order = [(1 - share, number), (share, seller)], "number+seller"
        frame = self._row(flow.whole(), first)
        second = [(share, self._more()), (1 - share, self._party("buyer", flow.invoice.buyer))]
        frame = self._row(frame, second[::-1] if chance(rng, 0.25) else second)
        has_third = chance(rng, 0.5)
        if has_third:
            frame = self._row(frame, [(share, self._party("ship_to", flow.invoice.ship_to)), (1 - share, self._more())])
        frame = self._tables(frame.moved(frame.y + 4))
        self._end(frame)
        if chance(rng, 0.5):
            put_footers(flow)
        return f"form: {order}{'+ship_to' if has_third else ''}{', shades' if self.has_shades else ''}"

    def _row(self, frame: Frame, boxes: list[tuple[float, list[Line]]]) -> Frame:
        """Put boxes side by side, all as tall as the tallest."""
        height = max(lines_height(lines, self.look, frame.width * share - 12) for share, lines in boxes) + 8
        frame = self.flow.room(frame, height)
        x, canvas = frame.x, self.flow.canvas
        for share, lines in boxes:
            width = frame.width * share - (self.gap if len(boxes) > 1 else 0)
            if self.has_shades and len(lines) > 2:
                canvas.shade(x, frame.y, x + width, frame.y + height, color=self.look.tint)
            canvas.frame(x, frame.y, x + width, frame.y + height, color=self.look.accent)
            put_lines(canvas, Frame(x + 5, frame.y + 3, frame.width * share - 12), lines, self.look)
            x += frame.width * share
        return frame.moved(frame.y + height + self.gap)

    def _party(self, role: str, party: Party) -> list[Line]:
        look, speech = self.look, self.speech
        lines: list[Line] = [((speech.label(role),), look.bold)] if self.has_heads or role != "seller" else []
        lines += say_party(speech, party, role, self.address, name_ink=look.bold)
        if role == "ship_to":
            return lines
        shares = SELLER_SHARES if role == "seller" else BUYER_SHARES
        return lines + self._pairs(say_contact(speech, party, role, shares=shares))

    def _pairs(self, pairs: list[Pair]) -> list[Line]:
        end = self.look.label_end or " :"
        return [((f"{label}{end} ", *phrase), self.look.body) for label, phrase in pairs]

    def _numbers(self) -> list[Line]:
        """The invoice's own number and date, larger than the rest."""
        speech, invoice, rng = self.speech, self.flow.invoice, self.speech.rng
        ink = self.look.heading(rng.choice((1.0, 1.2, 1.5)))
        pairs: list[Pair] = [
            (speech.label("invoice_number"), speech.text(invoice.number, "invoice_number")),
            (speech.label("issue_date"), speech.day(invoice.issued, "issue_date")),
        ]
        lines: list[Line] = [((self.flow.title,), ink)] if chance(rng, 0.6) else []
        lines += [((f"{with_end(self.look, label)} ", *phrase), ink) for label, phrase in pairs]
        if chance(rng, 0.5):
            pair = (speech.label("currency"), speech.currency(speech.market.currency))
            lines += self._pairs([pair])
        return lines

    def _more(self) -> list[Line]:
        speech = self.speech
        head: list[Line] = [((speech.label("info"),), self.look.bold)] if chance(speech.rng, 0.5) else []
        return head + self._pairs(say_more_meta(speech, self.flow.invoice))

    def _tables(self, frame: Frame) -> Frame:
        speech, invoice, rng = self.speech, self.flow.invoice, self.speech.rng
        blank = tuple(Row({}) for _ in range(rng.choice((0, 0, 2, 4))))
        frame = self._grid(frame, make_items_table(speech, invoice, tail=blank))
        if (invoice.totals.discount or invoice.totals.charge) and chance(rng, 0.6):
            frame = self._grid(frame, make_allowance_table(speech, invoice))
        return self._grid(frame, make_tax_table(speech, invoice)) if chance(rng, 0.7) else frame

    def _grid(self, frame: Frame, table: Table) -> Frame:
        style = TableStyle(
            "shade" if self.has_shades else "rules", "grid", 3.0, 4, is_header_bold=True, repeats_header=True
        )
        table = Table(table.columns, table.rows, style, self.look)
        below = put_table(self.flow.canvas, frame, table, bottom=self.flow.bottom - 20, next_page=self.flow.next_page)
        return below.moved(below.y + 6)

    def _end(self, frame: Frame) -> None:
        flow, speech, rng, invoice = self.flow, self.speech, self.speech.rng, self.flow.invoice
        sums = say_sums(speech, invoice, is_full=False)
        # What is due may have a box of its own below, with the date.
        last = self._due(sums.pop()) if len(sums) > 1 and chance(rng, 0.6) else []
        frame = flow.room(frame, 60)
        frame = frame.moved(put_boxes(flow.canvas, frame, sums, self.look) + 3)
        if last:
            frame = self._row(frame, last)
        bank: list[Line] = [((speech.label("payment"),), self.look.bold), *self._pairs(say_bank(speech, invoice))]
        boxes: list[tuple[float, list[Line]]] = [(0.55, bank)]
        if chance(rng, 0.6):
            notes: list[Line] = [(say_note(speech, invoice), self.look.small) for _ in range(2)]
            boxes.insert(rng.randint(0, 1), (0.45, notes))
        frame = self._row(frame, boxes)
        self._sign(frame)

    def _due(self, line: Sum) -> list[tuple[float, list[Line]]]:
        speech, look = self.speech, self.look
        day: Phrase = (f"{with_end(look, speech.label('due_date'))} ", *speech.day(self.flow.invoice.due, "due_date"))
        return [(0.45, [(day, look.bold)]), (0.55, [((f"{line.label}   ", *line.phrase), look.heading(1.2))])]

    def _sign(self, frame: Frame) -> None:
        """Late fees in small print, an amount that is none of the totals."""
        if chance(self.speech.rng, 0.4):
            fee = self.speech.style.amount(to_cents(self.flow.invoice.totals.grand * 2 / 100 + NOTHING))
            phrase = (f"{self.speech.label('late_fee')} {fee}",)
            put_lines(self.flow.canvas, self.flow.room(frame, 30), [(phrase, self.look.small)], self.look)


def paint_form(flow: Flow) -> str:
    """Paint a whole invoice as a form; returns its template family."""
    return Form(flow).paint()
