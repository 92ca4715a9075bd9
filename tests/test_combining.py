"""Questions asked at once are answered together, and each gets its own answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from llava_ocr.combining import Combiner


class Slow:
    """Answers with the square, one call at a time, and waits in its first call until others have come."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = threading.Event()

    def answer(self, keys: Sequence[int]) -> dict[int, int]:
        self.calls.append(list(keys))
        self.gate.wait(10)
        if 13 in keys:
            raise ValueError("unlucky")
        return {key: key * key for key in keys}


def test_what_comes_while_an_answer_is_under_way_is_asked_together() -> None:
    slow = Slow()
    combiner = Combiner(slow.answer)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(combiner.ask, 0)
        while not slow.calls:
            pass
        others = [pool.submit(combiner.ask, key) for key in range(1, 9)]
        while len(combiner.waiting) < 8:
            pass
        slow.gate.set()
        assert [one.result(10) for one in (first, *others)] == [key * key for key in range(9)]
    assert [len(call) for call in slow.calls] == [1, 8]


def test_a_failure_is_everybodys_and_the_next_question_is_answered() -> None:
    slow = Slow()
    slow.gate.set()
    combiner = Combiner(slow.answer)
    with pytest.raises(ValueError, match="unlucky"):
        combiner.ask(13)
    assert combiner.ask(4) == 16
