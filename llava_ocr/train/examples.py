"""A question as arrays: tokens, how much each answer token counts, and where attention should look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.train.questions import Dialogue, Said
from llava_ocr.train.recipes import Look
from llava_ocr.train.tokenizer import BOS, EOS

# What the grammar forces counts little: keys and punctuation. What is chosen counts fully.
FORCED_WEIGHT, CHOSEN_WEIGHT = 0.03, 1.0
# For each word of a value, so many that are of none are told to say so; and a few on every page.
NO_VALUE_SHARE, FEWEST_NO_VALUES = 1, 8


@dataclass(frozen=True, eq=False)
class Looks:
    """Where supervised attention heads should look: token `query[i]` at token `source[i]`; any of a query's will do."""

    query: NDArray[np.int32]
    source: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Example:
    """One page and question. Token `start + i` is predicted from the one before it and counts `weights[i]`."""

    tokens: NDArray[np.int32]
    start: int
    weights: NDArray[np.float32]
    looks: dict[Look, Looks]
    overview_HWC: NDArray[np.uint8]


class Encoder:
    """Turns dialogues into token arrays. `num_visual` tokens stand for the overview."""

    def __init__(self, tokenizer: Any, *, num_visual: int) -> None:
        self._tokenizer, self._num_visual = tokenizer, num_visual
        self._image_id = int(tokenizer.convert_tokens_to_ids(IMAGE_MARK))
        self._bos_id, self._eos_id = (int(tokenizer.convert_tokens_to_ids(t)) for t in (BOS, EOS))

    def encode(self, dialogue: Dialogue, overview_HWC: NDArray[np.uint8]) -> Example:
        """Tokenize `<s>{user}\\n{answer}</s>` and carry every mark over from characters to tokens."""
        assert dialogue.user.startswith(IMAGE_MARK), dialogue.user[:20]
        told = f"{dialogue.user}\n{dialogue.answer}"
        encoded = self._tokenizer(told, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = encoded["input_ids"][1:], encoded["offset_mapping"][1:]
        tokens = [self._bos_id, *[self._image_id] * self._num_visual, *ids, self._eos_id]
        marks = _Marks(1 + self._num_visual, [start for start, _ in offsets], np.array(tokens, np.int32))
        shift = len(dialogue.user) + 1
        marks.ask(dialogue)
        for said in dialogue.said:
            marks.add(said, shift)
        for row in dialogue.rows:
            marks.chosen.add(marks.at(row + shift))
        return marks.example(marks.at(shift), overview_HWC)


class _Marks:
    """Collects looks and weights; `begins` are the first characters of the tokens from number `first` on."""

    def __init__(self, first: int, begins: list[int], tokens: NDArray[np.int32]) -> None:
        self.first, self.begins, self.tokens = first, np.array(begins), tokens
        self.chosen: set[int] = set()
        self.looks: dict[Look, set[tuple[int, int]]] = {look: set() for look in Look}
        self.fields: list[range] = []

    def at(self, char: int) -> int:
        """The token that holds character `char`."""
        return self.first + int(np.searchsorted(self.begins, char, side="right")) - 1

    def ask(self, dialogue: Dialogue) -> None:
        """Mark the question's lines, and of which field is the word that begins a value; as many others are of none."""
        self.fields = [range(self.at(line.start), self.at(line.end)) for line in dialogue.fields]
        for line in self.fields:
            self.looks[Look.LINE].update((token, line[0]) for token in line)
        owned = {word: number for word, number in dialogue.owners.items() if number is not None}
        for word, number in owned.items():
            token = self.at(dialogue.words[word])
            self.looks[Look.TAG].update((token, source) for source in self.fields[number])
        others = [word for word in dialogue.words if word not in dialogue.owners]
        step = max(1, len(others) // (NO_VALUE_SHARE * len(owned) + FEWEST_NO_VALUES))
        for word in others[::step]:
            self.looks[Look.TAG].add((self.at(dialogue.words[word]), 0))

    def add(self, said: Said, shift: int) -> None:
        """Mark one leaf, whose characters in the answer begin at `shift` of the text."""
        decided, end = self.at(said.start + shift), self.at(said.end - 1 + shift)
        self.chosen.update(range(decided, end + 1))
        deciding = [decided - 1] if said.is_null else [decided - 1, decided]
        self.looks[Look.FIELD].update((query, source) for query in deciding for source in self.fields[said.field])
        guess = 0 if said.guess is None else self.at(said.guess)
        self.looks[Look.GUESS].update((query, guess) for query in deciding)
        if said.is_null:
            self._point(deciding, 0)
        if said.guess is not None:
            sources = {self.at(char) for copy in said.copies[:1] for char in copy.sources}
            self.looks[Look.POINT].update((query, source) for query in deciding for source in sources)
            return
        for number, copy in enumerate(said.copies):
            answer = self.at(copy.answer + shift)
            for source in (self.at(char) for char in copy.sources):
                if number == 0 and self.tokens[answer] == self.tokens[source]:
                    self._point(deciding, source)
                self._copy(answer, source, copy.length)

    def _point(self, deciding: list[int], source: int) -> None:
        for look in (Look.POINT, Look.COPY):
            self.looks[look].update((query, source) for query in deciding)

    def _copy(self, answer: int, source: int, length: int) -> None:
        end = self.begins[answer - self.first] + length
        while answer - self.first < len(self.begins) and self.begins[answer - self.first] < end:
            if self.tokens[answer] != self.tokens[source]:
                return
            self.looks[Look.COPY].add((answer - 1, source))
            answer, source = answer + 1, source + 1

    def example(self, start: int, overview_HWC: NDArray[np.uint8]) -> Example:
        """Freeze what was collected; the answer's first token is number `start`."""
        weights = np.full(len(self.tokens) - start, FORCED_WEIGHT, np.float32)
        weights[[token - start for token in sorted(self.chosen)]] = CHOSEN_WEIGHT
        looks = {look: _looks(pairs) for look, pairs in self.looks.items()}
        return Example(self.tokens, start, weights, looks, overview_HWC)


def _looks(pairs: set[tuple[int, int]]) -> Looks:
    ordered = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    return Looks(ordered[:, 0], ordered[:, 1])
