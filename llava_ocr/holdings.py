"""What this process holds: leases, the objects still open under each, and contents that end together."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from llava_ocr.combining import Combiner
from llava_ocr.db.holds import Hold
from llava_ocr.db.ledger import Ledger
from llava_ocr.errors import LeaseLost
from llava_ocr.ledger.leases import Ending, Lease
from llava_ocr.records import Document, DocumentOutcome
from llava_ocr.store.base import ObjectInfo


@dataclass(eq=False)
class Holding:
    """A lease and how far its shard is: objects without an end, ends not written yet, failures that may pass.

    `is_busy`: somebody else reads one of its objects. `is_lost`: nothing of it may be written any more.
    """

    lease: Lease
    open_uris: set[str]
    ended: list[DocumentOutcome] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)
    is_busy: bool = False
    is_lost: bool = False

    @property
    def ending(self) -> Ending:
        """How the holding ends when it is handed back now."""
        if self.open_uris:
            return Ending.RELEASED
        return Ending.PUT_OFF if self.put_off else Ending.DONE


class Holdings:
    """The holdings of one process, by lease and by object. Several threads ask. `on_lost` hears of each loss."""

    def __init__(self, *, on_lost: Callable[[], None] = lambda: None) -> None:
        self._on_lost = on_lost
        self._by_uri: dict[str, Holding] = {}
        self._held: dict[Lease, Holding] = {}
        self._lock = threading.Lock()

    def add(self, lease: Lease, infos: Sequence[ObjectInfo]) -> Holding:
        """Take note of a lease and what is open under it. An older one of the same shard is lost, whoever noticed."""
        holding = Holding(lease, set())
        with self._lock:
            older = [other for other in self._held if _is_older(other, lease)]
            self._held[lease] = holding
        for other in older:
            self.lose(other)
        self.open(holding, infos)
        return holding

    def open(self, holding: Holding, infos: Sequence[ObjectInfo]) -> None:
        """Take note of what is open under a lease, where that was not known when it came."""
        with self._lock:
            holding.open_uris |= {info.uri for info in infos}
            self._by_uri |= dict.fromkeys(holding.open_uris, holding)

    def drop(self, holding: Holding) -> None:
        """Forget a lease that was handed back or lost."""
        with self._lock:
            self._held.pop(holding.lease, None)
            for uri in [uri for uri, other in self._by_uri.items() if other is holding]:
                del self._by_uri[uri]

    def of(self, uri: str) -> Holding | None:
        """Return the holding that an object belongs to, None where it was dropped."""
        with self._lock:
            return self._by_uri.get(uri)

    def is_held(self, lease: Lease) -> bool:
        """Whether a lease is here and not lost."""
        with self._lock:
            return lease in self._held and not self._held[lease].is_lost

    def lost(self) -> list[Holding]:
        """List what is lost and not dropped yet."""
        with self._lock:
            return [holding for holding in self._held.values() if holding.is_lost]

    def lose(self, lease: Lease) -> None:
        """Note that a lease is gone."""
        with self._lock:
            if lease in self._held and not self._held[lease].is_lost:
                self._held[lease].is_lost = True
                self._on_lost()

    def held(self) -> list[Holding]:
        """List what is held and not lost."""
        with self._lock:
            return [holding for holding in self._held.values() if not holding.is_lost]


class Contents:
    """Knows which documents need no reading: read before, read by another run, or seen under another key here.

    A twin ends as its document does, so it waits until that is known. Several threads ask and tell; what they share is
    touched under one lock, which is never held while the ledger is asked.
    """

    def __init__(self, ledger: Ledger, holdings: Holdings, *, is_forced: bool) -> None:
        self._ledger, self._holdings, self._is_forced = ledger, holdings, is_forced
        # Under which lease a document was first met. What is known here of a document lasts as long as that lease.
        self._met: dict[str, Lease] = {}
        # Documents that are settled, with the failed outcome where they failed.
        self._ended: dict[str, DocumentOutcome | None] = {}
        # Documents that end elsewhere, or later.
        self._left: set[str] = set()
        self._twins: defaultdict[str, list[DocumentOutcome]] = defaultdict(list)
        self._lock = threading.Lock()
        self._holds = Combiner(self._hold_all)

    def is_done(self, document: Document) -> bool:
        """Whether there is no need, or no right, to read the document here; asked by several threads."""
        holding = self._holdings.of(document.uri)
        if holding is None or holding.is_lost:
            return True
        with self._lock:
            met = self._met.get(document.id)
            if met is not None and self._holdings.is_held(met):
                return True
            self._met[document.id] = holding.lease
            # What ended under a lease that was lost since may never have been written.
            self._ended.pop(document.id, None)
            self._left.discard(document.id)
        answer = self._holds.ask((holding.lease, document.id))
        if answer is None:
            return True
        self._note(holding.lease, document, answer)
        return answer is not Hold.MINE

    def leave(self, document_id: str) -> list[DocumentOutcome]:
        """Note that a document does not end now; returns the twins that are left with it."""
        with self._lock:
            self._left.add(document_id)
            return self._twins.pop(document_id, [])

    def forget(self, lease: Lease) -> list[DocumentOutcome]:
        """Forget what was met under a lease that is over; returns the twins that waited for it."""
        with self._lock:
            over = [document_id for document_id, met in self._met.items() if met == lease]
            for document_id in over:
                del self._met[document_id]
                self._ended.pop(document_id, None)
                self._left.discard(document_id)
            return [twin for document_id in over for twin in self._twins.pop(document_id, [])]

    def is_left(self, outcome: DocumentOutcome) -> bool:
        """Whether a document was not read because it ends elsewhere, or later."""
        if not outcome.is_kept or outcome.document is None:
            return False
        with self._lock:
            return outcome.document.id in self._left

    def settle(self, outcome: DocumentOutcome) -> list[DocumentOutcome]:
        """Return the outcomes that are certain now."""
        if outcome.document is None:
            return [outcome]
        document_id = outcome.document.id
        with self._lock:
            settled = [] if outcome.is_kept else [outcome]
            if outcome.is_kept:
                self._twins[document_id].append(outcome)
            else:
                is_read = outcome.is_ok and not outcome.skipped
                self._ended[document_id] = None if is_read else replace(outcome, records=())
            if document_id in self._ended:
                # Under the same key it is no twin: it was given up under a lost lease, and claimed again since.
                twins = [
                    twin for twin in self._twins.pop(document_id, ()) if outcome.is_kept or twin.uri != outcome.uri
                ]
                settled += [_like(self._ended[document_id], twin) for twin in twins]
            return settled

    def _hold_all(self, asked: Sequence[tuple[Lease, str]]) -> dict[tuple[Lease, str], Hold | None]:
        """Ask the ledger for the holds of several documents; None where the lease is lost."""
        answers: dict[tuple[Lease, str], Hold | None] = dict.fromkeys(asked)
        for lease in {lease for lease, _ in asked}:
            documents = [document_id for of, document_id in asked if of == lease]
            try:
                held = self._ledger.hold(lease, documents, is_forced=self._is_forced)
            except LeaseLost:
                self._holdings.lose(lease)
            else:
                answers |= {(lease, document_id): answer for document_id, answer in held.items()}
        return answers

    def _note(self, lease: Lease, document: Document, answer: Hold) -> None:
        """Keep what the ledger answered, unless the lease was over before it did."""
        failure = self._failure_of(lease, document) if answer is Hold.FAILED else None
        with self._lock:
            if self._met.get(document.id) != lease:
                return
            if answer in (Hold.DONE, Hold.FAILED):
                self._ended[document.id] = failure
            elif answer is Hold.BUSY:
                self._left.add(document.id)

    def _failure_of(self, lease: Lease, document: Document) -> DocumentOutcome:
        reason, message, num_pages = self._ledger.failure_of(lease.run_id, document.id)
        return DocumentOutcome(document.uri, document, num_pages, (), reason=reason, message=message)


def _is_older(lease: Lease, other: Lease) -> bool:
    """Whether a shard was held under `lease` before it was held under `other`."""
    return (lease.run_id, lease.shard_index) == (other.run_id, other.shard_index) and lease.token < other.token


def _like(failure: DocumentOutcome | None, twin: DocumentOutcome) -> DocumentOutcome:
    return twin if failure is None else replace(failure, uri=twin.uri, document=twin.document)
