"""Label/value sheets of ad-hoc types: what teaches a model to match labels of types that it has never seen."""

from __future__ import annotations

from dataclasses import replace

from llava_ocr.schema import GroupNode, Hint, Node
from llava_ocr.synth.adhoc import Writer, draw_rows, state_leaf
from llava_ocr.synth.base import Origin, PaintedDocument
from llava_ocr.synth.canvas import Canvas
from llava_ocr.synth.concepts import (
    BANK,
    concept_of,
    draw_concept,
    draw_subjects,
    subject_label,
)
from llava_ocr.synth.conventions import draw_style
from llava_ocr.synth.look import draw_look
from llava_ocr.synth.markets import choose_market
from llava_ocr.synth.parties import draw_party
from llava_ocr.synth.shapes import fill_tree
from llava_ocr.synth.sheet_page import Entry, Grid, SheetPlan, put_sheet
from llava_ocr.synth.streams import chance, stream, weighted
from llava_ocr.synth.vocabulary import INDUSTRIES


def sheets(seed: int) -> PaintedDocument:
    """Paint a sheet with a schema of its own: `root` is its tree, `truth` is nested as that."""
    rng = stream("sheet", seed, "content")
    market = choose_market(rng)
    language = "en" if chance(rng, 0.12) else market.language
    writer = Writer(rng, market, draw_style(rng, market, language), {})
    root, plan = _draw_sheet(writer)
    look_rng = stream("sheet", seed, "look")
    look = draw_look(look_rng, stream("sheet", seed, "fonts"), market, language=language)
    canvas = Canvas(look.width, look.height)
    family = put_sheet(canvas, plan, look, look_rng)
    pages, printed = canvas.finish()
    truth = fill_tree(root, {said.path: writer.truths[said.path] for said in printed})
    origin = Origin(family, look.family.name, plan.issuer)
    return PaintedDocument("sheet", seed, language, truth, pages, printed, origin, root)


def _draw_sheet(writer: Writer) -> tuple[GroupNode, SheetPlan]:
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
        rows_node, grid = draw_rows(writer, subjects, is_asked=is_asked)
        grids.append(grid)
        nodes += [rows_node] if is_asked else []
    title = rng.choice(BANK["words"]["sheet_titles"][language])
    index = BANK["words"]["sheet_titles"][language].index(title)
    english = str(BANK["words"]["sheet_titles"]["en"][index])
    issuer = draw_party(rng, writer.market, rng.choice(sorted(INDUSTRIES)))
    root = GroupNode("", english.lower().replace(" ", "_"), Hint(f"{english}."), tuple(nodes))
    contact = (issuer.street, f"{issuer.postcode} {issuer.city}", issuer.phone, issuer.email, issuer.web)
    return root, SheetPlan(title, issuer.name, contact, loose, groups, grids)


def _draw_loose(writer: Writer, subjects: list[dict[str, str]]) -> tuple[list[Entry], list[Node]]:
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
            nodes.append(state_leaf(rng, concept, drawn, concept.name, concept.name, entry.label))
    if not nodes:
        concept = concept_of(subjects[0], BANK["attributes"][0], writer.style.language)
        entry, drawn = writer.entry(concept, concept.name)
        entries.append(entry)
        nodes.append(state_leaf(rng, concept, drawn, concept.name, concept.name, entry.label))
    return entries, nodes


def _draw_group(writer: Writer, subject: dict[str, str]) -> tuple[GroupNode | None, str, list[Entry]]:
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
                state_leaf(rng, replace(concept, labels=concept.short), drawn, path, concept.short_name, entry.label)
            )
    hint = Hint(f"The {subject['en'].lower()}", (heading,))
    node = GroupNode(subject["name"], subject["name"], hint, tuple(children)) if children else None
    return node, heading, entries
