"""Keeps leases alive while work goes on, and lets them die when it does not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from llava_ocr.db.ledger import Ledger
from llava_ocr.engines.base import Completion, Engine, EngineProfile, Request
from llava_ocr.errors import DatabaseError, LeaseLost
from llava_ocr.ledger.leases import Lease
from llava_ocr.raster.base import PageRead, PageReader

log = logging.getLogger(__name__)


def ids_of(lease: Lease) -> dict[str, object]:
    """What a log line about a shard names."""
    return {"run_id": lease.run_id, "shard_index": lease.shard_index}


class Pulse:
    """Counts signs of work: pages read, pages answered."""

    def __init__(self) -> None:
        self.num_beats = 0
        self.last_at = time.monotonic()

    def beat(self) -> None:
        """Note that something came out."""
        self.num_beats += 1
        self.last_at = time.monotonic()


class Heartbeat:
    """A thread that renews leases for the length of a `with` block.

    `lose` is told of a lease that is gone; `on_stall` once, when nothing has moved for as long as the terms allow.
    """

    def __init__(
        self,
        ledger: Ledger,
        pulse: Pulse,
        held: Callable[[], Sequence[Lease]],
        *,
        lose: Callable[[Lease], None],
        on_stall: Callable[[], None],
    ) -> None:
        self._ledger, self._pulse = ledger, pulse
        self._held, self._lose, self._on_stall = held, lose, on_stall
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._pulse.beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        terms, seen, has_work = self._ledger.terms, 0, False
        while not self._over.wait(terms.renew_s):
            num_beats = self._pulse.num_beats
            # Who lost its leases for want of progress, and has not moved since, hangs as before.
            has_work = bool(self._held()) or (has_work and num_beats == seen)
            for lease in self._held():
                self._renew(lease, has_progress=num_beats != seen)
            seen = num_beats
            if time.monotonic() - self._pulse.last_at > terms.stall_s and has_work:
                self._on_stall()

    def _renew(self, lease: Lease, *, has_progress: bool) -> None:
        try:
            self._ledger.renew(lease, has_progress=has_progress)
        except LeaseLost as error:
            log.warning("%s", error, extra=ids_of(lease))
            self._lose(lease)
        except DatabaseError as error:
            # The lease outlasts a few of these; if it does not, the next write says so.
            log.warning("lease not renewed: %s", error, extra=ids_of(lease))


class WatchedEngine:
    """An engine whose answers are signs of work."""

    def __init__(self, engine: Engine, pulse: Pulse) -> None:
        self._engine, self._pulse = engine, pulse

    @property
    def profile(self) -> EngineProfile:
        """The engine's own."""
        return self._engine.profile

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer as the engine does."""
        completions = self._engine.complete(requests)
        self._pulse.beat()
        return completions

    def close(self) -> None:
        """Leave the engine open; it belongs to somebody else."""


class WatchedReader:
    """A page reader whose pages are signs of work."""

    def __init__(self, reader: PageReader, pulse: Pulse) -> None:
        self._reader, self._pulse = reader, pulse

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        """Count pages as the reader does."""
        return self._reader.num_pages(path, passwords)

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        """Read pages as the reader does."""
        for page in self._reader.read(path, passwords):
            self._pulse.beat()
            yield page

    def close(self) -> None:
        """Leave the reader open; it belongs to somebody else."""
