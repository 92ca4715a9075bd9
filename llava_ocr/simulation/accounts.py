"""The shards of a run in memory, under the ledger's policy: what may be claimed, what is open, what ended and how.

Shards that nobody has touched are only counted, so a run of millions fits.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llava_ocr.ledger import leases, retries
from llava_ocr.ledger.leases import Ending, Lease, Shard, ShardState, Terms
from llava_ocr.ledger.retries import Retries
from llava_ocr.simulation import changes

RUN_ID = "simulated"
START = datetime(2026, 1, 1, tzinfo=UTC)
# Told of documents that end: shard, their positions in it, the token under which they ended.
Watch = Callable[[int, Sequence[int], int], None]


@dataclass
class Accounts:
    """A run's shards. Times are seconds since the start; documents are positions in their shard."""

    num_documents: int
    shard_size: int
    terms: Terms = field(default_factory=Terms)
    policy: Retries = field(default_factory=Retries)
    watch: Watch | None = None

    def __post_init__(self) -> None:
        self.num_shards = -(-self.num_documents // self.shard_size)
        self.num_ok = self.num_poison = self.num_refused = 0
        self.endings: Counter[Ending] = Counter()
        self.stopped: list[int] = []
        self._num_fresh = self.num_shards
        self._touched: dict[int, Shard] = {}
        self._open: dict[int, Sequence[int]] = {}
        self._blamed: Counter[tuple[int, int]] = Counter()
        self._started: dict[int, tuple[int, int]] = {}
        # When a shard may be claimed again, and when a holder that is silent counts as dead.
        self._due: list[tuple[float, int]] = []
        self._silent: list[tuple[float, int, int]] = []

    @property
    def num_ended(self) -> int:
        """Documents that have an end."""
        return self.num_ok + self.num_poison

    @property
    def num_open(self) -> int:
        """Documents without an end, of touched and untouched shards."""
        return self.num_documents - self.num_ended

    @property
    def num_given_up(self) -> int:
        """Open documents of shards that were stopped."""
        return sum(len(self.open_documents(shard_index)) for shard_index in self.stopped)

    @property
    def num_claimable(self) -> int:
        """Shards that nobody who lives is known to hold, now or once somebody's time is up."""
        return self._num_fresh + len(self._due) + len(self._silent)

    def shard(self, shard_index: int) -> Shard | None:
        """The shard as it stands; None where it is over."""
        if shard_index >= self.num_shards - self._num_fresh:
            return changes.planned(RUN_ID, shard_index, self._size(shard_index))
        return self._touched.get(shard_index)

    def open_documents(self, shard_index: int) -> Sequence[int]:
        """Positions of the documents that have not ended, in order."""
        return self._open.get(shard_index, range(self._size(shard_index)))

    def claim_next(self, owner: str, now_s: float) -> Lease | None:
        """Take a shard: one that is open, else one whose holder is dead by now."""
        self._bury_dead(now_s)
        while self._due and self._due[0][0] <= now_s:
            _, shard_index = heapq.heappop(self._due)
            # Listed once for each time it was handed back, so somebody may have it by now, or it is over.
            lease = self._claim(shard_index, owner, now_s) if shard_index in self._touched else None
            if lease is not None:
                return lease
        return self._claim(self._touch_next(), owner, now_s) if self._num_fresh else None

    def claim(self, shard_index: int, owner: str, now_s: float) -> Lease | None:
        """Take this shard, from a dead holder too; None where it is held, waiting or over."""
        while self._num_fresh and shard_index >= self.num_shards - self._num_fresh:
            heapq.heappush(self._due, (now_s, self._touch_next()))
        shard = self._touched.get(shard_index)
        if shard is not None and (ending := leases.death(shard, at(now_s), self.terms)) is not None:
            self._bury(shard, ending, now_s)
        return self._claim(shard_index, owner, now_s) if shard_index in self._touched else None

    def reap(self, now_s: float) -> None:
        """Free the shards of all dead holders."""
        for shard in list(self._touched.values()):
            if (ending := leases.death(shard, at(now_s), self.terms)) is not None:
                self._bury(shard, ending, now_s)

    def wait_s(self, now_s: float) -> float | None:
        """In how many seconds something may be there to claim; None where that depends on holders that live."""
        if self._num_fresh:
            return 0.0
        times = [heap[0][0] for heap in (self._due, self._silent) if heap]
        return max(0.0, min(times) - now_s) if times else None

    def save(self, lease: Lease, documents: Sequence[int], now_s: float) -> bool:
        """End documents under the lease; False, and nothing is kept, where it is lost."""
        shard = self._touched.get(lease.shard_index)
        if shard is None or not changes.is_held(shard, lease):
            self.num_refused += 1
            return False
        if not documents:
            return True
        self._open[lease.shard_index] = _without(self.open_documents(lease.shard_index), documents)
        self._touched[lease.shard_index] = changes.stamp(shard, now=at(now_s), terms=self.terms)
        self.num_ok += len(documents)
        if self.watch is not None:
            self.watch(lease.shard_index, documents, lease.token)
        return True

    def renew(self, lease: Lease, now_s: float) -> bool:
        """Hold the shard for longer, with progress; False where it is lost."""
        shard = self._touched.get(lease.shard_index)
        if shard is None or not changes.is_held(shard, lease):
            return False
        renewed = changes.renew(shard, now=at(now_s), terms=self.terms, has_progress=True)
        if renewed is not None:
            self._touched[lease.shard_index] = renewed
        return renewed is not None

    def start_reading(self, lease: Lease, document: int) -> None:
        """Say which document a cautious holder begins."""
        self._started[lease.shard_index] = (lease.token, document)

    def hand_back(self, lease: Lease, ending: Ending, now_s: float) -> bool:
        """End the holding; False where it is lost."""
        shard = self._touched.get(lease.shard_index)
        if shard is None or not changes.is_held(shard, lease):
            self.num_refused += 1
            return False
        num_open = len(self.open_documents(lease.shard_index))
        freed = changes.hand_back(shard, ending, num_open=num_open, now=at(now_s), policy=self.policy)
        is_done = freed.state is ShardState.DONE
        self.endings[Ending.DONE if is_done else Ending.RELEASED if ending is Ending.DONE else ending] += 1
        self._place(freed, now_s)
        return True

    def fall_silent(self, lease: Lease) -> None:
        """Note that a holder renews no more; whoever claims after its lease ran out buries it.

        One that was buried already, at its hard limit say, and has not noticed, is silent anyway.
        """
        shard = self._touched.get(lease.shard_index)
        if shard is None or not changes.is_held(shard, lease):
            return
        assert shard.lease_until and shard.hard_until and shard.progress_at, shard
        stalled_at = shard.progress_at + timedelta(seconds=self.terms.stall_s)
        dead_at = min(shard.lease_until, shard.hard_until, stalled_at)
        heapq.heappush(self._silent, (since_start_s(dead_at), lease.shard_index, lease.token))

    def _bury_dead(self, now_s: float) -> None:
        while self._silent and self._silent[0][0] <= now_s:
            _, shard_index, token = heapq.heappop(self._silent)
            shard = self._touched.get(shard_index)
            if shard is None or shard.token != token or shard.state is not ShardState.LEASED:
                continue
            ending = leases.death(shard, at(now_s), self.terms)
            # A holder that woke up in time has renewed; it is listed again if it falls silent again.
            if ending is not None:
                self._bury(shard, ending, now_s)

    def _bury(self, shard: Shard, ending: Ending, now_s: float) -> None:
        num_poison = self._blame(shard)
        num_open = len(self.open_documents(shard.shard_index))
        self.endings[ending] += 1
        self._place(changes.bury(shard, num_open=num_open, num_poison=num_poison, policy=self.policy), now_s)

    def _blame(self, shard: Shard) -> int:
        """Lay the death to the document that the holder had begun, if it said so; returns how many are poison now."""
        token, document = self._started.pop(shard.shard_index, (0, 0))
        left = self.open_documents(shard.shard_index)
        if token != shard.token or document not in left:
            return 0
        key = (shard.shard_index, document)
        self._blamed[key] += 1
        if not retries.is_poison(self._blamed[key], self.policy):
            return 0
        del self._blamed[key]
        self._open[shard.shard_index] = [one for one in left if one != document]
        self.num_poison += 1
        if self.watch is not None:
            self.watch(shard.shard_index, (document,), shard.token)
        return 1

    def _touch_next(self) -> int:
        """Take the next untouched shard into the books."""
        shard_index = self.num_shards - self._num_fresh
        self._num_fresh -= 1
        self._touched[shard_index] = changes.planned(RUN_ID, shard_index, self._size(shard_index))
        return shard_index

    def _claim(self, shard_index: int, owner: str, now_s: float) -> Lease | None:
        taken = changes.claim(self._touched[shard_index], owner, now=at(now_s), terms=self.terms, policy=self.policy)
        if taken is None:
            return None
        self._touched[shard_index], lease = taken
        return lease

    def _place(self, shard: Shard, now_s: float) -> None:
        """Keep a shard that nobody holds, or forget it where it is over."""
        if shard.state is ShardState.DONE:
            self._forget(shard.shard_index)
            return
        self._touched[shard.shard_index] = shard
        if shard.state is ShardState.STOPPED:
            self.stopped.append(shard.shard_index)
        else:
            due_s = since_start_s(shard.not_before) if shard.not_before else now_s
            heapq.heappush(self._due, (due_s, shard.shard_index))

    def _forget(self, shard_index: int) -> None:
        # A holder that comes back to a shard that is over finds none, which is as good as one that is not its own.
        for table in (self._touched, self._open, self._started):
            table.pop(shard_index, None)

    def _size(self, shard_index: int) -> int:
        return min(self.shard_size, self.num_documents - shard_index * self.shard_size)


def _without(left: Sequence[int], ended: Sequence[int]) -> Sequence[int]:
    """What is left when some of it has ended. A document that ends twice is our mistake."""
    if left[: len(ended)] == ended:
        return left[len(ended) :]
    gone = set(ended)
    assert len(gone) == len(ended) and gone.issubset(left), ended
    return [one for one in left if one not in gone]


def at(now_s: float) -> datetime:
    """The virtual time as the policy wants it."""
    return START + timedelta(seconds=now_s)


def since_start_s(when: datetime) -> float:
    """The reverse of `at`."""
    return (when - START).total_seconds()
