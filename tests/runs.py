"""Runs over fakes: a store that counts, engines that fail, services that hold them, a database on disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import ExtractionError
from llava_ocr.ledger.retries import Retries
from llava_ocr.run import ExtractOrder, Observer, Run, RunEnd, begin, end, ignore, listed
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.store.base import Fetched, ObjectInfo, Selection
from llava_ocr.store.memory import MemoryStore
from llava_ocr.store.open import Source
from llava_ocr.work import read
from tests.fakes import JsonReader

ONE_TRY = Retries(max_tries=1)
QUICK = Retries(max_tries=3, first_delay_s=0.01)


class CountingStore(MemoryStore):
    """Counts what is fetched; `faults` are raised once each, by key."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: Counter[str] = Counter()
        self.faults: dict[str, list[ExtractionError]] = {}
        self._counting = threading.Lock()

    def fetch(self, info: ObjectInfo, into: Path, *, max_bytes: int) -> Fetched:
        with self._counting:
            self.fetched[info.key] += 1
            faults = self.faults.get(info.key)
            if faults:
                raise faults.pop(0)
        return super().fetch(info, into, max_bytes=max_bytes)


class FlakyEngine(ScriptedEngine):
    """Answers `num_good` batches and raises `error` for the next, once or for ever."""

    def __init__(self, error: ExtractionError, *, num_good: int, for_ever: bool = False) -> None:
        super().__init__()
        self._error = error
        self._num_good = num_good
        self._for_ever = for_ever

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self._num_good -= 1
        if self._num_good == -1 or (self._for_ever and self._num_good < 0):
            raise self._error
        return super().complete(requests)


class FakeServices(Services):
    """Services with a scripted engine and a JSON reader in place of the real ones; answers are kept where asked for.

    A script is no part of an engine's fingerprint, so another script would be answered by what the first one said.
    """

    def __init__(
        self, database: str, *, engine: ScriptedEngine | None = None, batch_size: int = 4, cache_bytes: int = 0
    ) -> None:
        fixed = {"engine": "scripted", "workers": 2}
        super().__init__(override(Settings(), db=database, batch_size=batch_size, cache_bytes=cache_bytes, **fixed))
        self.__dict__["engine"] = engine or ScriptedEngine()
        self.__dict__["reader"] = JsonReader()


def start(order: ExtractOrder, services: Services, store: MemoryStore, *, policy: Retries = ONE_TRY) -> Run:
    """Begin a run on a store in memory, which no order can name."""
    return replace(begin(order, services, policy=policy), source=Source(store))


def run_all(
    services: Services, store: MemoryStore, folder: Path, *, force: bool = False, observe: Observer = ignore
) -> RunEnd:
    """One whole run."""
    run = start(ExtractOrder(source=str(folder), schema_name="receipt", force=force), services, store)
    read(run, listed(run.order, run.source), observe=observe)
    return end(run, seconds=0.0)


def infos(store: MemoryStore) -> list[ObjectInfo]:
    return list(store.list(Selection()))
