"""The value beside a label, as rules read it, and what it weighs beside an engine's reading. Pure.

Of a field that a question made up, rules know the label alone; they read on to the end of the line, so what is plainly
no part of the value is taken off: notes in brackets, dots that lead the eye, the next label.
"""

from __future__ import annotations

import re
from dataclasses import replace

from llava_ocr.asking.answers import Answer
from llava_ocr.engines.base import Completion, StopReason
from llava_ocr.grounding.read import AnsweredPage, read_record
from llava_ocr.jsonform import to_json
from llava_ocr.records import FieldReading, WordReader
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import DocumentSchema, LeafNode, leaves, tree
from llava_ocr.words.layout import Layout

# How often an answer was right on painted sheets (`llava-ocr bench asking`): where both say the same, and where one
# says it alone.
BOTH, RULES_ALONE, ENGINE_ALONE = 0.75, 0.6, 0.3

_NOTE = re.compile(r"^\s*(\([^)]*\)\s*:?|[.·_]{3,}|:)\s*")
_LEADERS = re.compile(r"\s*[.·_]{4,}\s*")
_NEXT_LABEL = re.compile(r"(,\s[^,:]*|\s+[^\s:]+):\s.*$")


def value_alone(text: str) -> str:
    """Take off what is plainly no part of a value; empty where nothing is left."""
    text = _LEADERS.sub(" ", text)
    while (note := _NOTE.match(text)) is not None:
        text = text[note.end() :]
    return _NEXT_LABEL.sub("", text).strip()


def labelled_reading(kind: type[DocumentSchema], page_index: int, layout: Layout) -> FieldReading | None:
    """What rules read of a page for the one field of a made-up type; None where no label of it is near a value."""
    root = tree(kind)
    [leaf] = leaves(root)
    text = value_alone(guesses(root, layout).get(leaf.path, ""))
    if not text:
        return None
    completion = Completion(f"page {page_index}", to_json({leaf.path: text}), StopReason.END, 0, 0)
    [reading] = read_record(kind, [AnsweredPage(page_index, layout, WordReader.NONE, completion)]).fields
    return reading if is_labelled(reading) and not _is_label(text, leaf) else None


def is_labelled(reading: FieldReading) -> bool:
    """Whether a label of the field stands near the value."""
    return reading.signals is not None and reading.signals.label_distance is not None


def weigh(by_engine: Answer, by_rules: Answer) -> Answer:
    """Of two readings of the same field, the one to give, as sure as such readings were found to be."""
    if by_rules.text is None:
        return replace(by_engine, confidence=min(by_engine.confidence, ENGINE_ALONE)) if by_engine.text else by_engine
    if by_engine.text is None:
        return replace(by_rules, confidence=RULES_ALONE)
    if _bare(by_engine.text) == _bare(by_rules.text):
        return replace(by_engine, confidence=max(by_engine.confidence, BOTH))
    return replace(by_rules, confidence=RULES_ALONE, others=(by_engine.text, *by_rules.others))


def _is_label(text: str, leaf: LeafNode) -> bool:
    return _bare(text) in {_bare(label) for label in leaf.hint.labels}


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
