"""The events of a run: workers claim, read, save, die, freeze and come back, while the accounts stay the ledger's."""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from llava_ocr.ledger.leases import Ending, Lease, Terms
from llava_ocr.ledger.retries import Retries
from llava_ocr.simulation.accounts import Accounts, Watch
from llava_ocr.simulation.fleet import DAY_S, Faults, Fleet

# As `work` does: outcomes are saved when this many wait, or the oldest has waited this long. As `worker` does: a worker
# without work looks for some this often.
SAVE_BATCH = 64
SAVE_AFTER_S = 2.0
IDLE_S = 2.0
# Rates below this are none: it would take longer than datetimes reach.
TINY = 1e-12


class Step(Enum):
    """A transaction of the ledger."""

    CLAIM = "claim"
    LOOK = "look in vain"
    HOLD = "hold"
    BEGIN = "begin one"
    SAVE = "save"
    RENEW = "renew"
    HAND_BACK = "hand back"


class _Kind(Enum):
    READY = "ready"
    CALLED = "called"
    DONE = "done"
    PUT_OFF = "put off"
    DEATH = "death"
    FREEZE = "freeze"
    THAW = "thaw"
    OVERDUE = "overdue"


@dataclass
class Outcome:
    """What came of a run: when it ended, how often each step was taken, what was done twice, what was given up."""

    seconds: float = 0.0
    full_s: float = 0.0
    steps: Counter[Step] = field(default_factory=Counter)
    endings: Counter[Ending] = field(default_factory=Counter)
    num_documents: int = 0
    num_ok: int = 0
    num_poison: int = 0
    num_given_up: int = 0
    num_stopped_shards: int = 0
    num_deaths: int = 0
    num_freezes: int = 0
    num_refused: int = 0
    num_reread: int = 0
    busy_s: float = 0.0


@dataclass(slots=True)
class _Holding:
    """A lease and what its worker intends: documents in order, one each `document_s`, saved `batch` at a time.

    It was claimed at `claimed_s`, from which its hard limit counts, and works since `started_s`, later where it froze.
    """

    lease: Lease
    claimed_s: float
    started_s: float
    documents: Sequence[int]
    document_s: float
    batch: int
    num_put_off: int = 0

    def num_finished(self, now_s: float) -> int:
        """Documents answered by now."""
        return min(len(self.documents), int((now_s - self.started_s) / self.document_s + 1e-9))

    def num_saved(self, now_s: float) -> int:
        """Documents whose end is written by now."""
        finished = self.num_finished(now_s)
        return finished if finished == len(self.documents) else finished // self.batch * self.batch


class Simulation:
    """One run. `watch` is told of every document that ends."""

    def __init__(
        self,
        fleet: Fleet,
        faults: Faults,
        *,
        seed: int = 0,
        terms: Terms | None = None,
        policy: Retries | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.fleet, self.faults = fleet, faults
        self.terms, self.policy = terms or Terms(), policy or Retries()
        self.accounts = Accounts(fleet.num_documents, fleet.shard_size, self.terms, self.policy, watch)
        self.outcome = Outcome(num_documents=fleet.num_documents)
        self._dice = random.Random(seed)
        self._poison: dict[int, set[int]] = {}
        self._next_poison = self._gap()
        self._events: list[tuple[float, int, int, _Kind, _Holding | None]] = []
        self._count = 0
        # Workers without work, since when; and how many of them are on their way to look again.
        self._idle: deque[tuple[float, int]] = deque()
        self._num_called = 0

    def run(self) -> Outcome:
        """Let time pass until no document is open, or what is open was given up."""
        for worker in range(self.fleet.num_workers):
            self._at(self._dice.uniform(0.0, IDLE_S), worker, _Kind.READY)
        now_s = 0.0
        while self._events and not self._is_over():
            now_s, _, worker, kind, holding = heapq.heappop(self._events)
            if holding is None:
                self._num_called -= kind is _Kind.CALLED
                self._claim(worker, now_s)
            else:
                self._end(worker, kind, holding, now_s)
            self._call_idle(now_s)
        return self._summed(now_s)

    def _is_over(self) -> bool:
        return self.accounts.num_open == self.accounts.num_given_up

    def _claim(self, worker: int, now_s: float) -> None:
        lease = self.accounts.claim_next(f"worker-{worker}", now_s)
        self.outcome.steps[Step.CLAIM if lease else Step.LOOK] += 1
        if lease is None:
            self.outcome.full_s = self.outcome.full_s or now_s
            self._idle.append((now_s, worker))
            return
        self._plan(worker, self._begin(lease, now_s), now_s)

    def _begin(self, lease: Lease, now_s: float) -> _Holding:
        documents = self.accounts.open_documents(lease.shard_index)
        document_s = self.fleet.document_s * max(0.2, self._dice.gauss(1.0, self.fleet.spread))
        if lease.is_cautious:
            return _Holding(lease, now_s, now_s, documents, document_s * self.fleet.cautious_slowdown, 1)
        batch = min(SAVE_BATCH, int(SAVE_AFTER_S / document_s) + 1)
        return _Holding(lease, now_s, now_s, documents, document_s, batch)

    def _plan(self, worker: int, holding: _Holding, now_s: float) -> None:
        """Decide what happens to a holding first: its end, or one of what may go wrong."""
        whole_s = len(holding.documents) * holding.document_s
        coming = [(now_s + whole_s, _Kind.DONE)]
        if not holding.lease.is_last_try and self._dice.random() < self.faults.put_offs_per_shard:
            holding.num_put_off = max(1, round(len(holding.documents) * self.faults.put_off_share))
            coming = [(now_s + whole_s, _Kind.PUT_OFF)]
        coming.append((max(now_s, holding.claimed_s + self.terms.hard_s), _Kind.OVERDUE))
        poison = self._poison_of(holding.lease.shard_index)
        if poison and (met := next((n for n, one in enumerate(holding.documents) if one in poison), None)) is not None:
            coming.append((holding.started_s + (met + 0.5) * holding.document_s, _Kind.DEATH))
        for per_day, kind in (
            (self.faults.deaths_per_day, _Kind.DEATH),
            (self.faults.freezes_per_day, _Kind.FREEZE),
        ):
            if (per_s := per_day / DAY_S) > TINY:
                coming.append((now_s + self._dice.expovariate(per_s), kind))
        when_s, kind = min(coming, key=lambda one: one[0])
        self._at(when_s, worker, kind, holding)

    def _end(self, worker: int, kind: _Kind, holding: _Holding, now_s: float) -> None:
        if kind is _Kind.THAW:
            self._thaw(worker, holding, now_s)
            return
        self._count_steps(holding, now_s)
        if kind in (_Kind.DONE, _Kind.PUT_OFF):
            self._finish(holding, kind, now_s)
            self._at(now_s + self.fleet.turnaround_s, worker, _Kind.READY)
            return
        self._write(holding, now_s)
        self.accounts.fall_silent(holding.lease)
        if kind is _Kind.FREEZE:
            self.outcome.num_freezes += 1
            self._at(now_s + self.faults.freeze_s, worker, _Kind.THAW, holding)
            return
        self._lose(holding, now_s)
        self.outcome.num_deaths += kind is _Kind.DEATH
        pause_s = self.fleet.restart_s if kind is _Kind.DEATH else self.fleet.turnaround_s
        self._at(now_s + pause_s, worker, _Kind.READY)

    def _finish(self, holding: _Holding, kind: _Kind, now_s: float) -> None:
        ended = holding.documents[: len(holding.documents) - holding.num_put_off]
        self.accounts.save(holding.lease, ended, now_s)
        ending = Ending.PUT_OFF if kind is _Kind.PUT_OFF else Ending.DONE
        self.accounts.hand_back(holding.lease, ending, now_s)
        self.outcome.steps[Step.HAND_BACK] += 1
        if kind is _Kind.DONE:
            self._poison.pop(holding.lease.shard_index, None)

    def _write(self, holding: _Holding, now_s: float) -> None:
        """Bring the accounts to where they were when the worker stopped: what was saved, and the last renewal."""
        saved = holding.num_saved(now_s)
        saved_s = holding.started_s + saved * holding.document_s
        if saved:
            self.accounts.save(holding.lease, holding.documents[:saved], saved_s)
        renewed_s = holding.started_s + (now_s - holding.started_s) // self.terms.renew_s * self.terms.renew_s
        if renewed_s > max(saved_s, holding.started_s):
            self.accounts.renew(holding.lease, renewed_s)
        begun = holding.num_finished(now_s)
        if holding.lease.is_cautious and begun < len(holding.documents):
            self.accounts.start_reading(holding.lease, holding.documents[begun])

    def _lose(self, holding: _Holding, now_s: float) -> None:
        """Count what was read and not saved: somebody reads it again."""
        in_flight = 1 if holding.lease.is_cautious else self.fleet.in_flight
        begun = min(len(holding.documents), holding.num_finished(now_s) + in_flight)
        self.outcome.num_reread += begun - holding.num_saved(now_s)

    def _thaw(self, worker: int, holding: _Holding, now_s: float) -> None:
        """A worker wakes up: it goes on if nobody took its shard, and can write nothing if somebody did."""
        frozen_s = now_s - self.faults.freeze_s
        if self.accounts.renew(holding.lease, now_s):
            left = self.accounts.open_documents(holding.lease.shard_index)
            kept = holding.num_finished(frozen_s) - holding.num_saved(frozen_s)
            started_s = now_s - kept * holding.document_s
            onward = _Holding(holding.lease, holding.claimed_s, started_s, left, holding.document_s, holding.batch)
            self._plan(worker, onward, now_s)
            return
        self._lose(holding, frozen_s)
        unsaved = holding.documents[holding.num_saved(frozen_s) : holding.num_finished(frozen_s)]
        self.accounts.save(holding.lease, unsaved, now_s)
        self._at(now_s + self.fleet.turnaround_s, worker, _Kind.READY)

    def _count_steps(self, holding: _Holding, now_s: float) -> None:
        """Count the transactions that a holding took until now."""
        steps, finished = self.outcome.steps, holding.num_finished(now_s)
        in_flight = 1 if holding.lease.is_cautious else self.fleet.in_flight
        begun = min(len(holding.documents), finished + in_flight)
        steps[Step.HOLD] += begun
        steps[Step.SAVE] += math.ceil(holding.num_saved(now_s) / holding.batch)
        steps[Step.RENEW] += int((now_s - holding.started_s) / self.terms.renew_s)
        if holding.lease.is_cautious:
            steps[Step.BEGIN] += begun
        self.outcome.busy_s += now_s - holding.started_s

    def _call_idle(self, now_s: float) -> None:
        """Let idle workers look again where there is, or will be, something to claim."""
        while self._idle and self._num_called < self.accounts.num_claimable:
            wait_s = self.accounts.wait_s(now_s)
            if wait_s is None:
                return
            since_s, worker = self._idle.popleft()
            when_s = now_s + wait_s + self._dice.uniform(0.0, IDLE_S)
            self.outcome.steps[Step.LOOK] += int((when_s - since_s) / IDLE_S)
            self._num_called += 1
            self._at(when_s, worker, _Kind.CALLED)

    def _at(self, when_s: float, worker: int, kind: _Kind, holding: _Holding | None = None) -> None:
        self._count += 1
        heapq.heappush(self._events, (when_s, self._count, worker, kind, holding))

    def _gap(self) -> int:
        """Documents until the next one that kills its worker."""
        share = self.faults.poison_per_million / 1e6
        if share <= TINY:
            return self.fleet.num_documents
        gap = math.log(1.0 - self._dice.random()) / math.log1p(-min(share, 0.999_999))
        return int(min(gap, self.fleet.num_documents))

    def _poison_of(self, shard_index: int) -> set[int]:
        """Positions of the shard's documents that kill; untouched shards are claimed in order."""
        size = self.fleet.shard_size
        while self._next_poison < min((shard_index + 1) * size, self.fleet.num_documents):
            self._poison.setdefault(self._next_poison // size, set()).add(self._next_poison % size)
            self._next_poison += 1 + self._gap()
        return self._poison.get(shard_index, set())

    def _summed(self, now_s: float) -> Outcome:
        accounts, outcome = self.accounts, self.outcome
        outcome.seconds, outcome.full_s = now_s, outcome.full_s or now_s
        outcome.steps[Step.LOOK] += sum(int((now_s - since_s) / IDLE_S) for since_s, _ in self._idle)
        outcome.endings = accounts.endings
        outcome.num_ok, outcome.num_poison = accounts.num_ok, accounts.num_poison
        outcome.num_given_up = accounts.num_given_up
        outcome.num_stopped_shards, outcome.num_refused = len(accounts.stopped), accounts.num_refused
        return outcome


def simulate(fleet: Fleet, faults: Faults, *, seed: int = 0) -> Outcome:
    """Run a fleet to the end of its run."""
    return Simulation(fleet, faults, seed=seed).run()
