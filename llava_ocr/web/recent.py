"""Answers that took long are given again for a while: counting a million records takes seconds, and changes little."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# An answer that took longer than this is kept; after `FRESH_S` it is given once more while a new one is made, and
# after `KEEP_S` not any more.
SLOW_S, FRESH_S, KEEP_S = 0.1, 60.0, 3_600.0
MAX_KEPT = 200


@dataclass
class _Kept(Generic[T]):
    """An answer and when it was made; `is_renewing` while a thread makes the next."""

    answer: T
    made_at: float
    is_renewing: bool = False


class Recent(Generic[T]):
    """Slow answers of the last hour, at most a minute old where people ask often. Safe to use from several threads.

    What is quick to make is made anew each time. `make` may be called in a thread of its own.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept[T]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return a kept answer, or make one."""
        now = time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and now - kept.made_at > KEEP_S:
                kept = None
            must_renew = kept is not None and now - kept.made_at > FRESH_S and not kept.is_renewing
            if kept is not None and must_renew:
                kept.is_renewing = True
        if kept is None:
            return self._make(key, make)
        if must_renew:
            threading.Thread(target=self._make, args=(key, make), name="counting", daemon=True).start()
        return kept.answer

    def _make(self, key: Hashable, make: Callable[[], T]) -> T:
        started = time.monotonic()
        with self._lock:
            before = self._kept.get(key)
        try:
            answer = make()
        finally:
            # What could not be made anew is not kept either; whoever asks next sees why.
            with self._lock:
                if before is not None and self._kept.get(key) is before:
                    del self._kept[key]
        if time.monotonic() - started > SLOW_S:
            with self._lock:
                self._kept[key] = _Kept(answer, time.monotonic())
                while len(self._kept) > MAX_KEPT:
                    self._kept.pop(next(iter(self._kept)))
        return answer
