"""Which of the known document types a page most likely is, by the labels and titles on it. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from llava_ocr.prompts import fold, fold_label
from llava_ocr.schema import DocumentSchema, Node, RowsNode, schema_name, tree
from llava_ocr.words.layout import Layout

# What papers of the shipped types call themselves.
TITLES: Mapping[str, tuple[str, ...]] = {
    "invoice": (
        "invoice",
        "tax invoice",
        "credit note",
        "credit memo",
        "rechnung",
        "handelsrechnung",
        "gutschrift",
        "rechnungskorrektur",
        "stornorechnung",
        "facture",
        "avoir",
        "bill",
    ),
    "receipt": ("receipt", "quittung", "kassenbon", "kassenbeleg", "bon", "ticket", "ticket de caisse", "recu"),
    "purchase_order": ("purchase order", "bestellung", "auftrag", "bon de commande", "commande"),
    "statement": (
        "statement",
        "bank statement",
        "account statement",
        "statement of account",
        "kontoauszug",
        "releve",
        "releve de compte",
        "releve bancaire",
    ),
    "w9": ("form w 9", "request for taxpayer identification number and certification"),
}
# A title tells as much as so many labels.
TITLE_WEIGHT = 6.0
# Titles stand in this upper part of a page.
TITLE_DEPTH = 0.45


def likeliest_type(layouts: Iterable[Layout], types: Sequence[type[DocumentSchema]]) -> type[DocumentSchema] | None:
    """The document type whose title and labels the pages hold most of; None where no page holds any."""
    scores: defaultdict[str, float] = defaultdict(float)
    for layout in layouts:
        for kind in types:
            scores[schema_name(kind)] += _score(layout, kind)
    by_name = {schema_name(kind): kind for kind in types}
    best = max(by_name, key=lambda name: scores[name], default="")
    return by_name[best] if best and scores[best] > 0 else None


def _score(layout: Layout, kind: type[DocumentSchema]) -> float:
    printed = f" {fold(' '.join(layout.words[index].text for index in layout.order))} "
    labels = sum(1.0 for label in _labels(kind) if f" {label} " in printed)
    titles = TITLES.get(schema_name(kind), (schema_name(kind).replace("_", " "),))
    return labels / math.sqrt(len(_labels(kind))) + TITLE_WEIGHT * _title(layout, titles)


def _title(layout: Layout, titles: Sequence[str]) -> float:
    """1 where a segment near the top is a title and nothing else, less where it only begins with one."""
    best = 0.0
    for line in layout.lines:
        if line.box.y0 > TITLE_DEPTH:
            break
        for segment in line.segments:
            text = fold(segment.text)
            if text in titles:
                return 1.0
            if any(text.startswith(f"{title} ") for title in titles):
                best = 0.5
    return best


@lru_cache(maxsize=64)
def _labels(kind: type[DocumentSchema]) -> tuple[str, ...]:
    found = dict.fromkeys(fold_label(label) for label in _stated(tree(kind)))
    return tuple(label for label in found if label)


def _stated(node: Node) -> Iterable[str]:
    yield from node.hint.labels
    children = node.row.children if isinstance(node, RowsNode) else getattr(node, "children", ())
    for child in children:
        yield from _stated(child)
