"""One page, one question, and the answer with the place on the page that each value comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from llava_ocr.prompts import AS_GUESSED, WORDS_HEADING, PromptForm, ask_for_record
from llava_ocr.schema import GroupNode, LeafNode, Node, RowsNode, leaves
from llava_ocr.words.layout import Layout

_INDEX = re.compile(r"\[(\d+)\]")


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
    guesses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Copy:
    """One word of a value: characters `answer` on of the answer are characters `sources[i]` on of the prompt."""

    answer: int
    length: int
    sources: tuple[int, ...]


@dataclass(frozen=True)
class FieldLine:
    """A field's line in the prompt, from its number's character `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Said:
    """One leaf in the answer, from character `start` to before `end`. `copies` is empty for null and for a choice.

    `field` is its line's number in the question, from 0; `guess` the prompt's character where a right guess begins:
    then the answer is `AS_GUESSED`, and `copies` only say where the value stands on the page.
    """

    start: int
    end: int
    field: int
    is_null: bool
    copies: tuple[Copy, ...]
    guess: int | None = None


@dataclass
class Dialogue:
    """What is asked and answered, as text, in the form FIND.

    `words` is where each word of the page begins, `fields` where each field's line stands; `rows` are the characters of
    the answer that begin, continue or end a list. `owners` says of which field the words that begin a value are, and
    None of those inside a value.
    """

    user: str
    words: dict[int, int]
    fields: tuple[FieldLine, ...]
    owners: dict[int, int | None]
    answer: str = ""
    said: list[Said] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def converse(question: Question) -> Dialogue:
    """Write the prompt and the true answer of a question."""
    prompt = ask_for_record(
        question.root,
        question.layout,
        page_index=question.page_index,
        num_pages=question.num_pages,
        form=PromptForm.FIND,
        guesses=question.guesses,
    )
    shift = prompt.user.index(WORDS_HEADING) + len(WORDS_HEADING) + 1
    number_of = {leaf.path: number for number, leaf in enumerate(leaves(question.root))}
    dialogue = Dialogue(
        prompt.user,
        {word: start + shift for word, start in word_starts(question.layout).items()},
        tuple(_field_lines(prompt.user, len(number_of))),
        _owners(question, number_of),
    )
    _Writer(question, dialogue, number_of).write(question.root, "")
    return dialogue


def _owners(question: Question, number_of: dict[str, int]) -> dict[int, int | None]:
    owners: dict[int, int | None] = {}
    for path, value in question.values.items():
        for place in value.places:
            for word in place[1:]:
                owners.setdefault(word, None)
            if place and pattern_of(path) in number_of:
                owners[place[0]] = number_of[pattern_of(path)]
    return owners


def pattern_of(path: str) -> str:
    """Return the schema's path of a concrete one: `lines[].amount` of `lines[2].amount`."""
    return _INDEX.sub("[]", path)


def word_starts(layout: Layout) -> dict[int, int]:
    """Where each word begins in `layout.column_text`."""
    starts: dict[int, int] = {}
    offset = 0
    text = layout.column_text
    for index in layout.order:
        word = layout.words[index].text
        offset = text.index(word, offset)
        starts[index] = offset
        offset += len(word)
    return starts


class _Writer:
    """Appends to a dialogue's answer, and keeps count of characters."""

    def __init__(self, question: Question, dialogue: Dialogue, number_of: dict[str, int]) -> None:
        self.question, self.dialogue, self.number_of = question, dialogue, number_of

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
        guess = None if value is None else self._guess(node.path, value.text)
        text = None if value is None else AS_GUESSED if guess is not None else value.text
        self._put(json.dumps(text, ensure_ascii=False))
        end = len(self.dialogue.answer)
        copies = () if value is None else tuple(self._copies(value, start + 1))
        self.dialogue.said.append(Said(start, end, self.number_of[node.path], value is None, copies, guess))

    def _copies(self, value: Value, start: int) -> Iterator[Copy]:
        """Where each word of a value stands."""
        for number, part in enumerate(value.text.split()):
            sources = [self._source(part, place, number) for place in value.places]
            yield Copy(start, len(part), tuple(source for source in sources if source is not None))
            start += len(json.dumps(part, ensure_ascii=False)) - 1

    def _guess(self, path: str, text: str) -> int | None:
        """The character at which a right guess begins; None where there is none."""
        if self.question.guesses.get(path) != text:
            return None
        return self.dialogue.fields[self.number_of[path]].end - len(text)

    def _source(self, part: str, place: Sequence[int], number: int) -> int | None:
        if number >= len(place):
            return None
        inside = self.question.layout.words[place[number]].text.find(part)
        return None if inside < 0 else self.dialogue.words[place[number]] + inside


def _row_indices(values: dict[str, Value], path: str) -> list[int]:
    opening = f"{path}["
    return sorted({int(name[len(opening) :].split("]")[0]) for name in values if name.startswith(opening)})


def _field_lines(user: str, count: int) -> Iterator[FieldLine]:
    """Find the numbered lines, which are the last before the words."""
    question = user[: user.index(f"\n{WORDS_HEADING}\n")]
    lines = question.split("\n")[-count:]
    start = len(question) - sum(len(line) for line in lines) - (count - 1)
    for line in lines:
        yield FieldLine(start, start + len(line))
        start += len(line) + 1
