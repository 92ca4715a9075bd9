"""What painters of ad-hoc types share: values that remember their truth, and leaves stated as schema authors do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode, RowsNode
from llava_ocr.synth.concepts import Concept, Drawn, draw_concept, draw_value
from llava_ocr.synth.conventions import Style
from llava_ocr.synth.markets import Market
from llava_ocr.synth.phrases import Phrase, value
from llava_ocr.synth.sheet_page import Entry, Grid
from llava_ocr.synth.streams import chance, weighted


@dataclass(frozen=True, slots=True)
class Writer:
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
        return value(drawn.text, path, is_whole=drawn.leaf.kind is not Kind.TEXT)

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


def draw_rows(writer: Writer, subjects: list[dict[str, str]], *, is_asked: bool) -> tuple[RowsNode, Grid]:
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
            samples[column] = in_column(draw_value(rng, concept, writer.style, writer.market))
            is_blank = chance(rng, 0.04) and row > 0
            path = f"{name}[{row}].{column}" if is_asked and column in asked else ""
            line.append(() if is_blank else writer.say(samples[column], path))
        cells.append(line)
    leaves = tuple(
        state_leaf(rng, concept, samples[column], f"{name}[].{column}", column, headers[column])
        for column, concept in columns.items()
        if column in asked
    )
    group = GroupNode(f"{name}[]", name, Hint("One row"), leaves)
    kinds = [concept.kind.value for concept in columns.values()]
    return RowsNode(name, name, Hint("The table's rows", max_rows=60), group), Grid(
        list(headers.values()), kinds, cells
    )


def in_column(drawn: Drawn) -> Drawn:
    """Call a column's codes text: no single pattern fits codes of several shapes."""
    if drawn.leaf.kind is not Kind.CODE or drawn.leaf.checksum:
        return drawn
    return replace(drawn, truth=drawn.text, leaf=Leaf(Kind.TEXT))


def state_leaf(rng: Random, concept: Concept, drawn: Drawn, path: str, name: str, printed: str) -> LeafNode:
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
