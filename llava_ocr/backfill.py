"""Reading documents again, staged: plan what it takes, start within a budget, look at the difference, promote."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from llava_ocr.db import staging, wanted
from llava_ocr.db.people import note
from llava_ocr.db.queries import summarize_run
from llava_ocr.db.session import Database
from llava_ocr.db.staging import Diff
from llava_ocr.db.upserts import chunks
from llava_ocr.db.wanted import Wanted
from llava_ocr.ledger.backfill import Budget, Estimate, Why, estimate
from llava_ocr.ledger.order import RunState
from llava_ocr.records import DocumentOutcome, PageState
from llava_ocr.run import ExtractOrder, Observer, Run, begin, breaking_off, ignore, listed, plan, question_of
from llava_ocr.schema import schema_name
from llava_ocr.services import Services
from llava_ocr.store.open import Source, open_source
from llava_ocr.work import read_rest

# How often it is asked what other workers have read, in seconds.
ASK_S = 2.0


def estimated(order: ExtractOrder, why: Why, services: Services) -> Estimate:
    """Say what a backfill would read and take; nothing is begun."""
    source = open_source(order.source, services.settings)
    pages: list[int | None] = []
    size_bytes = 0
    for one in _wanted(order, source, why, services):
        pages.append(one.num_pages)
        size_bytes += one.info.size_bytes
    with services.database.reading() as transaction:
        measured = wanted.samples(transaction, services.engine.profile.fingerprint)
    return estimate(pages, measured, size_bytes=size_bytes)


def stage(order: ExtractOrder, why: Why, services: Services) -> Run:
    """Begin a staged run over the documents that are wanted, or take up the one of this order that was left."""
    staged = {"is_staged": True, "force": True, "purpose": str(why)}
    run = begin(order.model_copy(update=staged), services)
    chosen = (one.info for one in _wanted(run.order, run.source, why, services))
    for _ in plan(run, chosen):
        continue
    return run


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process used up, whether it stopped for that, and how the run stands."""

    num_pages: int
    seconds: float
    is_spent: bool
    state: RunState


def read_within(run: Run, budget: Budget, *, observe: Observer = ignore) -> Spent:
    """Read the run's open shards until none is left or the budget is spent; what is open then waits to be resumed.

    What other workers read of the run meanwhile counts too, and they stop with it.
    """
    run.ledger.go_on(run.id)
    purse = _Purse(run, budget)

    def watch(outcome: DocumentOutcome) -> None:
        purse.add(outcome)
        observe(outcome)

    with breaking_off(run):
        read_rest(run, observe=watch, stop=purse.is_empty)
        if run.ledger.settle(run.id) is None:
            run.ledger.pause(run.id)
    state = summarize_run(run.database, run.id).run.state
    return Spent(purse.count_pages(), purse.seconds, purse.is_empty.is_set(), state)


def diff(database: Database, run_id: str) -> Diff:
    """Compare what a run staged with what is current. Raises WrongStage."""
    with database.reading() as transaction:
        return staging.diff(transaction, run_id)


def promote(database: Database, run_id: str, *, who: str, max_lost_share: float | None = None) -> int:
    """Make what a run staged current, in one transaction; returns the number of documents.

    Raises WrongStage, and TooMuchLost where more than `max_lost_share` of the values would be gone (None: any).
    """
    with database.writing() as transaction:
        num_documents = staging.promote(transaction, run_id, max_lost_share=max_lost_share)
        note(transaction, who, f"promoted {num_documents} documents", run_id)
        return num_documents


def rollback(database: Database, run_id: str, *, who: str) -> tuple[int, int]:
    """Undo a promotion; returns how many documents are back, and how many a later run has read. Raises WrongStage."""
    with database.writing() as transaction:
        num_back, num_left = staging.rollback(transaction, run_id)
        note(transaction, who, f"rolled back {num_back} documents", run_id)
        return num_back, num_left


class _Purse:
    """Counts what is used up. The event is set once that is enough."""

    def __init__(self, run: Run, budget: Budget) -> None:
        self._run, self._budget, self._started = run, budget, time.monotonic()
        self._num_before = run.ledger.count_pages(run.id)
        self._num_here = self._num_elsewhere = 0
        self._asked_at = self._started
        self.is_empty = threading.Event()

    @property
    def seconds(self) -> float:
        """Since when it is open."""
        return time.monotonic() - self._started

    def count_pages(self) -> int:
        """Count the pages that ended since it is open, whoever read them."""
        return self._run.ledger.count_pages(self._run.id) - self._num_before

    def add(self, outcome: DocumentOutcome) -> None:
        """Count a document, and now and then what others have read."""
        self._num_here += sum(page.state is not PageState.SKIPPED for page in outcome.pages)
        if time.monotonic() - self._asked_at > ASK_S:
            self._asked_at = time.monotonic()
            # Some of what was read here is not written yet, and is not to be counted twice.
            self._num_elsewhere = max(self._num_elsewhere, self.count_pages() - self._num_here)
        num_pages = self._num_here + self._num_elsewhere
        if self._budget.is_spent(num_pages=num_pages, seconds=self.seconds):
            self.is_empty.set()


def _wanted(order: ExtractOrder, source: Source, why: Why, services: Services) -> Iterator[Wanted]:
    question = question_of(order, services)
    fingerprints = question.fingerprint, services.engine.profile.fingerprint
    # The limit is on documents that are read, not on those that are looked at.
    everything = listed(order.model_copy(update={"limit": None}), source)
    num_left = order.limit
    for infos in chunks(everything):
        with services.database.reading() as transaction:
            chosen = wanted.choose(
                transaction, infos, why, schema=schema_name(question.schema), fingerprints=fingerprints
            )
        for one in chosen:
            if num_left == 0:
                return
            num_left = num_left - 1 if num_left is not None else None
            yield one
