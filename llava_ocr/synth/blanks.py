"""Blanks of a form: what is asked for, what was filled in, and how a schema's author would state the field."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from llava_ocr.schema import Kind, Leaf, LeafNode
from llava_ocr.synth.adhoc import Writer, state_leaf
from llava_ocr.synth.canvas import BREAK
from llava_ocr.synth.codes import fill
from llava_ocr.synth.concepts import Concept, Drawn, draw_value
from llava_ocr.synth.form_plan import Blank, BlankShape
from llava_ocr.synth.form_words import FORMS, words
from llava_ocr.synth.parties import draw_party
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.streams import chance, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES

COMBS = ("###-##-####", "##-#######", "###-###-###", "?###", "##-###-####", "########", "??-####", "#####", "####-####")
# A grammar's code has at most as many words; in a comb each character is a word.
MAX_COMB_CELLS = 9
_WIDTHS = {Kind.TEXT: (0.5, 1.0), Kind.CODE: (0.3, 0.5), Kind.DATE: (0.2, 0.35), Kind.CHOICE: (0.6, 1.0)}
_NARROW = (0.2, 0.4)


@dataclass(frozen=True, slots=True)
class Ask:
    """What to do with a concept: ask for it at `path` (empty: print it only), under `name`, filled in or not."""

    concept: Concept
    path: str
    name: str
    is_filled: bool
    is_short: bool = False


@dataclass(slots=True)
class Drafter:
    """Drafts the blanks of one form, numbering them as they come; no caption is used twice."""

    writer: Writer
    numbers: Iterator[str]
    tail_share: float
    captions: set[str] = field(default_factory=set)

    def draft(self, ask: Ask) -> tuple[Blank, LeafNode] | None:
        """Draft a blank and the leaf that asks for it; None where its caption is taken."""
        rng, concept, language = self.writer.rng, ask.concept, self.writer.style.language
        drawn, groups = _in_cells(rng, _draw(self.writer, concept))
        caption = rng.choice(concept.short if ask.is_short and concept.short else concept.labels)
        if caption in self.captions:
            return None
        self.captions.add(caption)
        number = next(self.numbers)
        is_marked = bool(drawn.choices) and len(drawn.choices) <= 8 and chance(rng, 0.8)
        shape = BlankShape.CHOICES if is_marked else BlankShape.COMB if groups else BlankShape.SPACE
        blank = Blank(
            number=number,
            caption=caption,
            tail=rng.choice(words("tails", language)) if chance(rng, self.tail_share) else "",
            phrase=self._say(drawn, ask) if ask.is_filled else (),
            width=max(rng.uniform(*_WIDTHS.get(concept.kind, _NARROW)), 0.045 * sum(groups)),
            shape=shape,
            groups=groups,
            choices=drawn.choices,
            picked=drawn.text if ask.is_filled else "",
        )
        if is_marked:
            pattern = rng.choice(words("choose", language))
            blank = replace(blank, caption=pattern.format(label=caption), tail="")
        return blank, self._leaf(ask, drawn, caption, blank)

    def _say(self, drawn: Drawn, ask: Ask) -> Phrase:
        style, phrase = self.writer.style, self.writer.say(drawn, ask.path)
        if drawn.leaf.kind is not Kind.MONEY or style.money == "plain":
            return phrase
        return (*phrase, f" {style.mark}") if "after" in style.money else (f"{style.mark} ", *phrase)

    def _leaf(self, ask: Ask, drawn: Drawn, caption: str, blank: Blank) -> LeafNode:
        rng = self.writer.rng
        printed = f"{caption}{blank.tail}".rstrip(". ") if blank.tail and chance(rng, 0.25) else caption
        concept = replace(ask.concept, labels=ask.concept.short) if ask.is_short else ask.concept
        leaf = state_leaf(rng, concept, drawn, ask.path, ask.name, printed)
        if blank.number and chance(rng, 0.25):
            where = rng.choice(words("where", rng.choice((self.writer.style.language, "en"))))
            hint = replace(leaf.hint, text=f"{where.format(n=blank.number.strip('.()'))}: {leaf.hint.text}")
            return replace(leaf, hint=hint)
        return leaf


def draw_numbering(rng: Random) -> Iterator[str]:
    """Draw how a form's blanks are numbered, and number them."""
    pattern = weighted(rng, [("{n}", 3), ("{n}.", 1.5), ("({n})", 0.7), ("{n:02d}", 0.6), ("{a}", 0.5), ("", 2.0)])
    sub_share = rng.choice((0.0, 0.0, 0.25)) if pattern in ("{n}", "{n}.") else 0.0
    return _numbers(rng.choice((1, 1, 1, 1, 5, 10)), pattern, Random(rng.random()), sub_share)


def _numbers(first: int, pattern: str, rng: Random, sub_share: float) -> Iterator[str]:
    number = first - 1
    while True:
        number += 1
        if chance(rng, sub_share):
            for letter in "abc"[: rng.randint(2, 3)]:
                yield f"{number}{letter}"
            continue
        index = (number - 1) % 26
        yield pattern.format(n=number, a=string.ascii_uppercase[index])


def _draw(writer: Writer, concept: Concept) -> Drawn:
    rng = writer.rng
    if concept.draw == "comb":
        code = fill(rng, rng.choice(COMBS))
        return Drawn(code, code, Leaf(Kind.CODE, ""))
    if concept.draw in FORMS["choices"]:
        choices = tuple(FORMS["choices"][concept.draw][writer.style.language])
        picked = rng.choice(choices)
        return Drawn(picked, picked, Leaf(Kind.CHOICE), choices)
    if concept.draw not in ("place", "block"):
        return draw_value(rng, concept, writer.style, writer.market)
    party = draw_party(rng, writer.market, rng.choice(sorted(INDUSTRIES)))
    place = f"{party.postcode} {party.city}"
    if writer.market.country == "US":
        place = f"{party.city}, {party.region} {party.postcode}"
    elif writer.market.language == "en":
        place = f"{party.city} {party.postcode}"
    if concept.draw == "place":
        return Drawn(place, place, Leaf(Kind.TEXT))
    lines = (rng.choice((party.name, party.person)), party.street, place)
    return Drawn(f" {BREAK} ".join(lines), " ".join(lines), Leaf(Kind.TEXT))


def _in_cells(rng: Random, drawn: Drawn) -> tuple[Drawn, tuple[int, ...]]:
    """Write a code one character a cell, where it is short enough; the cells' groups come with it."""
    if drawn.leaf.kind is not Kind.CODE or drawn.leaf.checksum:
        return drawn, ()
    parts = drawn.text.replace(" ", "-").split("-")
    joined = "".join(parts)
    is_fit = joined.isascii() and joined.isalnum() and 3 <= len(joined) <= MAX_COMB_CELLS
    pattern = "-?".join(_shape_of(part) for part in parts) if chance(rng, 0.5) else _shape_of(joined)
    if is_fit and chance(rng, 0.75):
        return replace(drawn, text=" ".join(joined), truth=joined, leaf=Leaf(Kind.CODE, pattern)), tuple(
            len(part) for part in parts
        )
    if drawn.leaf.pattern:
        return drawn, ()
    return replace(drawn, leaf=Leaf(Kind.CODE, "-".join(_shape_of(part) for part in parts))), ()


def _shape_of(code: str) -> str:
    """State a run of letters and digits as a regular expression."""
    if code.isdigit():
        return f"[0-9]{{{len(code)}}}"
    return "".join("[0-9]" if c.isdigit() else "[A-Z]" for c in code)
