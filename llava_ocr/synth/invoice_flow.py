"""An invoice on its way down the pages: what it is made of, and what happens where a page ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from llava_ocr.synth.blocks import Frame
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.invoice_items import carried_amounts
from llava_ocr.synth.look import Look
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import Speech
from llava_ocr.synth.streams import chance
from llava_ocr.synth.vocabulary import WORDING


@dataclass
class Flow:
    """One invoice being painted. `main` is the column that later pages keep, `running` the small line above them.

    `taken` are the pages whose foot is full.
    """

    canvas: Canvas
    speech: Speech
    invoice: Invoice
    title: str
    has_carry: bool
    has_page_head: bool
    main: Frame | None = None
    running: Phrase = ()
    taken: set[int] = field(default_factory=set)

    @property
    def look(self) -> Look:
        """The document's look."""
        return self.speech.look

    @property
    def bottom(self) -> float:
        """Where the footer begins."""
        return self.look.height - self.look.bottom

    def whole(self) -> Frame:
        """The first page between its margins."""
        return Frame(self.look.left, self.look.top, self.look.inner_width)

    def room(self, frame: Frame, height: float) -> Frame:
        """Return where `height` points can stand: here or on the next page."""
        return frame if frame.y + height < self.bottom else self.next_page(-1)

    def next_page(self, row: int) -> Frame:
        """End the page before the items' row `row` (-1: after them) and return where the next one begins."""
        look, canvas = self.look, self.canvas
        page, is_carried = canvas.num_pages, self.has_carry and row > 0
        amount = self._carried(row)
        if is_carried:
            self._carry(
                look.height - look.bottom - 8, self.speech.label("carried", p=str(page), n=str(page + 1)), amount
            )
        canvas.add_page()
        column = self.main or self.whole()
        frame = column.moved(look.top + 10)
        if self.running:
            canvas.text(look.left, look.top * 0.7, self.running, look.small)
        if self.has_page_head:
            number = self.speech.text(self.invoice.number, "invoice_number")
            canvas.text(look.left, frame.y, (f"{self.title} ", *number), look.body)
            frame = frame.moved(frame.y + 14)
        if is_carried:
            self._carry(frame.y + 10, self.speech.label("brought", p=str(page)), amount)
            frame = frame.moved(frame.y + 20)
        return frame

    def _carried(self, row: int) -> Phrase:
        carried = carried_amounts(self.invoice)
        return (self.speech.style.amount(carried[min(row, len(carried) - 1)]),) if row >= 0 else ()

    def _carry(self, y: float, label: str, amount: Phrase) -> None:
        right, ink = self.look.left + self.look.inner_width, self.look.body
        wide = self.canvas.text(right, y, amount, ink, align=1.0)
        self.canvas.text(right - wide - ink.size * 2, y, (label,), ink, align=1.0)
        self.speech.patterns.add("carried over")


def start_flow(canvas: Canvas, speech: Speech, invoice: Invoice) -> Flow:
    """Draw what an invoice calls itself and what it does at page breaks."""
    rng = speech.rng
    title = rng.choice(WORDING[speech.look.language]["title_credit" if invoice.is_credit else "title"])
    # Wordings used only at page breaks are drawn now, so that page breaks change nothing else.
    for concept in ("carried", "brought", "page"):
        speech.label(concept)
    return Flow(canvas, speech, invoice, title, has_carry=chance(rng, 0.4), has_page_head=chance(rng, 0.5))
