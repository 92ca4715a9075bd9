"""Several batches with one engine at once: for an engine that waits for a server, where a batch that waits for its
slowest page would leave the others' places empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")


class Askers(Generic[Batch, Answer]):
    """Calls `ask` for up to `num_askers` batches at once; with one, in the caller's own thread, where torch is at home.

    What `ask` raises is raised by `answers`.
    """

    def __init__(self, ask: Callable[[Batch], Answer], *, num_askers: int) -> None:
        self._ask = ask
        self._num_askers = num_askers
        self._pool = ThreadPoolExecutor(num_askers, thread_name_prefix="ask") if num_askers > 1 else None
        self._asked: set[Future[Answer]] = set()

    @property
    def is_idle(self) -> bool:
        """Whether no answer is to come."""
        return not self._asked

    @property
    def is_full(self) -> bool:
        """Whether another batch would have to wait."""
        return len(self._asked) >= self._num_askers

    def submit(self, batch: Batch) -> None:
        """Have a batch asked about."""
        self._asked.add(self._pool.submit(self._ask, batch) if self._pool is not None else self._at_once(batch))

    def answers(self, *, at_least_one: bool) -> Iterator[Answer]:
        """Yield the answers that are there; where there must be one, wait for it."""
        done = {future for future in self._asked if future.done()}
        if at_least_one and not done:
            done, _ = wait(self._asked, return_when=FIRST_COMPLETED)
        for future in done:
            self._asked.discard(future)
            yield future.result()

    def close(self) -> None:
        """Begin no further batch. Those under way end when the engine is closed, at the latest."""
        if self._pool is not None:
            self._pool.shutdown(wait=self.is_idle, cancel_futures=True)

    def _at_once(self, batch: Batch) -> Future[Answer]:
        answered: Future[Answer] = Future()
        answered.set_result(self._ask(batch))
        return answered
