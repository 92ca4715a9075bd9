"""One page, one question, and the answer with the place on the page that each value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llava_ocr.prompts import ask_for_record
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode, leaves
from llava_ocr.words.layout import Layout


@dataclass(frozen=True)
class Value:
    """A printed value of one leaf on this page: `places` are all the runs of words that show it."""

    text: str
    places: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Question:
    """A page laid out, the fields asked of it, and what it says, by concrete path. A path that is missing is null."""

    layout: Layout
    root: GroupNode
    values: dict[str, Value]
    page_index: int = 0
    num_pages: int = 1


@dataclass(frozen=True)
class Copy:
    """One word of a value: characters `answer` on of the answer are characters `sources[i]` on of the prompt."""

    answer: int
    length: int
    sources: tuple[int, ...]


@dataclass(frozen=True)
class FieldLine:
    """Where a field's line in the prompt names its kind, and the character after the line."""

    kind: int
    end: int


@dataclass(frozen=True)
class Said:
    """One leaf in the answer, from character `start` to before `end`. `copies` is empty for null and for a choice."""

    start: int
    end: int
    field: FieldLine
    is_null: bool
    copies: tuple[Copy, ...]


@dataclass
class Dialogue:
    """What is asked and answered, as text; `rows` are the characters that begin, continue or end a list."""

    user: str
    answer: str = ""
    said: list[Said] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def converse(question: Question) -> Dialogue:
    """Write the prompt and the true answer of a question."""
    prompt = ask_for_record(
        question.root, question.layout, page_index=question.page_index, num_pages=question.num_pages
    )
    dialogue = Dialogue(prompt.user)
    _Writer(question, dialogue).write(question.root, "")
    return dialogue


def word_starts(layout: Layout) -> dict[int, int]:
    """Where each word begins in `layout.text`."""
    starts: dict[int, int] = {}
    offset = 0
    text = layout.text
    for index in layout.order:
        word = layout.words[index].text
        offset = text.index(word, offset)
        starts[index] = offset
        offset += len(word)
    return starts


class _Writer:
    """Appends to a dialogue's answer, and keeps count of characters."""

    def __init__(self, question: Question, dialogue: Dialogue) -> None:
        self.question, self.dialogue = question, dialogue
        # The layout's text is the first long part of the prompt; field lines are its last lines.
        shift = dialogue.user.index(question.layout.text)
        self.starts = {word: start + shift for word, start in word_starts(question.layout).items()}
        self.fields = dict(_field_lines(dialogue.user, list(leaves(question.root))))

    def write(self, node: Node, path: str) -> None:
        """Append one node's JSON; `path` is concrete."""
        if isinstance(node, LeafNode):
            self._leaf(node, self.question.values.get(path))
        elif isinstance(node, RowsNode):
            self._rows(node, path)
        else:
            self._group(node, path)

    def _put(self, text: str) -> None:
        self.dialogue.answer += text

    def _group(self, node: GroupNode, path: str) -> None:
        for number, child in enumerate(node.children):
            self._put(("," if number else "{") + json.dumps(child.name, ensure_ascii=False) + ":")
            self.write(child, f"{path}.{child.name}" if path else child.name)
        self._put("}")

    def _rows(self, node: RowsNode, path: str) -> None:
        self._put("[")
        self.dialogue.rows.append(len(self.dialogue.answer))
        for number, row in enumerate(_row_indices(self.question.values, path)):
            self._put("," if number else "")
            self._group(node.row, f"{path}[{row}]")
            self.dialogue.rows.append(len(self.dialogue.answer))
        self._put("]")

    def _leaf(self, node: LeafNode, value: Value | None) -> None:
        start = len(self.dialogue.answer)
        self._put("null" if value is None else json.dumps(value.text, ensure_ascii=False))
        end = len(self.dialogue.answer)
        copies = () if value is None else tuple(self._copies(value, start + 1))
        self.dialogue.said.append(Said(start, end, self.fields[node.path], value is None, copies))

    def _copies(self, value: Value, start: int) -> Iterator[Copy]:
        for number, part in enumerate(value.text.split()):
            sources = [self._source(part, place, number) for place in value.places]
            yield Copy(start, len(part), tuple(source for source in sources if source is not None))
            start += len(json.dumps(part, ensure_ascii=False)) - 1

    def _source(self, part: str, place: Sequence[int], number: int) -> int | None:
        if number >= len(place):
            return None
        inside = self.question.layout.words[place[number]].text.find(part)
        return None if inside < 0 else self.starts[place[number]] + inside


def _row_indices(values: dict[str, Value], path: str) -> list[int]:
    opening = f"{path}["
    return sorted({int(name[len(opening) :].split("]")[0]) for name in values if name.startswith(opening)})


def _field_lines(user: str, listed: Sequence[LeafNode]) -> Iterator[tuple[str, FieldLine]]:
    lines = user.split("\n")[-len(listed) :]
    start = len(user) + 1 - sum(len(line) + 1 for line in lines)
    for leaf, line in zip(listed, lines, strict=True):
        yield leaf.path, FieldLine(start + len(leaf.path) + 1, start + len(line))
        start += len(line) + 1
