"""Boxed forms as offices print them, of ad-hoc types: captions in, above, beside and below the boxes to fill in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from llava_ocr.schema import GroupNode, Hint, LeafNode, Node
from llava_ocr.synth.adhoc import Writer, draw_rows
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.blanks import Ask, Drafter, draw_numbering
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.codes import fill
from llava_ocr.synth.concepts import BANK, Concept, concept_of, draw_concept, draw_subjects, lone_concept, subject_label
from llava_ocr.synth.conventions import draw_style
from llava_ocr.synth.form_page import put_form
from llava_ocr.synth.form_plan import Blank, BlankShape, FormPlan, Section
from llava_ocr.synth.form_words import FORMS, draw_form_name, draw_guidance, draw_revised, words
from llava_ocr.synth.look import draw_look
from llava_ocr.synth.markets import choose_market
from llava_ocr.synth.parties import draw_name
from llava_ocr.synth.phrases import Phrase
from llava_ocr.synth.shapes import fill_tree
from llava_ocr.synth.sheet_page import Grid
from llava_ocr.synth.streams import chance, stream, weighted


def paint_form(seed: int) -> PaintedDocument:
    """Paint a form with a schema of its own: `root` is its tree, `truth` is nested as that."""
    rng = stream("form", seed, "content")
    market = choose_market(rng)
    language = "en" if chance(rng, 0.15) else market.language
    writer = Writer(rng, market, draw_style(rng, market, language), {})
    root, plan = draw_form(writer)
    look_rng = stream("form", seed, "look")
    look = draw_look(look_rng, stream("form", seed, "fonts"), market, language=language)
    canvas = Canvas(look.width, look.height)
    family = put_form(canvas, plan, look, look_rng, stream("form", seed, "hand"))
    pages, printed = canvas.finish()
    truth = fill_tree(root, {said.path: writer.truths[said.path] for said in printed})
    origin = Origin(family, look.family.name, plan.office)
    return PaintedDocument("form", seed, language, truth, pages, printed, origin=origin, root=root)


@dataclass(frozen=True)
class _Draft:
    """What the draws of one form share."""

    writer: Writer
    drafter: Drafter
    subjects: list[dict[str, str]]
    filled_share: float
    nodes: list[Node]

    @property
    def rng(self) -> Random:
        """The form's stream."""
        return self.writer.rng

    @property
    def language(self) -> str:
        """The form's language."""
        return self.writer.style.language

    def is_filled(self) -> bool:
        """Draw whether a blank is filled in; the first that is asked for always is."""
        return not self.nodes or chance(self.rng, self.filled_share)

    def section(self, heading: str, num_blanks: int) -> Section:
        """Draft blanks at the top level; some are only printed, none is asked for twice."""
        blanks: list[Blank] = []
        for _ in range(num_blanks):
            concept = self._concept()
            is_asked = not self.nodes or chance(self.rng, 0.72)
            if any(node.name == concept.name for node in self.nodes):
                continue
            name = concept.name if is_asked else ""
            made = self.drafter.draft(Ask(concept, name, name, self.is_filled()))
            if made:
                blanks.append(made[0])
                self.nodes.extend([made[1]] if is_asked else [])
        return Section(heading, tuple(blanks))

    def group(self, subject: dict[str, str]) -> Section:
        """Draft a subject's own section, captioned shortly; it is one group of fields, or not asked for."""
        is_asked = chance(self.rng, 0.75)
        blanks: list[Blank] = []
        leaves: list[LeafNode] = []
        self.drafter.captions.clear()
        for attribute in self.rng.sample(BANK["attributes"], self.rng.randint(3, 7)):
            concept = concept_of(subject, attribute, self.language)
            path = f"{subject['name']}.{concept.short_name}" if is_asked else ""
            made = self.drafter.draft(Ask(concept, path, concept.short_name, self.is_filled(), is_short=True))
            if made:
                blanks.append(made[0])
                leaves.append(made[1])
        heading = subject_label(subject, self.language)
        if is_asked and leaves:
            hint = Hint(f"The {subject['en'].lower()}", (heading,))
            self.nodes.append(GroupNode(subject["name"], subject["name"], hint, tuple(leaves)))
        return Section(heading, tuple(blanks))

    def grid(self) -> Grid | None:
        """Draft a table, in some forms."""
        if not chance(self.rng, 0.15):
            return None
        is_asked = chance(self.rng, 0.8)
        rows, grid = draw_rows(self.writer, self.subjects, is_asked=is_asked)
        self.nodes.extend([rows] if is_asked else [])
        return grid

    def signature(self) -> Section:
        """Draft the line to sign on, with its day and maybe its place."""
        rng = self.rng
        heading = rng.choice(words("sign_here", self.language))
        person = draw_name(rng, self.writer.market)
        signed: Phrase = (person,) if chance(rng, 0.5 * self.filled_share) else ()
        blanks = [Blank("", rng.choice(words("sign_line", self.language)), "", signed, rng.uniform(0.4, 0.7))]
        entry = next(entry for entry in BANK["lone"] if entry["name"] == "signature_date")
        concept = lone_concept(entry, self.language)
        is_asked = chance(rng, 0.7) and not any(node.name == concept.name for node in self.nodes)
        path = concept.name if is_asked else ""
        made = self.drafter.draft(Ask(concept, path, path, self.is_filled()))
        if made:
            blanks.append(made[0])
            self.nodes.extend([made[1]] if is_asked else [])
        return Section(heading, tuple(blanks))

    def _concept(self) -> Concept:
        if chance(self.rng, 0.3):
            return lone_concept(self.rng.choice(FORMS["lone"]), self.language)
        return draw_concept(self.rng, self.subjects, self.language)


def draw_form(writer: Writer) -> tuple[GroupNode, FormPlan]:
    """Draw what a form asks, what was filled in, and what a schema asks of it."""
    rng, language = writer.rng, writer.style.language
    subjects = draw_subjects(rng, rng.randint(2, 5))
    drafter = Drafter(writer, draw_numbering(rng), rng.choice((0.0, 0.15, 0.4, 0.7)))
    filled_share = weighted(rng, [(1.0, 2), (0.85, 3), (0.6, 2), (0.3, 1), (0.08, 0.5)])
    draft = _Draft(writer, drafter, subjects, filled_share, [])
    headings = rng.sample(words("headings", language), 4)
    parts = rng.randint(1, 3)
    sections = [draft.section(headings[part], rng.randint(3, 11)) for part in range(parts)]
    grid = draft.grid()
    taken = {node.name for node in draft.nodes}
    groups = [subject for subject in subjects if subject["name"] not in taken][: rng.choice((0, 0, 1, 2))]
    sections += [draft.group(subject) for subject in groups]
    signature = draft.signature()
    rng.shuffle(draft.nodes)
    titles = words("titles", "en")
    number = rng.randrange(len(titles))
    name, office = draw_form_name(rng), rng.choice(words("offices", language))
    labels = [
        b.caption for section in sections for b in section.blanks if b.shape is not BlankShape.CHOICES
    ] or headings
    root = GroupNode("", _snake(titles[number]), Hint(f"{titles[number]}."), tuple(draft.nodes))
    form = rng.choice(words("form", language))
    plan = FormPlan(
        title=words("titles", language)[number],
        name=f"{form} {name}" if chance(rng, 0.8) else name,
        revised=draw_revised(rng, language),
        office=office,
        subtitle=rng.choice(words("subtitles", language)).format(code=name.replace(" ", "")),
        give_to=rng.choice(words("give_to", language)).format(office=office),
        sections=_numbered(rng, sections, language),
        grid=grid,
        declaration=rng.choice(words("declaration", language)),
        signature=signature,
        guidance_title=rng.choice(words("instruction_titles", language)),
        guidance=draw_guidance(rng, writer.style, labels, name=name, office=office),
        foot=tuple(words("foot", language)[k].format(n=fill(rng, "#####?"), p="{p}") for k in (0, 1, 2, 3)),
    )
    return root, plan


def _numbered(rng: Random, sections: list[Section], language: str) -> tuple[Section, ...]:
    """Call the sections Part I, Section 2 or nothing; some forms have no headings."""
    how = weighted(rng, [("none", 0.2), ("plain", 0.4), ("roman", 0.25), ("arabic", 0.15)])
    word = rng.choice(words("parts", language))
    marks = ("I", "II", "III", "IV", "V", "VI") if how == "roman" else ("1", "2", "3", "4", "5", "6")
    if how == "none" and len(sections) == 1:
        return (Section("", sections[0].blanks),)
    if how in ("none", "plain"):
        return tuple(sections)
    return tuple(
        Section(f"{word} {mark}  {section.heading}", section.blanks)
        for mark, section in zip(marks, sections, strict=False)
    )


def _snake(title: str) -> str:
    return "_".join(re.findall(r"[a-z]+", title.lower()))
