"""What a process says while it works: lines that name run, shard and document, and never hold a document's text.

Our own messages hold none by rule. Those of others may quote what they choke on, so of their log lines only the
template is kept, and of their exceptions only class and place.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from llava_ocr.errors import ExtractionError, Unforeseen

# What a line may name beside its message; the keys of `extra=`.
IDS = ("run_id", "shard_index", "document_id")
FIGURES = ("outcome", "reason", "num_pages", "seconds")
OURS = ("llava_ocr", "flows")
WITHHELD = "(message withheld)"
# Places of an exception, innermost last.
MAX_FRAMES = 12


class LogFormat(StrEnum):
    """Lines for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


class TextFormatter(logging.Formatter):
    """Writes a line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, logger, message and what the line names."""
        facts = facts_of(record)
        head = [str(facts.pop(name)) for name in ("at", "level", "logger", "message")]
        return " ".join([*head, *(f"{name}={json.dumps(value)}" for name, value in facts.items())])


class JsonFormatter(logging.Formatter):
    """Writes a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the facts on one line."""
        return json.dumps(facts_of(record))


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """What may be said of a log record, without any document's text."""
    facts: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": _message(record),
    }
    facts |= {name: getattr(record, name) for name in (*IDS, *FIGURES) if hasattr(record, name)}
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        told = {"error": type(error).__name__, "error_message": str(error) if is_ours(error) else WITHHELD}
        facts |= told | {"where": places_of(error.__traceback__)}
    return facts


def set_up_logs(format: LogFormat, *, level: int = logging.INFO) -> None:
    """Have this process write its log, warnings and last words to standard error in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format is LogFormat.JSON else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _last_words
    threading.excepthook = lambda last: _last_words(last.exc_type, last.exc_value, last.exc_traceback)


@contextmanager
def without_text() -> Iterator[None]:
    """Let only errors of ours out, and those without their causes, for somebody who shows all that an error says.

    Raises Unforeseen, which names class and place, for any other.
    """
    try:
        yield
    except ExtractionError as error:
        error.__cause__, error.__suppress_context__ = None, True
        raise
    except Exception as error:
        place = next(iter(reversed(places_of(error.__traceback__))), "an unknown place")
        raise Unforeseen(f"{type(error).__name__} at {place}") from None


def is_ours(error: BaseException) -> bool:
    """Whether an error's message is of our own writing."""
    return isinstance(error, ExtractionError)


def places_of(trace: TracebackType | None) -> list[str]:
    """Where an exception went through, by file, line and function."""
    frames = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _message(record: logging.LogRecord) -> str:
    if record.name.split(".")[0] in OURS:
        return record.getMessage()
    # With arguments the message is a template, else it may be a text put together at will.
    said = str(record.msg) if record.args else WITHHELD
    return f"{said} at {record.filename}:{record.lineno}"


def _last_words(_: object, error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and not isinstance(error, KeyboardInterrupt):
        logging.getLogger(__name__).critical("a mistake of the program", exc_info=(type(error), error, trace))
