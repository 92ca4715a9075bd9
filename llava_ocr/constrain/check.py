"""Whether a finished answer keeps to its schema and its page: what the grammar promises, checked without it. Pure.

For answers of servers that take no grammar, and as the grammar's plain second opinion in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from llava_ocr.constrain.page_text import FIRST_MARKS, LAST_MARKS, holds_text, page_runs, pieces
from llava_ocr.errors import InvalidAnswer
from llava_ocr.grounding.answer import Said, parse_answer
from llava_ocr.grounding.candidates import spans
from llava_ocr.schema import GroupNode, Kind, LeafNode
from llava_ocr.words.layout import Layout

Candidates = Callable[[Layout, LeafNode], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Violation:
    """What the grammar would not have let through. `path` is empty where the whole answer is out of shape."""

    path: str
    fault: str


def violations(
    answer: str, root: GroupNode, layout: Layout | None, *, candidates: Candidates = spans
) -> tuple[Violation, ...]:
    """Say what in `answer` breaks the schema's shape or does not stand on the page; quotes nothing of either.

    Of a page without words only the shape is checked. Keys left out count as null.
    """
    try:
        said = parse_answer(answer, root, is_cut=False)
    except InvalidAnswer as error:
        return (Violation("", str(error)),)
    if layout is None or not layout.words:
        return ()
    return tuple(_invented(said, layout, candidates))


def _invented(said: tuple[Said, ...], layout: Layout, candidates: Candidates) -> Iterator[Violation]:
    page = PrintedText(layout)
    for one in said:
        kind = one.node.leaf.kind
        if one.text is None or kind is Kind.CHOICE:
            continue
        if kind is Kind.TEXT and one.text not in page:
            yield Violation(one.path, "is not a run of words of the page")
        elif kind is not Kind.TEXT and one.text not in candidates(layout, one.node):
            yield Violation(one.path, f"is no {kind.value} of the page")


class PrintedText:
    """All that a text field may say of a page; `value in PrintedText(layout)`."""

    def __init__(self, layout: Layout) -> None:
        self._runs: list[tuple[str, frozenset[int]]] = []
        for run in page_runs(layout):
            words = [layout.words[index].text for index in run]
            self._runs.append((" ".join(words), frozenset(_cuts(words))))

    def __contains__(self, value: str) -> bool:
        """Whether the value is a run of whole words, the marks at its edges aside."""
        return _has_sound_edges(value.split(" ")) and any(_stands_in(value, text, cuts) for text, cuts in self._runs)


def _cuts(words: list[str]) -> Iterator[int]:
    """Where in the joined words a value may begin or end."""
    start = 0
    for word in words:
        yield from accumulate((len(piece) for piece in pieces(word)), initial=start)
        start += len(word) + 1


def _has_sound_edges(words: list[str]) -> bool:
    if len(words) > 1 and words[0] in tuple(FIRST_MARKS):
        words = words[1:]
    if len(words) > 1 and words[-1] in tuple(LAST_MARKS):
        words = words[:-1]
    return holds_text(words[0]) and holds_text(words[-1])


def _stands_in(value: str, text: str, cuts: frozenset[int]) -> bool:
    start = text.find(value)
    while start >= 0:
        if start in cuts and start + len(value) in cuts:
            return True
        start = text.find(value, start + 1)
    return False
