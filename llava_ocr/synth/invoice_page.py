"""An invoice from seed to pages: content, look, then section after section down the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blocks import Frame, Line, Pair, choose_shape, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.conventions import Style
from llava_ocr.synth.fonts import open_family
from llava_ocr.synth.invoice import Invoice, draw_invoice
from llava_ocr.synth.invoice_blocks import Head
from llava_ocr.synth.invoice_flow import Flow, start_flow
from llava_ocr.synth.invoice_foot import say_closing, say_conditions, say_payment
from llava_ocr.synth.invoice_footer import put_footers, put_page_numbers
from llava_ocr.synth.invoice_form import paint_form
from llava_ocr.synth.invoice_head import Cell, head_rows, say_meta, say_subject
from llava_ocr.synth.invoice_lists import MAX_TOLD_ITEMS, put_dotted, put_glance, put_told
from llava_ocr.synth.invoice_slips import put_slips
from llava_ocr.synth.invoice_totals import choose_place, put_items, put_totals
from llava_ocr.synth.invoice_viewer import paint_viewer, raw_style
from llava_ocr.synth.look import Look, draw_look
from llava_ocr.synth.sayings import Speech, draw_address_style
from llava_ocr.synth.shapes import fill_shape
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.vocabulary import WORDING

SKELETONS = (
    ("letter", 0.32), ("columns", 0.28), ("boxes", 0.1), ("dump", 0.07), ("plain", 0.05), ("sidebar", 0.07),
    ("viewer", 0.1), ("form", 0.06),
)  # fmt: skip
# Skeletons that are no letters paint all of their pages themselves.
WHOLE: dict[str, Callable[[Flow], str]] = {"viewer": paint_viewer, "form": paint_form}


def paint_invoice(seed: int) -> PaintedDocument:
    """Paint one invoice."""
    return paint_content(draw_invoice(stream("invoice", seed, "content")), seed)


def paint_content(invoice: Invoice, seed: int) -> PaintedDocument:
    """Paint an invoice whose content is given; `seed` draws its look."""
    rng, fonts = stream("invoice", seed, "look"), stream("invoice", seed, "fonts")
    look = draw_look(rng, fonts, invoice.market, language=invoice.style.language)
    skeleton = weighted(rng, SKELETONS)
    look, style = _data_like(rng, look, invoice) if skeleton == "viewer" else (look, invoice.style)
    speech = Speech(rng, look, style, invoice.market, {})
    canvas = Canvas(look.width, look.height)
    flow = start_flow(canvas, speech, invoice)
    family = WHOLE[skeleton](flow) if skeleton in WHOLE else _Painter(flow, skeleton).paint()
    put_page_numbers(flow)
    pages, printed = canvas.finish()
    # Who the goods go to is printed, and nobody asks for it.
    printed = tuple(value for value in printed if not value.path.startswith("ship_to."))
    truth = fill_shape("invoice", {value.path: speech.truths[value.path] for value in printed})
    origin = Origin(family, look.family.name, invoice.seller.name)
    patterns = frozenset({*speech.patterns, skeleton, *_outline(invoice, len(pages))})
    return PaintedDocument("invoice", seed, look.language, truth, pages, printed, origin=origin, patterns=patterns)


def _data_like(rng: Random, look: Look, invoice: Invoice) -> tuple[Look, Style]:
    """Write like data: maybe raw values, maybe typed."""
    style = raw_style(invoice.market, look.language) if chance(rng, 0.35) else invoice.style
    return (replace(look, family=open_family("Courier")) if chance(rng, 0.2) else look), style


def _outline(invoice: Invoice, num_pages: int) -> set[str]:
    """Name what the invoice's content alone decides."""
    totals = invoice.totals
    found = {
        "credit note": invoice.is_credit,
        "several tax rates": len(totals.taxes) > 1,
        "discount or charge": bool(totals.discount or totals.charge),
        "prepaid": bool(totals.prepaid),
        "several pages": num_pages > 1,
    }
    return {name for name, holds in found.items() if holds}


@dataclass
class _Painter:
    """Paints one invoice as issuers lay them out: head, items, totals, payment, footer."""

    flow: Flow
    skeleton: str
    family: str = ""
    place: str = "right"
    is_dotted: bool = False

    def paint(self) -> str:
        """Paint all pages; returns the template family."""
        speech, rng = self.speech, self.speech.rng
        frame = self._head()
        frame = frame.moved(self._intro(frame))
        self._choose()
        if speech.shows("account summary", 0.0 if self.invoice.totals.prepaid else 0.06):
            frame = put_glance(self.flow, frame)
        # Some issuers sum up first and list what it is made of below.
        steps = (self._sums, self._items) if chance(rng, 0.05) else (self._items, self._sums)
        for step in steps:
            frame = step(frame)
            frame = frame.moved(frame.y + (rng.uniform(8, 20) if step == self._sums else 0))
        put_slips(self.flow, self._ending(frame))
        if chance(rng, 0.03):
            self._conditions()
        put_footers(self.flow)
        if chance(rng, 0.04):
            self._stamp()
        return self.family

    def _choose(self) -> None:
        """Draw how items and totals are put: a table with its totals, dotted lines, or sentences without any table."""
        speech, num_items = self.speech, len(self.invoice.items)
        is_letter = self.skeleton in ("letter", "plain") and num_items <= MAX_TOLD_ITEMS
        if speech.shows("items in sentences", 0.15 if is_letter else 0.0):
            self.place = "told"
            return
        self.place = choose_place(self.flow)
        self.is_dotted = self.place != "in table" and speech.shows("dotted items", 0.06)

    @property
    def canvas(self) -> Canvas:
        """What is painted on."""
        return self.flow.canvas

    @property
    def speech(self) -> Speech:
        """How the document says things."""
        return self.flow.speech

    @property
    def invoice(self) -> Invoice:
        """What the document says."""
        return self.flow.invoice

    @property
    def look(self) -> Look:
        """The document's look."""
        return self.flow.look

    def _head(self) -> Frame:
        """Put what stands above the items; returns the frame below, which is narrower beside a sidebar."""
        speech, look, rng = self.speech, self.look, self.speech.rng
        rows = head_rows(speech, self.skeleton)
        blocks = {cell.block for row in rows for cell in row}
        self.family = f"{self.skeleton}: {', '.join('+'.join(cell.block for cell in row) for row in rows)}"
        subject, said = (
            say_subject(speech, self.invoice, self.flow.title) if "subject" in blocks else ((), frozenset[str]())
        )
        if blocks & {"place_and_day", "date_only"}:
            said = said | {"issue_date"}
        shape = choose_shape(rng) if self.skeleton != "plain" else rng.choice(("colon", "columns"))
        meta = say_meta(speech, self.invoice, said_before=said)
        head = Head(self.canvas, speech, self.invoice, draw_address_style(rng), self.flow.title, subject, meta, shape)
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
        main = Frame(frame.x + (width + 10 if is_left else 0), frame.y, frame.width - width - 12)
        self.flow.main = main
        return main

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
        if self.place == "told":
            return put_told(self.flow, frame)
        if self.is_dotted:
            return put_dotted(self.flow, frame)
        return put_items(self.flow, frame, place=self.place)

    def _heading(self, frame: Frame, concept: str) -> Frame:
        """Put a section's heading, where the document has such headings."""
        speech, look = self.speech, self.look
        if not chance(speech.rng, 0.6 if self.skeleton == "dump" else 0.08):
            return frame
        return frame.moved(put_lines(self.canvas, frame, [((speech.label(concept),), look.bold)], look) + 3)

    def _sums(self, frame: Frame) -> Frame:
        rng = self.speech.rng
        is_full = self.skeleton == "dump" and chance(rng, 0.6)
        frame = frame.moved(frame.y + rng.uniform(2, 24))
        if self.place == "told":
            return frame
        if self.place != "in table":
            frame = self._heading(frame, "summary")
        return put_totals(self.flow, frame, place=self.place, is_full=is_full)

    def _ending(self, frame: Frame) -> Frame:
        speech, look, rng = self.speech, self.look, self.speech.rng
        sections = say_payment(speech, self.invoice)
        for section in sections:
            frame = self.flow.room(frame, 24 + 14 * len(section.lines or section.pairs))
            frame = frame.moved(frame.y + rng.uniform(6, 20))
            if section.heading:
                frame = frame.moved(put_lines(self.canvas, frame, [((section.heading,), look.bold)], look))
            width = frame.width * section.share
            y = put_lines(self.canvas, Frame(frame.x, frame.y, width), section.lines, look)
            pairs: list[Pair] = section.pairs
            frame = frame.moved(put_pairs(self.canvas, Frame(frame.x, y, width), pairs, look, shape=section.shape))
        return frame
