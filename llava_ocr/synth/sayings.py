"""How one document says its values: amounts with or without currency, dates, addresses, labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random

from llava_ocr.synth.codes import in_groups, write_vat_id
from llava_ocr.synth.conventions import SIGN_NAMES_CURRENCY, Style, plain
from llava_ocr.synth.look import Look, wording
from llava_ocr.synth.markets import COUNTRY_NAMES, Market
from llava_ocr.synth.parties import Party
from llava_ocr.synth.phrases import Phrase, Value, fill_in, join, value
from llava_ocr.synth.streams import chance, weighted

# What stands before a postcode in older addresses.
NATIONAL_LETTERS = {"DE": "D", "AT": "A", "CH": "CH", "FR": "F", "BE": "B"}


@dataclass(frozen=True)
class Speech:
    """One document's way of saying things. `truths` maps every path said to its true value.

    `patterns` collects which of the layouts and wordings that not every document has are in this one.
    """

    rng: Random
    look: Look
    style: Style
    market: Market
    truths: dict[str, str]
    patterns: set[str] = field(default_factory=set)

    def shows(self, pattern: str, share: float) -> bool:
        """Draw whether the document has a pattern, which is noted where it has."""
        if chance(self.rng, share):
            self.patterns.add(pattern)
            return True
        return False

    def label(self, concept: str, **holes: str) -> str:
        """Word a concept, filling the wording's holes."""
        text = wording(self.rng, self.look, concept)
        for name, hole in holes.items():
            text = text.replace(f"{{{name}}}", hole)
        return text

    def text(self, text: str, path: str) -> Phrase:
        """Say a text value."""
        self.truths[path] = " ".join(text.split())
        return value(text, path)

    def day(self, day: date, *paths: str) -> Phrase:
        """Say a date."""
        return self._said(self.style.day(day), day.isoformat(), *paths)

    def number(self, number: Decimal, *paths: str, min_places: int = 0) -> Phrase:
        """Say a number that is no amount."""
        return self._said(self.style.number(number, min_places=min_places), plain(number), *paths)

    def amount(self, amount: Decimal, *paths: str, bare: bool = False) -> Phrase:
        """Say an amount, with the currency where the document's style has it and `bare` does not forbid it."""
        said = self._said(self.style.amount(amount), plain(amount, min_places=2), *paths)
        if bare or self.style.money == "plain":
            return said
        mark = self.currency(self.style.mark)
        if self.style.money == "glued_before" and amount < 0 and isinstance(said[0], Value):
            # "-$12.00": the sign before the mark would part the number from its sign.
            return (*mark, *said)
        glue = "" if self.style.money.startswith("glued") else " "
        return (*mark, glue, *said) if self.style.money.endswith("before") else (*said, glue, *mark)

    def currency(self, mark: str) -> Phrase:
        """Say the currency by its sign or code; a sign that several currencies share is no value."""
        names_it = mark == self.market.currency or self.market.currency in SIGN_NAMES_CURRENCY
        return self._said(mark, self.market.currency, "currency") if names_it else (mark,)

    def vat_id(self, vat_id: str | None, path: str) -> Phrase:
        """Say a VAT identifier, maybe in groups."""
        return self._said(write_vat_id(self.rng, vat_id), vat_id, path) if vat_id else ()

    def iban(self, iban: str, path: str) -> Phrase:
        """Say an IBAN, mostly in groups of four."""
        return self._said(in_groups(iban, 4) if chance(self.rng, 0.65) else iban, iban, path)

    def _said(self, text: str, truth: str, *paths: str) -> Phrase:
        for path in paths:
            self.truths[path] = truth
        # Only running text is broken over lines; the other values stand in one piece.
        return value(text, *paths, is_whole=text != truth)


@dataclass(frozen=True, slots=True)
class AddressStyle:
    """How a document writes addresses. `country` is none, name, capitals, code, prefix, suffix or letter (`D-`)."""

    country: str
    has_extra: bool
    joint: str


def draw_address_style(rng: Random) -> AddressStyle:
    """Draw how addresses are written."""
    country = weighted(
        rng,
        [
            ("none", 0.45),
            ("name", 0.2),
            ("capitals", 0.08),
            ("code", 0.09),
            ("prefix", 0.12),
            ("suffix", 0.06),
            ("letter", 0.04),
        ],
    )
    return AddressStyle(country, chance(rng, 0.7), rng.choice((", ", " · ", " - ", " | ", " • ", ", ", " – ", "; ")))


def say_address(speech: Speech, party: Party, role: str, style: AddressStyle) -> list[Phrase]:
    """Say street, place and country, one phrase a line."""
    lines: list[Phrase] = [(party.extra,)] if party.extra and style.has_extra else []
    country = () if style.country == "letter" else _country(speech, party, role, style.country)
    lines.append(speech.text(party.street, f"{role}.street"))
    lines += _place(speech, party, role, country if style.country in ("prefix", "suffix") else (), style.country)
    if style.country not in ("prefix", "suffix") and country:
        lines.append(country)
    return lines


def _country(speech: Speech, party: Party, role: str, how: str) -> Phrase:
    if how == "none":
        return ()
    name = COUNTRY_NAMES[party.country][speech.style.language]
    written = {"name": name, "capitals": name.upper()}.get(how, party.country)
    return speech._said(written, party.country, f"{role}.country")


def _place(speech: Speech, party: Party, role: str, country: Phrase, how: str) -> list[Phrase]:
    postcode = speech.text(party.postcode, f"{role}.postcode")
    city = speech.text(party.city, f"{role}.city")
    if how == "suffix":
        return [(*postcode, " ", *city, ", ", *country)]
    if party.country == "US":
        place: Phrase = (*city, f", {party.region} ", *postcode)
    elif party.country in ("GB", "IE", "CA", "AU", "SG") and speech.rng.random() < 0.85:
        if speech.rng.random() < 0.5 and how != "prefix":
            return [city, postcode]
        place = (*city, " ", *postcode)
    else:
        place = (*postcode, " ", *city)
    if how == "letter" and party.country in NATIONAL_LETTERS:
        # The letter names no country by itself: it only stands before the code.
        return [(f"{NATIONAL_LETTERS[party.country]}-", *place)]
    return [(*country, " ", *place) if country else place]


def say_sentence(template: str, holes: dict[str, Phrase]) -> Phrase:
    """Fill a sentence template."""
    return fill_in(template, holes)


def one_line(phrases: list[Phrase], style: AddressStyle) -> Phrase:
    """Say lines as one, joined as the document joins."""
    return join(phrases, style.joint)
