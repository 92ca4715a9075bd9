"""Reading shards: claim, read, save under the lease, hand back. Flows, workers and the command line all do it here."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial

from llava_ocr.cached import CachedEngine
from llava_ocr.db.answers import Answers
from llava_ocr.db.planning import DONE_BEFORE, Skip
from llava_ocr.errors import DatabaseError, DatabaseUnavailable, LeaseLost
from llava_ocr.heartbeat import Heartbeat, Pulse, WatchedEngine, WatchedReader, ids_of
from llava_ocr.holdings import Contents, Holding, Holdings
from llava_ocr.ledger.leases import Ending, Lease
from llava_ocr.ledger.order import outcome_word, read_reason, without_other_files
from llava_ocr.ledger.retries import may_pass
from llava_ocr.owner import this_process
from llava_ocr.pipeline import Line, extract_all
from llava_ocr.records import DocumentOutcome
from llava_ocr.run import Observer, Run, ignore, plan
from llava_ocr.store.base import ObjectInfo

log = logging.getLogger(__name__)

# Outcomes are saved when this many are waiting, or when the oldest has waited this long.
SAVE_BATCH = 64
SAVE_AFTER_S = 2.0
# How often a waiting process looks whether there is something to do after all.
LOOK_S = 2.0
# A device is given so many times what it decodes together, so that a slot whose answer is short is filled again.
CALLS_AHEAD = 2


def num_asked_at_once(batch_size: int) -> int:
    """How many requests go to a device in one call; beside a single slot there is none that would stay empty."""
    return batch_size if batch_size == 1 else CALLS_AHEAD * batch_size


def read(run: Run, infos: Iterable[ObjectInfo], *, observe: Observer = ignore) -> None:
    """Plan these objects and read them, then what was put off, until nothing of the run is left to do here.

    The observer is called by one thread at a time.

    Everything saved stays when this is stopped. Raises EngineError when the engine can answer nothing.
    """
    watching = one_at_a_time(observe)
    # Of a run that is taken up again: what is open can be read before anything is listed.
    work(run, claims(run), observe=watching)
    planned = plan(run, infos, observe=watching)
    claimed = (run.ledger.claim(run.id, shard_index, this_process()) for shard_index in planned)
    work(run, (lease for lease in claimed if lease is not None), observe=watching)
    read_rest(run, observe=watching)


def one_at_a_time(observe: Observer) -> Observer:
    """The same observer for two threads, the one that plans and the one that reads."""
    lock = threading.Lock()

    def watch(outcome: DocumentOutcome) -> None:
        with lock:
            observe(outcome)

    return watch


def read_rest(run: Run, *, observe: Observer = ignore, stop: threading.Event | None = None) -> None:
    """Read what is open in the run, waiting for what is put off, or held by others, until every shard is over."""
    stop = stop or threading.Event()
    while not stop.is_set():
        wait_s = run.ledger.wait_s(run.id)
        if wait_s is None:
            return
        if wait_s == 0.0:
            work(run, claims(run), observe=observe, stop=stop)
        # Even with a shard due somebody else may have been quicker, so not without a pause.
        stop.wait(min(wait_s + 0.05, LOOK_S))


def claims(run: Run) -> Iterator[Lease]:
    """Claim one shard after another, as they are asked for, until there is none to claim now."""
    while lease := run.ledger.claim_next(run.id, this_process()):
        yield lease


def work(
    run: Run,
    leases: Iterable[Lease],
    *,
    observe: Observer = ignore,
    stop: threading.Event | None = None,
    on_stall: Callable[[], None] = lambda: None,
) -> None:
    """Read the shards of these leases and hand each back. The next is fetched while the one before is answered.

    With `stop` set no further document is begun, and what is open is handed back. Raises EngineError when the engine
    can answer nothing; the shards are then put off.
    """
    stop, pulse, holdings = stop or threading.Event(), Pulse(), Holdings(on_lost=run.services.metrics.leases_lost.inc)
    contents = Contents(run.ledger, holdings, is_forced=run.order.force)
    line = _line(run, contents, holdings, pulse)
    desk = _Desk(run, holdings, contents, observe)
    shift = _Shift(run, deque(), holdings, stop)
    heartbeat = Heartbeat(
        run.ledger,
        pulse,
        lambda: [holding.lease for holding in holdings.held()],
        lose=holdings.lose,
        on_stall=on_stall,
    )
    with heartbeat, desk:
        with closing(extract_all(shift.objects(leases), line)) as outcomes:
            for outcome in outcomes:
                desk.take(outcome)
        for holding, infos in shift.cautious:
            for info in shift.one_by_one(holding, infos):
                for outcome in extract_all([info], line):
                    desk.take(outcome)
                desk.flush(holding)


def passing_reason(outcome: DocumentOutcome) -> str:
    """The failure class that ended a document or a page of it, where another try in this run may do better."""
    reason = read_reason(outcome)
    return reason if may_pass(reason) else ""


def _line(run: Run, contents: Contents, holdings: Holdings, pulse: Pulse) -> Line:
    services, settings = run.services, run.services.settings
    # A server takes each request by itself, as soon as it has room; a device here takes batches, one after the other.
    is_served = settings.engine == "endpoint"
    engine = services.metered
    if run.order.use_cache and settings.cache_bytes:
        answers = Answers(run.database, limit_bytes=settings.cache_bytes)
        engine = CachedEngine(engine, answers, run.question, count=services.metrics.add_lookups)
    return Line(
        store=run.source.store,
        reader=WatchedReader(services.reader, pulse),
        engine=WatchedEngine(engine, pulse),
        question=run.question,
        is_done=contents.is_done,
        max_bytes=settings.max_bytes,
        passwords=services.passwords,
        num_fetchers=2 * services.num_workers,
        batch_size=1 if is_served else num_asked_at_once(settings.batch_size),
        num_askers=settings.endpoint_concurrency if is_served else 1,
        unpack=services.unpack,
        announce=partial(_announce, run, holdings),
    )


def _announce(run: Run, holdings: Holdings, container: ObjectInfo, found: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
    """Take what lies inside of an object into its shard; nothing where the lease is gone, or all has ended."""
    holding = holdings.of(container.uri)
    if not found or holding is None or holding.is_lost:
        return ()
    try:
        still_open = run.ledger.add_objects(holding.lease, found)
    except LeaseLost:
        holdings.lose(holding.lease)
        return ()
    holdings.open(holding, still_open)
    return still_open


def _told(outcome: DocumentOutcome) -> dict[str, object]:
    """What the log says of a document: its hash and how it ended, never its name, which may be a person's."""
    return {
        "document_id": outcome.document.id if outcome.document else "",
        "outcome": outcome_word(outcome),
        "reason": outcome.skipped or read_reason(outcome),
        "num_pages": outcome.num_pages,
        "seconds": round(sum(outcome.seconds.values()), 3),
    }


class _Shift:
    """Says which object is read next. Shards that have killed wait until the others are through."""

    def __init__(
        self, run: Run, cautious: deque[tuple[Holding, list[ObjectInfo]]], holdings: Holdings, stop: threading.Event
    ) -> None:
        self._run, self.cautious, self._holdings, self._stop = run, cautious, holdings, stop

    def objects(self, leases: Iterable[Lease]) -> Iterator[ObjectInfo]:
        """Yield the open objects of ordinary shards, claiming the next shard only when it is wanted."""
        for lease in leases:
            # Noted before anything more is asked, so that it is handed back whatever comes.
            holding = self._holdings.add(lease, ())
            infos = self._run.ledger.open_objects(lease)
            self._holdings.open(holding, infos)
            log.info("shard begun", extra=ids_of(lease))
            if lease.is_cautious:
                self.cautious.append((holding, infos))
                continue
            for info in infos:
                if holding.is_lost or self._stop.is_set():
                    break
                if info.uri in holding.open_uris:
                    yield info
            if self._stop.is_set():
                return

    def one_by_one(self, holding: Holding, infos: Sequence[ObjectInfo]) -> Iterator[ObjectInfo]:
        """Yield the objects of a shard that has killed, each after it is written down that it is begun."""
        for info in infos:
            if holding.is_lost or self._stop.is_set():
                return
            try:
                self._run.ledger.start_reading(holding.lease, info.uri)
            except LeaseLost:
                self._holdings.lose(holding.lease)
                return
            yield info


class _Desk:
    """Takes outcomes, shows them to the observer, writes them in batches under their lease, and hands leases back.

    What is waiting is written when the block ends, however it ends.
    """

    def __init__(self, run: Run, holdings: Holdings, contents: Contents, observe: Observer) -> None:
        self._run, self._holdings, self._contents, self._observe = run, holdings, contents, observe
        self._oldest = time.monotonic()
        self._num_waiting = 0

    def __enter__(self) -> _Desk:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Hand every lease back, also where one before could not be; raises what kept the first of them."""
        failures: list[DatabaseError] = []
        for holding in self._holdings.held():
            try:
                self._end(holding, error)
            except DatabaseError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def take(self, outcome: DocumentOutcome) -> None:
        """Take what came of an object; of an object whose lease is gone, nothing."""
        outcome = without_other_files(outcome)
        for lost in self._holdings.lost():
            self._drop(lost)
        holding = self._holdings.of(outcome.uri)
        # An object may come twice, when its lease was lost and the shard claimed again.
        if holding is None or outcome.uri not in holding.open_uris:
            return
        reason = "" if holding.lease.is_last_try else passing_reason(outcome)
        if reason:
            self._put_off(outcome, reason)
        elif self._contents.is_left(outcome):
            self._leave(outcome)
        else:
            for settled in self._contents.settle(outcome):
                self._add(settled)
        if self._num_waiting >= SAVE_BATCH or time.monotonic() - self._oldest > SAVE_AFTER_S:
            self._flush_all()

    def flush(self, holding: Holding) -> None:
        """Write what has ended under a lease; without the lease nothing is written, and nothing kept."""
        if not holding.ended or holding.is_lost:
            return
        kept = [Skip(one.uri, DONE_BEFORE, one.document) for one in holding.ended if one.is_kept]
        kept += [Skip(one.uri, one.skipped) for one in holding.ended if one.skipped]
        read = [one for one in holding.ended if not one.is_kept and not one.skipped]
        try:
            self._run.ledger.save(holding.lease, read, kept)
        except LeaseLost:
            self._holdings.lose(holding.lease)
        holding.ended.clear()

    def _add(self, settled: DocumentOutcome) -> None:
        holding = self._holdings.of(settled.uri)
        if holding is None or holding.is_lost:
            return
        self._run.services.metrics.add(settled)
        log.info("document ended", extra=ids_of(holding.lease) | _told(settled))
        self._observe(settled)
        holding.ended.append(settled)
        self._num_waiting += 1
        self._close(holding, settled.uri)

    def _put_off(self, outcome: DocumentOutcome, reason: str) -> None:
        """Keep an object open for another try, and with it the twins that would end as it does."""
        if outcome.document is not None:
            for twin in self._contents.leave(outcome.document.id):
                self._leave(twin)
        holding = self._holdings.of(outcome.uri)
        assert holding is not None, outcome.uri
        holding.put_off.append(reason)
        self._close(holding, outcome.uri)

    def _leave(self, outcome: DocumentOutcome) -> None:
        """Keep an object open whose content is in other hands."""
        holding = self._holdings.of(outcome.uri)
        if holding is not None:
            holding.is_busy = True
            self._close(holding, outcome.uri)

    def _close(self, holding: Holding, uri: str) -> None:
        holding.open_uris.discard(uri)
        if not holding.open_uris:
            self._end(holding, None)

    def _flush_all(self) -> None:
        for holding in self._holdings.held():
            self.flush(holding)
        self._num_waiting, self._oldest = 0, time.monotonic()

    def _end(self, holding: Holding, error: BaseException | None) -> None:
        """Hand a lease back after an error, or with what became of its shard."""
        try:
            self.flush(holding)
        except DatabaseUnavailable:
            raise
        except DatabaseError as unsaved:
            # What ended stays open in the ledger, for whoever claims the shard next.
            self._release(holding, error or unsaved)
            raise
        self._release(holding, error)

    def _release(self, holding: Holding, error: BaseException | None) -> None:
        try:
            if not holding.is_lost:
                ending = self._hand_back(holding, error)
                self._run.services.metrics.add_shard(ending)
                reason = type(error).__name__ if error else next(iter(holding.put_off), "")
                log.info("shard handed back", extra=ids_of(holding.lease) | {"outcome": ending, "reason": reason})
        except LeaseLost:
            self._holdings.lose(holding.lease)
        self._drop(holding)

    def _drop(self, holding: Holding) -> None:
        """Forget a lease, and what was met under it: the ledger knows better from now on."""
        self._holdings.drop(holding)
        for twin in self._contents.forget(holding.lease):
            self._leave(twin)

    def _hand_back(self, holding: Holding, error: BaseException | None) -> Ending:
        """Give the shard back, and say how the holding ended."""
        if isinstance(error, Exception):
            reason = type(error).__name__
            ending = Ending.PUT_OFF if may_pass(reason) else Ending.FAILED
            self._run.ledger.hand_back(holding.lease, ending, reason=reason)
            return ending
        if holding.is_busy and not holding.put_off:
            self._run.ledger.wait(holding.lease)
            return Ending.RELEASED
        self._run.ledger.hand_back(holding.lease, holding.ending, reason=next(iter(holding.put_off), ""))
        return holding.ending
