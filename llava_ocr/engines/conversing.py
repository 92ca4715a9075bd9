"""A conversation with an engine: one request after another that begin alike. Engines may keep what they have read."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from llava_ocr.engines.base import Completion, Engine, Request


class Conversation(Protocol):
    """Turns of one conversation, one after another."""

    def complete(self, request: Request) -> Completion:
        """Answer a turn; what fails for it is its completion's `error`. Raises EngineError as engines do."""
        ...

    def close(self) -> None:
        """Give back what was kept between turns; the engine stays open."""
        ...


@runtime_checkable
class Conversing(Protocol):
    """An engine that keeps what it has read between turns."""

    def converse(self) -> Conversation:
        """Begin a conversation."""
        ...


def open_conversation(engine: Engine) -> Conversation:
    """Begin a conversation with any engine; one that keeps nothing reads every turn from the start."""
    return engine.converse() if isinstance(engine, Conversing) else _Forgetful(engine)


class _Forgetful:
    """Turns with an engine that keeps nothing; a server may do so by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def complete(self, request: Request) -> Completion:
        """Ask the engine."""
        [completion] = self._engine.complete([request])
        return completion

    def close(self) -> None:
        """Nothing is kept."""
