"""What a process has done, for Prometheus: the one place that names metrics. No text of a document is in it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from llava_ocr.cached import Lookups
from llava_ocr.engines.base import Completion
from llava_ocr.errors import DatabaseError, ExtractionError
from llava_ocr.ledger.leases import Ending
from llava_ocr.ledger.order import outcome_word
from llava_ocr.records import DocumentOutcome, PageState

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# From a small model's page on a GPU to a large one's on a CPU.
PAGE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)
# Over how long the engine's busy share is told.
BUSY_WINDOW_S = 60.0
# How often the ledger is asked, however many ask us.
WAITING_EVERY_S = 5.0


class Metrics:
    """Counts for one process. Several threads count, others read; nothing is shared with another Metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.busy = Busy()
        self.pages = self._counters("llava_ocr_pages_total", "Pages that ended", "outcome")
        self.documents = self._counters("llava_ocr_documents_total", "Documents that ended", "outcome")
        self.shards = self._counters("llava_ocr_shards_total", "Shards that were handed back", "outcome")
        self.page_seconds = Histogram(
            "llava_ocr_page_seconds",
            "The engine's seconds for a page it was asked about",
            buckets=PAGE_SECONDS,
            registry=self.registry,
        )
        self.tokens = self._counters("llava_ocr_tokens_total", "Tokens read and written by the engine", "kind")
        self.leases_lost = self._counter("llava_ocr_leases_lost_total", "Leases that were lost")
        self.cache_hits = self._counter("llava_ocr_cache_hits_total", "Pages whose answer was known")
        self.cache_misses = self._counter("llava_ocr_cache_misses_total", "Pages the engine had to be asked about")
        self.shards_waiting = self._gauge("llava_ocr_shards_waiting", "Shards that nobody holds, of this engine's runs")
        self._gauge("llava_ocr_engine_busy_ratio", "Share of the last minute").set_function(self.busy.ratio)
        self._draining = self._gauge("llava_ocr_draining", "Whether no more work is taken")
        self.last_end = self._gauge("llava_ocr_last_end_seconds", "When the last document ended (Unix time)")
        self.errors = self._counters("llava_ocr_worker_errors_total", "Failures of the worker itself", "reason")
        self._start()

    def add(self, outcome: DocumentOutcome) -> None:
        """Count a document and its pages."""
        kind = outcome_word(outcome)
        self.documents.labels(kind).inc()
        for page in outcome.pages:
            self.pages.labels(page.state.value).inc()
        self.last_end.set_to_current_time()

    def add_shard(self, ending: Ending) -> None:
        """Count a shard that was handed back."""
        self.shards.labels(ending.value).inc()

    def add_error(self, error: ExtractionError) -> None:
        """Count a failure of the worker itself."""
        self.errors.labels(error.reason).inc()

    def add_answer(self, completion: Completion) -> None:
        """Count an answer that the engine gave."""
        self.page_seconds.observe(completion.seconds)
        self.tokens.labels("prompt").inc(completion.num_prompt_tokens)
        self.tokens.labels("new").inc(completion.num_new_tokens)
        self.tokens.labels("forced").inc(completion.num_forced_tokens)

    def add_lookups(self, lookups: Lookups) -> None:
        """Count pages whose answers were looked up."""
        self.cache_hits.inc(lookups.num_hits)
        self.cache_misses.inc(lookups.num_misses)

    def watch_waiting(self, count: Callable[[], int]) -> None:
        """Tell how many shards wait by asking `count`, every few seconds at most."""
        self.shards_waiting.set_function(Seldom(count, every_s=WAITING_EVERY_S))

    def text(self, *, is_draining: bool) -> str:
        """Everything in Prometheus' text format."""
        self._draining.set(is_draining)
        return generate_latest(self.registry).decode()

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(name, about, registry=self.registry)

    def _counters(self, name: str, about: str, label: str) -> Counter:
        return Counter(name, about, [label], registry=self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, registry=self.registry)

    def _start(self) -> None:
        """Name what may come, so that rates begin at zero and not at the first event."""
        for state in PageState:
            self.pages.labels(state.value)
        for kind in ("ok", "failed", "kept", "skipped"):
            self.documents.labels(kind)
        for ending in Ending:
            self.shards.labels(ending.value)
        for kind in ("prompt", "new", "forced"):
            self.tokens.labels(kind)
        self.last_end.set_to_current_time()


class Busy:
    """For which share of the last minute something went on; several calls at once count once."""

    def __init__(self, *, window_s: float = BUSY_WINDOW_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s, self._clock = window_s, clock
        self._lock = threading.Lock()
        self._began = clock()
        self._spans: deque[tuple[float, float]] = deque()
        self._num_open, self._opened_at = 0, 0.0

    @contextmanager
    def during(self) -> Iterator[None]:
        """Be busy for the length of a `with` block."""
        with self._lock:
            if self._num_open == 0:
                self._opened_at = self._clock()
            self._num_open += 1
        try:
            yield
        finally:
            with self._lock:
                self._num_open -= 1
                if self._num_open == 0:
                    self._spans.append((self._opened_at, self._clock()))
                    self._forget()

    def ratio(self) -> float:
        """The share, from 0 to 1; of a process younger than the window, since it began."""
        with self._lock:
            self._forget()
            now = self._clock()
            start = max(self._began, now - self._window_s)
            spans = [*self._spans, *([(self._opened_at, now)] if self._num_open else [])]
        busy_s = sum(end - max(begin, start) for begin, end in spans)
        return min(1.0, busy_s / (now - start)) if now > start else 0.0

    def _forget(self) -> None:
        while self._spans and self._spans[0][1] < self._clock() - self._window_s:
            self._spans.popleft()


class Seldom:
    """A number that is asked for every so often, and remembered between; not a number while the database is away."""

    def __init__(
        self, count: Callable[[], int], *, every_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._every_s, self._clock = count, every_s, clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._value = float("nan")

    def __call__(self) -> float:
        """Return the number."""
        with self._lock:
            if self._clock() - self._asked_at >= self._every_s:
                self._asked_at = self._clock()
                try:
                    self._value = float(self._count())
                except DatabaseError:
                    self._value = float("nan")
            return self._value
