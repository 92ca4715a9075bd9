"""Label/value sheets of ad-hoc types: what teaches a model to match labels of types that it has never seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from llava_ocr.schema import GroupNode, Hint, LeafNode, Node, RowsNode
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.concepts import (
    BANK,
    Concept,
    Drawn,
    concept_of,
    draw_concept,
    draw_subjects,
    draw_value,
    subject_label,
)
from llava_ocr.synth.conventions import Style, draw_style
from llava_ocr.synth.look import draw_look
from llava_ocr.synth.markets import Market, choose_market
from llava_ocr.synth.parties import draw_party
from llava_ocr.synth.phrases import Phrase, value
from llava_ocr.synth.shapes import fill_tree
from llava_ocr.synth.sheet_page import Entry, Grid, SheetPlan, put_sheet
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES


@dataclass(frozen=True, slots=True)
class _Writer:
    """What all draws of one sheet share."""

    rng: Random
    market: Market
    style: Style
    truths: dict[str, str]

    def say(self, drawn: Drawn, path: str) -> Phrase:
        """Say a value; an empty path says one that nobody asks for."""
        if not path:
            return (drawn.text,)
        self.truths[path] = drawn.truth
        return value(drawn.text, path)

    def entry(self, concept: Concept, path: str, *, is_short: bool = False) -> tuple[Entry, Drawn]:
        """Draw a concept's value and how it is labelled."""
        drawn = draw_value(self.rng, concept, self.style, self.market)
        label = self.rng.choice(concept.short if is_short and concept.short else concept.labels)
        phrase = self.say(drawn, path)
        if concept.kind.value == "amount" and self.style.money != "plain":
            phrase = (
                (*phrase, f" {self.style.mark}") if "after" in self.style.money else (f"{self.style.mark} ", *phrase)
            )
        return Entry(label, phrase, drawn.choices, drawn.text), drawn


def sheets(seed: int) -> PaintedDocument:
    """Paint a sheet with a schema of its own: `root` is its tree, `truth` is nested as that."""
    rng = stream("sheet", seed, "content")
    market = choose_market(rng)
    language = "en" if chance(rng, 0.12) else market.language
    writer = _Writer(rng, market, draw_style(rng, market, language), {})
    root, plan = _draw_sheet(writer)
    look_rng = stream("sheet", seed, "look")
    look = draw_look(look_rng, stream("sheet", seed, "fonts"), market, language=language)
    canvas = Canvas(look.width, look.height)
    family = put_sheet(canvas, plan, look, look_rng)
    pages, printed = canvas.finish()
    truth = fill_tree(root, {said.path: writer.truths[said.path] for said in printed})
    origin = Origin(family, look.family.name, plan.issuer)
    return PaintedDocument("sheet", seed, language, truth, pages, printed, origin, root)


def _draw_sheet(writer: _Writer) -> tuple[GroupNode, SheetPlan]:
    rng, language = writer.rng, writer.style.language
    subjects = draw_subjects(rng, rng.randint(2, 5))
    nodes: list[Node] = []
    groups: list[tuple[str, list[Entry]]] = []
    taken: set[str] = set()
    for subject in rng.sample(subjects, rng.randint(0, min(2, len(subjects)))):
        node, heading, entries = _draw_group(writer, subject)
        groups.append((heading, entries))
        taken.add(subject["name"])
        if node:
            nodes.append(node)
    loose, leaves = _draw_loose(writer, [s for s in subjects if s["name"] not in taken] or draw_subjects(rng, 2))
    nodes += leaves
    rng.shuffle(nodes)
    grids: list[Grid] = []
    if chance(rng, 0.3):
        is_asked = chance(rng, 0.85)
        rows_node, grid = _draw_rows(writer, subjects, is_asked=is_asked)
        grids.append(grid)
        nodes += [rows_node] if is_asked else []
    title = rng.choice(BANK["words"]["sheet_titles"][language])
    index = BANK["words"]["sheet_titles"][language].index(title)
    english = str(BANK["words"]["sheet_titles"]["en"][index])
    issuer = draw_party(rng, writer.market, rng.choice(sorted(INDUSTRIES)))
    root = GroupNode("", english.lower().replace(" ", "_"), Hint(f"{english}."), tuple(nodes))
    contact = (issuer.street, f"{issuer.postcode} {issuer.city}", issuer.phone, issuer.email, issuer.web)
    return root, SheetPlan(title, issuer.name, contact, loose, groups, grids)


def _draw_loose(writer: _Writer, subjects: list[dict[str, str]]) -> tuple[list[Entry], list[Node]]:
    """Draw fields at the top level: asked and printed, asked and absent, printed and not asked."""
    rng = writer.rng
    entries: list[Entry] = []
    nodes: list[Node] = []
    seen_names: set[str] = set()
    seen_labels: set[str] = set()
    for _ in range(rng.randint(5, 26)):
        concept = draw_concept(rng, subjects, writer.style.language)
        role = weighted(rng, [("asked", 0.55), ("absent", 0.12), ("beside", 0.33)])
        if concept.name in seen_names or (not nodes and role == "beside"):
            continue
        entry, drawn = writer.entry(concept, concept.name if role == "asked" else "")
        if entry.label in seen_labels:
            writer.truths.pop(concept.name, None)
            continue
        seen_names.add(concept.name)
        seen_labels.add(entry.label)
        if role != "absent":
            entries.append(entry)
        if role != "beside":
            nodes.append(_leaf(rng, concept, drawn, concept.name, concept.name, entry.label))
    if not nodes:
        concept = concept_of(subjects[0], BANK["attributes"][0], writer.style.language)
        entry, drawn = writer.entry(concept, concept.name)
        entries.append(entry)
        nodes.append(_leaf(rng, concept, drawn, concept.name, concept.name, entry.label))
    return entries, nodes


def _draw_group(writer: _Writer, subject: dict[str, str]) -> tuple[GroupNode | None, str, list[Entry]]:
    """Draw a subject's own section, labelled shortly under its heading; it may be printed and not asked."""
    rng, language = writer.rng, writer.style.language
    is_asked = chance(rng, 0.75)
    heading = subject_label(subject, language)
    entries: list[Entry] = []
    children: list[Node] = []
    labels: set[str] = set()
    for attribute in rng.sample(BANK["attributes"], rng.randint(2, 7)):
        concept = concept_of(subject, attribute, language)
        path = f"{subject['name']}.{concept.short_name}"
        is_printed = chance(rng, 0.85)
        entry, drawn = writer.entry(concept, path if is_asked and is_printed else "", is_short=True)
        if entry.label in labels:
            writer.truths.pop(path, None)
            continue
        labels.add(entry.label)
        if is_printed:
            entries.append(entry)
        if is_asked:
            children.append(
                _leaf(rng, replace(concept, labels=concept.short), drawn, path, concept.short_name, entry.label)
            )
    hint = Hint(f"The {subject['en'].lower()}", (heading,))
    node = GroupNode(subject["name"], subject["name"], hint, tuple(children)) if children else None
    return node, heading, entries


def _draw_rows(writer: _Writer, subjects: list[dict[str, str]], *, is_asked: bool) -> tuple[RowsNode, Grid]:
    """Draw a table whose columns are concepts; some columns are not asked for."""
    rng, language = writer.rng, writer.style.language
    name = rng.choice(("entries", "items", "rows", "positions", "records", "lines", "movements"))
    columns: dict[str, Concept] = {}
    for _ in range(rng.randint(3, 6)):
        concept = draw_concept(rng, subjects, language)
        if concept.name not in columns and not any(set(c.labels) & set(concept.labels) for c in columns.values()):
            columns[concept.name] = concept
    asked = {column for column in columns if chance(rng, 0.8)} or set(columns)
    headers = {column: rng.choice(concept.labels) for column, concept in columns.items()}
    cells: list[list[Phrase]] = []
    samples: dict[str, Drawn] = {}
    for row in range(rng.randint(1, 14)):
        line: list[Phrase] = []
        for column, concept in columns.items():
            samples[column] = draw_value(rng, concept, writer.style, writer.market)
            is_blank = chance(rng, 0.04) and row > 0
            path = f"{name}[{row}].{column}" if is_asked and column in asked else ""
            line.append(() if is_blank else writer.say(samples[column], path))
        cells.append(line)
    leaves = tuple(
        _leaf(rng, concept, samples[column], f"{name}[].{column}", column, headers[column])
        for column, concept in columns.items()
        if column in asked
    )
    group = GroupNode(f"{name}[]", name, Hint("One row"), leaves)
    kinds = [concept.kind.value for concept in columns.values()]
    return RowsNode(name, name, Hint("The table's rows", max_rows=60), group), Grid(
        list(headers.values()), kinds, cells
    )


def _leaf(rng: Random, concept: Concept, drawn: Drawn, path: str, name: str, printed: str) -> LeafNode:
    """State a field as a schema's author might: with the printed label, with other wordings, or with a hint alone."""
    what = concept.name.replace("_", " ")
    text = rng.choice((f"The {what}", what.capitalize(), f"{what.capitalize()} as printed", concept.english[0]))
    known = [label for label in (*concept.labels, *concept.english) if label != printed]
    labels = rng.sample(known, min(len(known), rng.randint(0, 3)))
    how = weighted(rng, [("printed", 0.72), ("others", 0.18), ("none", 0.1)])
    if how == "printed":
        labels.insert(rng.randint(0, len(labels)), printed)
    hint = Hint(text, tuple(dict.fromkeys(labels)) if how != "none" else ())
    return LeafNode(path, name, drawn.leaf, hint, drawn.choices)
