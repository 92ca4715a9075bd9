"""Where examples come from: several sources in fixed shares. A position gives the same example after every resume."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from llava_ocr.errors import ConfigError
from llava_ocr.train.turns import TiledExample
from llava_ocr.train.world import World

# Shares are kept to a hundredth, in every hundred examples.
_ROUND = 100
_MAX_ATTEMPTS = 50
_AHEAD = 4
Made = TypeVar("Made")


class Source(Protocol):
    """Examples by number, without end."""

    def example(self, number: int) -> TiledExample | None:
        """Make the example of that number; None where there is nothing to ask of it. Raises BadTrainingData."""
        ...


@dataclass(frozen=True)
class Share:
    """A source and how many of the examples are its own, relative to the other sources' shares."""

    source: Source
    share: float


class Mixture:
    """Sources mixed by share. Each gives its examples in order, none left out but those longer than `max_tokens`."""

    def __init__(self, shares: Sequence[Share], *, max_tokens: int, seed: int) -> None:
        """Raises ConfigError where the shares make no mixture."""
        self._sources = [each.source for each in shares]
        self._pattern = _pattern([each.share for each in shares], seed)
        self._max_tokens, self._seed = max_tokens, seed

    def example(self, position: int) -> TiledExample:
        """Make the example of a position; where it can't be used, another of the same source. Raises ConfigError."""
        chosen = self._pattern[position % _ROUND]
        turn = position // _ROUND * self._pattern.count(chosen) + self._pattern[: position % _ROUND].count(chosen)
        rng = random.Random(f"{self._seed} {position}")
        for _ in range(_MAX_ATTEMPTS):
            example = self._sources[chosen].example(turn)
            if example is not None and len(example.tokens) <= self._max_tokens:
                return example
            turn = rng.randrange(2**31)
        raise ConfigError(
            f"{_MAX_ATTEMPTS} examples in a row had nothing to learn from, or more than {self._max_tokens:,} tokens"
        )


def feed(make: Callable[[int], Made], *, start: int, world: World) -> Iterator[Made]:
    """Yield this process's examples from position `start` on, a few made ahead of need by a thread."""
    made: queue.Queue[Any] = queue.Queue(_AHEAD)

    def work() -> None:
        position = start + world.rank
        while True:
            try:
                made.put(make(position))
            except Exception as error:
                made.put(error)
                return
            position += world.size

    threading.Thread(target=work, name="examples", daemon=True).start()
    while True:
        item = made.get()
        if isinstance(item, BaseException):
            raise item
        yield item


def shuffled(number: int, size: int, *, seed: int) -> int:
    """Return which of `size` things comes at `number`, when all are gone through in a new order each time."""
    turn, place = divmod(number, size)
    order = list(range(size))
    random.Random(f"{seed} {turn}").shuffle(order)
    return order[place]


def _pattern(shares: Sequence[float], seed: int) -> list[int]:
    """Say for each place of a round which source it is of."""
    whole = sum(shares)
    if not shares or min(shares) <= 0:
        raise ConfigError("give at least one source to learn from, each with a share above 0")
    ends = [round(sum(shares[: number + 1]) / whole * _ROUND) for number in range(len(shares))]
    pattern = [number for number, end in enumerate(ends) for _ in range(end - ([0, *ends][number]))]
    if set(pattern) != set(range(len(shares))):
        raise ConfigError(f"a source has less than 1 in {_ROUND} of the examples; raise its share or leave it out")
    random.Random(f"{seed} pattern").shuffle(pattern)
    return pattern
