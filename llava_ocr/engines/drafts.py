"""Guesses at what an answer goes on with. They cost a little when wrong and change no answer. Pure.

Three sources, the best first: what rules read on the page (a whole answer, followed key by key), the page's words (a
value that has begun goes on as a line of the page does), and the answer itself (rows repeat). Each is used as far as
it has been right lately, and not at all below a useful rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from llava_ocr.engines.pieces import Pieces

# Below this share of right guesses, reading them takes longer than they save.
USEFUL_RATE = 0.3
# A new answer gives every source one more chance, whatever it did before.
_FIRST_RATE = 0.5
_CHANCE_RATE = 0.31
# How much one draft counts against what is known of its source.
_LEARNING = 0.3
# Tokens of a draft by how right its source has been.
_LENGTHS = ((0.8, 40), (0.55, 20), (USEFUL_RATE, 8))

_KEY = re.compile(rb'"[A-Za-z_][A-Za-z0-9_]*":')
_WIDE_GAP = re.compile(r" {2,}|\n+")
# Letters of a value before the page is searched for it, and of an answer before it is searched for itself.
_MIN_BEGUN, _MIN_ECHO = 2, 12
# Tokens before a draft that are spelt again with it, so that it is spelt as the network would.
_TAIL_TOKENS = 4
_BYTES_PER_TOKEN = 6


class Drafter(Protocol):
    """Guesses for one answer."""

    def draft(self, tokens: Sequence[int]) -> Sequence[int]:
        """What may follow the answer so far."""
        ...

    def learn(self, num_drafted: int, num_accepted: int) -> None:
        """How the last draft did, as far as it was read."""
        ...


class NoDrafts:
    """Never guesses."""

    def draft(self, _: Sequence[int]) -> Sequence[int]:
        """Nothing."""
        return ()

    def learn(self, num_drafted: int, num_accepted: int) -> None:
        """Nothing to learn."""


class Source(StrEnum):
    """Where a draft comes from."""

    GUESS = "guess"
    PAGE = "page"
    ECHO = "echo"


@dataclass
class Trust:
    """How right each source has been lately; an engine's is what its answers begin with."""

    rates: dict[Source, float] = field(default_factory=lambda: dict.fromkeys(Source, _FIRST_RATE))

    def length(self, source: Source) -> int:
        """How many tokens to draft from a source; 0 where it is not worth it."""
        return next((length for rate, length in _LENGTHS if self.rates[source] >= rate), 0)

    def learn(self, source: Source, rate: float) -> None:
        """Note how one draft did."""
        self.rates[source] += _LEARNING * (rate - self.rates[source])

    def for_new_answer(self) -> Trust:
        """Begin with what is known, but give every source a chance."""
        return Trust({source: max(_CHANCE_RATE, rate) for source, rate in self.rates.items()})


class PageDrafter:
    """Drafts for one answer from what is known of its page."""

    def __init__(
        self, *, guess: str, page: str, spell: Callable[[str], Sequence[int]], pieces: Pieces, trust: Trust
    ) -> None:
        """`guess` is a likely answer in the form of the real one, `page` the page's text, both may be empty; `spell`
        tokenizes. What is learned goes to `trust`, too."""
        self._script = _Script(guess.encode())
        self._page = _page_lines(page)
        self._spell, self._pieces = spell, pieces
        self._trust, self._shared_trust = trust.for_new_answer(), trust
        self._answer = bytearray()
        self._num_tokens = 0
        self._source: Source | None = None

    def draft(self, tokens: Sequence[int]) -> Sequence[int]:
        """What the best source that has something to say thinks."""
        for token in tokens[self._num_tokens :]:
            self._answer += self._pieces[token]
        self._num_tokens = len(tokens)
        answer = bytes(self._answer)
        self._source = None
        for source, text in self._thoughts(answer):
            length = self._trust.length(source)
            spelt = self._spelt(tokens, text[: length * _BYTES_PER_TOKEN])[:length] if length else []
            if spelt:
                self._source = source
                return spelt
        return []

    def learn(self, num_drafted: int, num_accepted: int) -> None:
        """Trust the source of the last draft more or less."""
        if self._source is not None and num_drafted:
            for trust in (self._trust, self._shared_trust):
                trust.learn(self._source, num_accepted / num_drafted)

    def _thoughts(self, answer: bytes) -> Iterator[tuple[Source, bytes]]:
        if text := self._script.after(answer):
            yield Source.GUESS, text
        if text := _rest_of_line(self._page, self._script.value_begun(answer)):
            yield Source.PAGE, text
        if text := _echo(answer):
            yield Source.ECHO, text

    def _spelt(self, tokens: Sequence[int], text: bytes) -> Sequence[int]:
        """The tokens of `text` as they follow the answer; none where its spelling would change the answer's end."""
        tail = b"".join(self._pieces[token] for token in tokens[-_TAIL_TOKENS:])
        try:
            # A cut within a letter loses that letter, no more.
            whole = tail.decode() + text.decode(errors="ignore")
        except UnicodeDecodeError:
            return []
        spelt = self._spell(whole)
        end = len(tail) + self._pieces.drops_first_space
        size = 0
        for place, token in enumerate(spelt):
            if size == end:
                return spelt[place:]
            size += len(self._pieces[token])
        return []


class _Script:
    """A whole answer that may be the one, followed by its keys: after a value that differs it goes on with the next."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        # Where the answer's last key ends, and where the same key ends here; None where there is none such.
        self._key_end = 0
        self._place: int | None = 0
        self._floor = 0

    def after(self, answer: bytes) -> bytes:
        """What follows here, where the answer's last value agrees so far."""
        self._follow(answer)
        begun = answer[self._key_end :]
        if self._place is None or not self._text.startswith(begun, self._place):
            return b""
        return self._text[self._place + len(begun) :]

    def value_begun(self, answer: bytes) -> bytes:
        """The letters of a text value that is not at its end yet; empty where there is none."""
        self._follow(answer)
        begun = answer[self._key_end :]
        return begun[1:] if begun.startswith(b'"') and b'"' not in begun[1:] else b""

    def _follow(self, answer: bytes) -> None:
        for match in _KEY.finditer(answer, self._key_end):
            self._key_end = match.end()
            found = self._text.find(match[0], self._floor)
            self._place = None if found < 0 else found + len(match[0])
            self._floor = self._floor if self._place is None else self._place


def _page_lines(page: str) -> bytes:
    """The page's text with a line break at every gap, written as JSON writes it, a break before and after."""
    lines = [line.strip() for line in _WIDE_GAP.split(page)]
    return ("\n" + "\n".join(lines) + "\n").replace("\\", "\\\\").replace('"', '\\"').encode()


def _rest_of_line(page: bytes, begun: bytes) -> bytes:
    """How a value goes on that has begun as a word of the page does, to the end of its line."""
    if len(begun) < _MIN_BEGUN:
        return b""
    place = page.find(begun)
    while place >= 0:
        if not page[place - 1 : place].isalnum():
            start = place + len(begun)
            return page[start : page.index(b"\n", start)] + b'"'
        place = page.find(begun, place + 1)
    return b""


def _echo(answer: bytes) -> bytes:
    """What followed when the answer last read as it does now."""
    if len(answer) <= _MIN_ECHO:
        return b""
    place = answer.rfind(answer[-_MIN_ECHO:], 0, -1)
    return answer[place + _MIN_ECHO :] if place >= 0 else b""
