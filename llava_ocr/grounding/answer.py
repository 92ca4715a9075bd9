"""An engine's answer, read strictly against the schema's shape, with the place of every leaf in the answer's text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from llava_ocr.errors import CutAnswer, InvalidAnswer
from llava_ocr.prompts import AS_GUESSED, NO_GUESSES
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode, leaves

_DECODER = json.JSONDecoder()
_SPACES = frozenset(" \t\n\r")
_ROW = re.compile(r"[^\[]*\[\d+\]")
_BARE = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")


@dataclass(frozen=True, slots=True)
class Said:
    """A leaf of an answer: `text` as printed or None, and where it stands in the answer (`start`, `end`)."""

    path: str
    node: LeafNode
    text: str | None
    start: int
    end: int


def parse_answer(
    text: str, root: GroupNode, *, is_cut: bool, guesses: Mapping[str, str] = NO_GUESSES
) -> tuple[Said, ...]:
    """Return every leaf of the answer in order. Raises CutAnswer or InvalidAnswer, which quote nothing of it.

    A leaf that is said to be `AS_GUESSED` has the text of its guess.
    Of an answer that was cut inside a list, when all else had been said, the leaves before the row that was cut.
    """
    if is_cut:
        return _before_the_cut(text, root, guesses)
    reader = _Reader(text, guesses)
    said = tuple(reader.node(root, root.path))
    reader.end()
    return said


def _before_the_cut(text: str, root: GroupNode, guesses: Mapping[str, str]) -> tuple[Said, ...]:
    said: list[Said] = []
    with suppress(InvalidAnswer):
        for leaf in _Reader(text, guesses).node(root, root.path):
            said.append(leaf)
    missing = {leaf.path for leaf in leaves(root) if "[]" not in leaf.path} - {leaf.path for leaf in said}
    if missing or not text.rstrip():
        raise CutAnswer(f"the answer was cut after {len(text):,} characters")
    return tuple(_without_last_row(said))


def _without_last_row(said: list[Said]) -> list[Said]:
    """Leave off the row that the cut went through: its last cell may be cut short too."""
    last = _ROW.match(said[-1].path) if said else None
    return said if last is None else [leaf for leaf in said if not leaf.path.startswith(last.group())]


class _Reader:
    """Walks text and schema side by side."""

    def __init__(self, text: str, guesses: Mapping[str, str]) -> None:
        self._text = text
        self._guesses = guesses
        self._at = 0

    def node(self, node: Node, path: str) -> Iterator[Said]:
        if isinstance(node, LeafNode):
            yield self._leaf(node, path)
        elif isinstance(node, RowsNode):
            yield from self._rows(node, path)
        else:
            yield from self._group(node, path)

    def end(self) -> None:
        """Nothing may follow the answer but white space."""
        self._skip()
        if self._at != len(self._text):
            self._fail("more text behind the end")

    def _group(self, node: GroupNode, path: str) -> Iterator[Said]:
        """An object; servers without a grammar may leave keys out, or give them in another order."""
        children = {child.name: child for child in node.children}
        self._take("{")
        if self._peek("}"):
            return self._take("}")
        while True:
            name = self._string()
            child = children.pop(name, None)
            if child is None:
                self._fail(f"an unknown or repeated key in {path or node.name}")
            self._take(":")
            yield from self.node(child, f"{path}.{child.name}" if path else child.name)
            if not self._peek(","):
                return self._take("}")
            self._take(",")

    def _rows(self, node: RowsNode, path: str) -> Iterator[Said]:
        self._take("[")
        if self._peek("]"):
            return self._take("]")
        index = 0
        while True:
            yield from self._group(node.row, f"{path}[{index}]")
            index += 1
            if not self._peek(","):
                return self._take("]")
            self._take(",")

    def _leaf(self, node: LeafNode, path: str) -> Said:
        self._skip()
        start = self._at
        if self._peek('"'):
            text: str | None = self._string()
        else:
            bare = _BARE.match(self._text, self._at)
            if bare is None:
                self._fail(f"{path} is neither a string nor null")
            self._at = bare.end()
            text = None if bare.group() == "null" else bare.group()
        if text == AS_GUESSED:
            text = self._guesses.get(path, text)
        if text is not None and node.choices and text not in node.choices:
            self._fail(f"{path} is none of its choices")
        return Said(path, node, text.strip() or None if text else None, start, self._at)

    def _string(self) -> str:
        self._take('"')
        try:
            text, self._at = _DECODER.raw_decode(self._text, self._at - 1)
        except json.JSONDecodeError:
            self._fail("a string that does not end")
        return str(text)

    def _peek(self, mark: str) -> bool:
        self._skip()
        return self._text[self._at : self._at + 1] == mark

    def _take(self, mark: str) -> None:
        if not self._peek(mark):
            self._fail(f"no {mark!r} where one must be")
        self._at += 1

    def _skip(self) -> None:
        while self._text[self._at : self._at + 1] in _SPACES:
            self._at += 1

    def _fail(self, fault: str) -> NoReturn:
        raise InvalidAnswer(f"the answer is not of the schema's shape: {fault}, at character {self._at:,}")
