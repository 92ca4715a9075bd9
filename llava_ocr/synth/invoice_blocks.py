"""Putting the blocks above an invoice's items; each puts itself into its frame and returns the height reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llava_ocr.synth.blocks import Frame, Line, Pair, put_lines, put_pairs
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.invoice_head import (
    Cell,
    say_contact,
    say_more_meta,
    say_party,
    say_party_pairs,
    say_place_and_day,
    say_sender_line,
)
from llava_ocr.synth.look import WHITE, Look
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import AddressStyle, Speech
from llava_ocr.synth.streams import chance

SELLER_SHARES = (
    ("phone", 0.45), ("fax", 0.2), ("email", 0.4), ("web", 0.3), ("vat_id", 0.35), ("tax_number", 0.12),
    ("register", 0.1), ("gln", 0.06), ("iban", 0.05), ("bic", 0.03), ("manager", 0.04),
)  # fmt: skip
CONTACT_SHARES = (("phone", 0.8), ("fax", 0.4), ("email", 0.7), ("web", 0.4), ("vat_id", 0.3), ("tax_number", 0.1))
SIDEBAR_SHARES = (
    ("phone", 0.8), ("fax", 0.5), ("email", 0.8), ("web", 0.6), ("vat_id", 0.6), ("tax_number", 0.3), ("register", 0.4),
    ("manager", 0.4), ("bank", 0.6), ("iban", 0.6), ("bic", 0.5),
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """All that the blocks above the items are made of."""

    canvas: Canvas
    speech: Speech
    invoice: Invoice
    address: AddressStyle
    title: str
    subject: Phrase
    meta: list[Pair]
    shape: str

    @property
    def look(self) -> Look:
        """The document's look."""
        return self.speech.look

    def put(self, frame: Frame, cell: Cell) -> float:
        """Put the block that a cell names."""
        return self._blocks()[cell.block](frame, cell)

    def put_row(self, frame: Frame, row: list[Cell]) -> float:
        """Put blocks side by side; returns the height that the tallest reached."""
        x, low = frame.x, frame.y
        for cell in row:
            width = frame.width * cell.share
            low = max(low, self.put(Frame(x, frame.y, width - (8 if len(row) > 1 else 0)), cell))
            x += width
        return low

    def _blocks(self) -> dict[str, Callable[[Frame, Cell], float]]:
        return {
            "meta": lambda frame, _: self._pairs(frame, self.meta),
            "more_meta": lambda frame, _: self._pairs(frame, say_more_meta(self.speech, self.invoice)),
            "title": self._title,
            "title_meta": self._title_meta,
            "subject": self._subject,
            "place_and_day": self._place_and_day,
            "logo": self._logo,
            "seller": self._seller,
            "seller_center": self._seller,
            "seller_labelled": self._seller,
            "seller_contact": lambda frame, _: self._pairs(frame, self._contact(CONTACT_SHARES)),
            "sidebar": self._sidebar,
            "window": self._window,
            "buyer_labelled": lambda frame, _: self._recipient(frame, "buyer", has_label=chance(self.speech.rng, 0.88)),
            "ship_to": lambda frame, _: self._recipient(frame, "ship_to", has_label=True),
            "seller_pairs": lambda frame, _: self._party_pairs(frame, "seller"),
            "buyer_pairs": lambda frame, _: self._party_pairs(frame, "buyer"),
            "ship_to_pairs": lambda frame, _: self._party_pairs(frame, "ship_to"),
        }

    def _pairs(self, frame: Frame, pairs: list[Pair]) -> float:
        shape = self.shape if frame.width > 150 or self.shape == "above" else "colon"
        return put_pairs(self.canvas, frame, pairs, self.look, shape=shape)

    def _contact(self, shares: tuple[tuple[str, float], ...]) -> list[Pair]:
        return say_contact(self.speech, self.invoice.seller, "seller", shares=shares)

    def _title(self, frame: Frame, cell: Cell) -> float:
        ink = self.look.heading(self.speech.rng.uniform(1.3, 2.6))
        return put_lines(self.canvas, frame, [((self.title,), ink)], self.look, align=cell.align)

    def _title_meta(self, frame: Frame, cell: Cell) -> float:
        y = self._title(frame, cell)
        return self._pairs(frame.moved(y + self.look.size * 0.6), self.meta)

    def _subject(self, frame: Frame, _: Cell) -> float:
        ink = self.look.heading(self.speech.rng.uniform(1.0, 1.7))
        return put_lines(self.canvas, frame, [(self.subject, ink)], self.look)

    def _place_and_day(self, frame: Frame, cell: Cell) -> float:
        phrase = say_place_and_day(self.speech, self.invoice)
        return put_lines(self.canvas, frame, [(phrase, self.look.body)], self.look, align=cell.align)

    def _logo(self, frame: Frame, cell: Cell) -> float:
        """A drawn sign, a word mark, or both; the word mark is a brand, not the company's name."""
        rng, look = self.speech.rng, self.look
        side = rng.uniform(18, 48)
        x = frame.x + (frame.width - side) * cell.align
        kind = rng.choice(("rectangle", "ellipse", "triangle"))
        if chance(rng, 0.7):
            self.canvas.shade(x, frame.y, x + side, frame.y + side, color=look.accent, kind=kind)
            if chance(rng, 0.5):
                hole = side * rng.uniform(0.2, 0.35)
                box = (x + hole, frame.y + hole, x + side - hole, frame.y + side - hole)
                self.canvas.shade(*box, color=rng.choice((WHITE, look.tint)), kind=rng.choice(("ellipse", "rectangle")))
        if chance(rng, 0.45):
            brand = self.invoice.seller.name.split()[0]
            at = x + side + 6 if cell.align < 1 else x - 6
            ink = look.heading(rng.uniform(1.2, 2.4))
            self.canvas.text(at, frame.y + side * 0.65, (brand,), ink, align=0.0 if cell.align < 1 else 1.0)
        return frame.y + side + 4

    def _seller(self, frame: Frame, cell: Cell) -> float:
        speech, look, rng = self.speech, self.look, self.speech.rng
        lines: list[Line] = []
        if cell.block == "seller_labelled" or chance(rng, 0.15):
            lines.append(((speech.label("seller"),), look.bold))
        name_ink = rng.choice((look.bold, look.heading(rng.uniform(1.0, 1.8)), look.body))
        party = say_party(speech, self.invoice.seller, "seller", self.address, name_ink=name_ink)
        if chance(rng, 0.12):
            party = party[:1]
        y = put_lines(self.canvas, frame, lines + party, look, align=cell.align)
        contact = [((f"{label} ", *phrase), look.body) for label, phrase in self._contact(SELLER_SHARES)]
        return put_lines(self.canvas, frame.moved(y), contact, look, align=cell.align)

    def _sidebar(self, frame: Frame, _: Cell) -> float:
        """Everything about the issuer in a narrow column, and maybe the numbers too."""
        speech, look, rng = self.speech, self.look, self.speech.rng
        lines = say_party(speech, self.invoice.seller, "seller", self.address, name_ink=look.bold)
        y = put_lines(self.canvas, frame, lines, look) + look.size
        if chance(rng, 0.5):
            y = put_pairs(self.canvas, frame.moved(y), self.meta, look, shape="above") + look.size
        small = Ink(look.family.regular, look.size * 0.85, look.ink_color)
        contact = self._contact(SIDEBAR_SHARES)
        if chance(rng, 0.5):
            return put_lines(
                self.canvas, frame.moved(y), [((f"{label} ", *phrase), small) for label, phrase in contact], look
            )
        stacked: list[Line] = []
        for label, phrase in contact:
            stacked += [((label,), small), (phrase, look.body)]
        return put_lines(self.canvas, frame.moved(y), stacked, look)

    def _window(self, frame: Frame, _: Cell) -> float:
        """The recipient as seen through an envelope's window, under the sender's small line."""
        speech, look, rng = self.speech, self.look, self.speech.rng
        small = Ink(look.family.regular, max(5.5, look.size * 0.7), look.ink_color)
        y = frame.y + rng.uniform(10, 50)
        if chance(rng, 0.75):
            line = say_sender_line(speech, self.invoice.seller, self.address)
            y = put_lines(self.canvas, frame.moved(y), [(line, small)], look)
        return self._recipient(frame.moved(y + rng.uniform(2, 12)), "buyer", has_label=chance(rng, 0.08))

    def _recipient(self, frame: Frame, role: str, *, has_label: bool) -> float:
        speech, look, rng = self.speech, self.look, self.speech.rng
        party = self.invoice.buyer if role == "buyer" else self.invoice.ship_to
        name_ink = look.bold if chance(rng, 0.3) else look.body
        label_ink = look.bold if chance(rng, 0.6) else look.small
        lines: list[Line] = [((speech.label(role),), label_ink)] if has_label else []
        lines += say_party(speech, party, role, self.address, name_ink=name_ink)
        y = put_lines(self.canvas, frame, lines, look)
        if role != "buyer":
            return y
        shares = [("vat_id", 0.25), ("phone", 0.06), ("email", 0.08), ("gln", 0.05)]
        contact = say_contact(speech, party, role, shares=shares)
        return put_lines(
            self.canvas, frame.moved(y), [((f"{label} ", *phrase), look.body) for label, phrase in contact], look
        )

    def _party_pairs(self, frame: Frame, role: str) -> float:
        look, speech = self.look, self.speech
        party = {"seller": self.invoice.seller, "buyer": self.invoice.buyer}.get(role, self.invoice.ship_to)
        y = put_lines(self.canvas, frame, [((speech.label(role),), look.bold)], look)
        pairs = say_party_pairs(speech, party, role, self.address)
        return put_pairs(self.canvas, frame.moved(y), pairs, look, shape="columns")
