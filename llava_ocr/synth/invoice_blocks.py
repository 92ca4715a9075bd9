"""Putting the blocks above an invoice's items; each puts itself into its frame and returns the height reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from llava_ocr.synth.blocks import Frame, Line, Pair, lines_height, put_lines, put_pairs, put_strip
from llava_ocr.synth.canvas import Canvas, Ink
from llava_ocr.synth.codes import fill
from llava_ocr.synth.invoice import Invoice
from llava_ocr.synth.invoice_foot import say_closing
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
from llava_ocr.synth.parties import Party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.sayings import AddressStyle, Speech
from llava_ocr.synth.streams import chance

COURTESIES: dict[str, dict[str, tuple[str, ...]]] = {
    "de": {"person": ("Herrn", "Frau", "Herr"), "company": ("Firma", "An", "An die", "Fa.")},
    "fr": {"person": ("Monsieur", "Madame", "M."), "company": ("Société", "À l'attention de", "Entreprise")},
    "en": {"person": ("Mr.", "Ms.", "To"), "company": ("Messrs.", "To", "Attn.")},
}
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
            "date_only": self._date_only,
            "reference_row": self._reference_row,
            "seller_column": self._seller_column,
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
        speech, look = self.speech, self.look
        lines: list[Line] = [(self.subject, look.heading(speech.rng.uniform(1.0, 1.7)))]
        align = 0.0
        if speech.shows("title bar", 0.1):
            height = lines_height(lines, look, frame.width)
            self.canvas.shade(frame.x - 4, frame.y, frame.x + frame.width, frame.y + height + 3, color=look.tint)
            align = speech.rng.choice((0.0, 0.5))
        y = put_lines(self.canvas, frame, lines, look, align=align)
        # The number of another invoice, which this one corrects.
        if speech.shows("refers to another invoice", 0.7 if self.invoice.is_credit else 0.04):
            y = put_lines(self.canvas, frame.moved(y), [(say_closing(speech, self.invoice, "late"), look.body)], look)
        return y

    def _place_and_day(self, frame: Frame, cell: Cell) -> float:
        phrase = say_place_and_day(self.speech, self.invoice)
        return put_lines(self.canvas, frame, [(phrase, self.look.body)], self.look, align=cell.align)

    def _date_only(self, frame: Frame, _: Cell) -> float:
        """A date that nothing explains."""
        day = self.speech.day(self.invoice.issued, "issue_date")
        return put_lines(self.canvas, frame.moved(frame.y + 8), [(day, self.look.body)], self.look)

    def _reference_row(self, frame: Frame, _: Cell) -> float:
        """Numbers and dates as columns, each under its label, in as many rows as they need."""
        rng, look = self.speech.rng, self.look
        signs = [("your_sign", (fill(rng, "??-##").lower(),)), ("our_sign", (fill(rng, "??/??").lower(),))]
        pairs = [(self.speech.label(name), phrase) for name, phrase in signs if chance(rng, 0.6)] + self.meta
        per_row = rng.randint(3, 5)
        y = frame.y
        for start in range(0, len(pairs), per_row):
            row = pairs[start : start + per_row]
            narrow = Frame(frame.x, y, frame.width * len(row) / per_row)
            y = put_strip(self.canvas, narrow, row, look) + look.size * 0.8
        return y

    def _seller_column(self, frame: Frame, _: Cell) -> float:
        """The issuer in a narrow gray column at the right, name, address and contacts below each other."""
        speech, look = self.speech, self.look
        gray = chance(speech.rng, 0.5)
        ink = replace(look.small, color=(0.45, 0.45, 0.45)) if gray else look.small
        lines = say_party(
            speech, self.invoice.seller, "seller", self.address, name_ink=replace(ink, face=look.family.bold)
        )
        lines = [lines[0], *((phrase, ink) for phrase, _ in lines[1:])]
        has_labels = chance(speech.rng, 0.6)
        for label, phrase in self._contact(SIDEBAR_SHARES):
            lines.append(((f"{label} ", *phrase) if has_labels else phrase, ink))
        x = frame.x + frame.width * 0.3
        return put_lines(self.canvas, Frame(x, frame.y, frame.width * 0.7), lines, look)

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
        lines += self._courtesy(party)
        lines += say_party(speech, party, role, self.address, name_ink=name_ink)
        is_spaced = speech.shows("spaced address", 0.05)
        y = put_lines(self.canvas, frame, lines, replace(look, leading=1.9) if is_spaced else look)
        if role != "buyer":
            return y
        shares = [("vat_id", 0.25), ("phone", 0.06), ("email", 0.08), ("gln", 0.05)]
        contact = say_contact(speech, party, role, shares=shares)
        return put_lines(
            self.canvas, frame.moved(y), [((f"{label} ", *phrase), look.body) for label, phrase in contact], look
        )

    def _courtesy(self, party: Party) -> list[Line]:
        """The line above a name that letters are polite with."""
        language, is_person = self.look.language, party.vat_id is None and party.name == party.person
        if not self.speech.shows("courtesy line", 0.3 if is_person else 0.08):
            return []
        words = COURTESIES[language]["person" if is_person else "company"]
        return [((self.speech.rng.choice(words),), self.look.body)]

    def _party_pairs(self, frame: Frame, role: str) -> float:
        look, speech = self.look, self.speech
        party = {"seller": self.invoice.seller, "buyer": self.invoice.buyer}.get(role, self.invoice.ship_to)
        y = put_lines(self.canvas, frame, [((speech.label(role),), look.bold)], look)
        pairs = say_party_pairs(speech, party, role, self.address)
        return put_pairs(self.canvas, frame.moved(y), pairs, look, shape="columns")
