"""Many small questions, one big one: what is asked while an answer is under way is asked together next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Combiner(Generic[K, V]):
    """Lets threads that ask one by one share the calls of a function that answers many at once."""

    def __init__(self, answer: Callable[[Sequence[K]], Mapping[K, V]]) -> None:
        """`answer` is never called by two threads at once; what it raises, all who asked get to see."""
        self._answer = answer
        self.waiting: dict[K, Future[V]] = {}
        self._is_asking = False
        self._lock = threading.Lock()

    def ask(self, key: K) -> V:
        """Return the answer for one key, which may come with those of others."""
        with self._lock:
            future = self.waiting.setdefault(key, Future())
            # Whoever finds nobody asking asks, for all that come meanwhile.
            must_ask, self._is_asking = not self._is_asking, True
        if must_ask:
            self._ask_all()
        return future.result()

    def _ask_all(self) -> None:
        while True:
            with self._lock:
                asked, self.waiting = self.waiting, {}
                if not asked:
                    self._is_asking = False
                    return
            try:
                answers = self._answer(list(asked))
            except BaseException as error:
                for future in asked.values():
                    future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                for key, future in asked.items():
                    future.set_result(answers[key])
