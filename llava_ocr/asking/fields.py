"""From a question to the field of a document type that it asks for, or to a field made up of its own words. Pure.

A question is understood only where the field explains each of its content words: what is left over would be a
condition that nobody checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import create_model

from llava_ocr.asking.usual import CONCEPTS, Concept
from llava_ocr.asking.wording import PAPERS, STOP_WORDS, asks_who, asks_yes_or_no, content_words, kind_asked
from llava_ocr.prompts import fold
from llava_ocr.schema import Date, DocumentSchema, GroupNode, Kind, LeafNode, Money, Number, Text, leaves, read

# A label on paper has at most this many words.
MAX_LABEL_WORDS = 6
_QUOTED = re.compile(r"[\"“”„«»]\s*([^\"“”„«»]{1,80}?)\s*[\"“”„«»]")
_TYPES: Mapping[Kind, Any] = {Kind.TEXT: Text, Kind.MONEY: Money, Kind.NUMBER: Number, Kind.DATE: Date}
_NUMBERS = (Kind.MONEY, Kind.NUMBER)

# The content words of a phrase.
Phrase = tuple[str, ...]


@dataclass(frozen=True)
class _Meaning:
    """What must, and what may, be said for some fields; the first of them that a page has is meant."""

    named: tuple[tuple[Phrase, ...], ...]
    also: tuple[Phrase, ...]
    leaves: tuple[LeafNode, ...]


def known_fields(question: str, root: GroupNode) -> tuple[LeafNode, ...]:
    """The leaves of a document type that a question asks for, the best first; none where it asks for something else,
    or for more."""
    if asks_yes_or_no(question) or quoted_label(question):
        return ()
    asked, kind, is_who = frozenset(_bare(question)), kind_asked(question), asks_who(question)
    best: tuple[int, tuple[LeafNode, ...]] = (0, ())
    for meaning in _meanings(root):
        fitting = tuple(leaf for leaf in meaning.leaves if _fits(leaf, kind, is_who=is_who))
        weight = _weight(meaning, asked) if fitting else 0
        if weight > best[0]:
            best = (weight, fitting)
    return best[1]


def quoted_label(question: str) -> str:
    """The label that a question quotes, which is then what is meant and no usual name for something."""
    quoted = _QUOTED.search(question)
    return quoted[1] if quoted else ""


def own_label(question: str) -> str:
    """The words of a question that may be printed as the label of its answer; empty where there are none."""
    if quoted := quoted_label(question):
        return quoted
    words = [word.strip(".,;:!?¿\"'’“”„()") for word in re.split(r"[\s'’]+", question)]
    kept = [word for word in words if fold(word) and not set(fold(word).split()) <= STOP_WORDS | PAPERS]
    return " ".join(kept[:MAX_LABEL_WORDS])


@lru_cache(maxsize=256)
def made_up(kind: Kind, labels: tuple[str, ...]) -> type[DocumentSchema]:
    """A document type of one field, `answer`, of this kind and with these labels."""
    field: Any = (_TYPES[kind] | None, read(f"The {labels[0]}", labels=labels))
    return create_model("Page", __base__=DocumentSchema, __doc__="A page.", answer=field)


def _fits(leaf: LeafNode, asked: Kind, *, is_who: bool) -> bool:
    """Whether a leaf may hold what is asked for: a day is no answer to `how much`, an amount none to `who`."""
    kind = leaf.leaf.kind
    if is_who:
        return kind is Kind.TEXT
    if asked in _NUMBERS:
        return kind in _NUMBERS
    return kind is Kind.DATE if asked is Kind.DATE else True


def _weight(meaning: _Meaning, asked: frozenset[str]) -> int:
    """How much of the question is said by the longest phrases that name the meaning; 0 where it does not explain it."""
    said = [[phrase for phrase in phrases if asked.issuperset(phrase)] for phrases in meaning.named]
    if not all(said):
        return 0
    also = [phrase for phrase in meaning.also if asked.issuperset(phrase)]
    explained = {word for phrases in (*said, also) for phrase in phrases for word in phrase}
    return sum(max(len("".join(phrase)) for phrase in phrases) for phrases in said) if explained == asked else 0


@lru_cache(maxsize=64)
def _meanings(root: GroupNode) -> tuple[_Meaning, ...]:
    """The usual concepts that a document type has, then its own fields by their labels."""
    outside = {leaf.path: leaf for leaf in leaves(root) if "[]" not in leaf.path}
    usual = (_usual(concept, outside) for concept in CONCEPTS)
    return tuple(meaning for meaning in (*usual, *_own(root, ())) if meaning.leaves and all(meaning.named))


def _usual(concept: Concept, outside: dict[str, LeafNode]) -> _Meaning:
    found = tuple(outside[path] for path in concept.paths if path in outside)
    return _Meaning(
        tuple(_phrases(named.split("|")) for named in concept.named), _phrases(concept.also.split("|")), found
    )


def _own(group: GroupNode, above: tuple[tuple[Phrase, ...], ...]) -> Iterator[_Meaning]:
    for child in group.children:
        named = (*above, _phrases([*child.hint.labels, child.name.replace("_", " ")]))
        if isinstance(child, LeafNode):
            yield _Meaning(named, (), (child,))
        elif isinstance(child, GroupNode):
            yield from _own(child, named)


def _phrases(texts: Sequence[str]) -> tuple[Phrase, ...]:
    found = (tuple(_bare(text)) for text in texts)
    return tuple(dict.fromkeys(phrase for phrase in found if phrase))


def _bare(text: str) -> list[str]:
    """Content words, without what the paper itself is called."""
    return [word for word in content_words(text) if word not in PAPERS]
