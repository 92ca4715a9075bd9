"""What a long-lived worker shares with the flows that run inside of it: weights are loaded once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request
from llava_ocr.run import Observer, ignore
from llava_ocr.services import Services, open_services
from llava_ocr.settings import Settings


class OneAtATime:
    """An engine that several shards share: while it answers one, the pages of the next are read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()

    @property
    def profile(self) -> EngineProfile:
        """The engine's own."""
        return self._engine.profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer as the engine does, when it is free."""
        with self._lock:
            return self._engine.complete(requests)

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()


class SharedServices(Services):
    """Services that several flow runs use at once."""

    @cached_property
    def metered(self) -> Engine:
        """The engine for one batch at a time; what waits for its turn is not counted."""
        return OneAtATime(super().metered)


def do_nothing() -> None:
    """Let a stall be: a process of its own ends with its flow run's time limit."""


@dataclass(frozen=True)
class Process:
    """What flow runs of this process work with, and who is told what comes of it.

    `stop` is set when it drains; `on_stall` is called where nothing moves any more.
    """

    services: Services
    stop: threading.Event
    observe: Observer = ignore
    on_stall: Callable[[], None] = do_nothing


_shared: list[Process] = []


@contextmanager
def sharing(process: Process) -> Iterator[None]:
    """Let the flow runs of this process share these services for the length of a `with` block."""
    _shared.append(process)
    try:
        yield
    finally:
        _shared.remove(process)


@contextmanager
def process_for(settings: Settings) -> Iterator[Process]:
    """The shared services where there are some with these settings, else ones of the flow run's own."""
    for process in _shared:
        if process.services.settings == settings:
            yield process
            return
    with open_services(settings) as services:
        yield Process(services, threading.Event())
