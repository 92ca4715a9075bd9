"""Which request is decoded when. Pure: no tensor, no clock, no model; the engine tells what happened and asks.

Requests wait, longest first, for a slot of the key-value memory; one that ends makes room for the next at once.
A slot holds `slot_tokens` positions, reserved before the first prompt is read, so that no answer can run out of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """A request as the schedule sees it. `limit_s` is how long it may hold a slot; `family` is shared by questions on
    the same page, None where it has none."""

    number: int
    num_prompt_tokens: int
    max_new_tokens: int
    limit_s: float | None = None
    family: str | None = None

    @property
    def num_tokens(self) -> int:
        """Positions of key-value memory that the request can need at most."""
        return self.num_prompt_tokens + self.max_new_tokens


@dataclass(frozen=True)
class SlotPlan:
    """Key-value memory, cut into equal slots."""

    num_slots: int
    slot_tokens: int


def plan_slots(jobs: Sequence[Job], *, token_bytes: int, budget_bytes: int | None, max_slots: int) -> SlotPlan:
    """Plan slots that each hold the longest job; as many as jobs, budget and limit allow.

    `budget_bytes` None means unlimited. There is always one slot: whether it fits is for the device to say.
    """
    slot_tokens = max((job.num_tokens for job in jobs), default=0)
    num_slots = max(1, min(max_slots, len(jobs)))
    if budget_bytes is not None and slot_tokens:
        num_slots = max(1, min(num_slots, budget_bytes // (slot_tokens * token_bytes)))
    return SlotPlan(num_slots, slot_tokens)


@dataclass(frozen=True)
class Ended:
    """Requests taken out before their end: `late` took longer than their limit, `cancelled` are no longer wanted."""

    late: tuple[int, ...] = ()
    cancelled: tuple[int, ...] = ()


@dataclass
class Schedule:
    """The waiting and the running; every job added is in exactly one of them until it is finished or taken out."""

    plan: SlotPlan
    _queue: list[tuple[tuple[int, int, str, int], Job]] = field(default_factory=list)
    _running: dict[int, Job] = field(default_factory=dict)
    _cancelled: set[int] = field(default_factory=set)
    _started_s: dict[int, float] = field(default_factory=dict)
    # While jobs are tried one by one: the plan to go back to, and those that are still to be tried.
    _usual: SlotPlan | None = None
    _suspects: set[int] = field(default_factory=set)

    @property
    def running(self) -> tuple[int, ...]:
        """Numbers of the jobs that hold a slot, in the order in which they got it."""
        return tuple(self._running)

    @property
    def num_waiting(self) -> int:
        """Jobs without a slot."""
        return len(self._queue)

    @property
    def is_over(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._queue and not self._running

    def add(self, jobs: Iterable[Job]) -> None:
        """Let jobs wait. A family goes by its longest member, so that its members are admitted together."""
        listed = list(jobs)
        longest: dict[str, int] = {}
        for job in listed:
            assert job.num_tokens <= self.plan.slot_tokens, (job, self.plan)
            if job.family is not None:
                longest[job.family] = max(longest.get(job.family, 0), job.num_tokens)
        for job in listed:
            family = job.family or ""
            reach = longest.get(family, job.num_tokens) if family else job.num_tokens
            heapq.heappush(self._queue, ((-reach, 0, family, job.number), job))

    def admit(self, now_s: float) -> tuple[Job, ...]:
        """Give free slots to the longest waiting jobs, and return those; their time runs from their first slot on."""
        admitted = []
        while self._queue and len(self._running) < self.plan.num_slots:
            _, job = heapq.heappop(self._queue)
            self._running[job.number] = job
            self._started_s.setdefault(job.number, now_s)
            admitted.append(job)
        return tuple(admitted)

    def upcoming(self, count: int) -> tuple[Job, ...]:
        """The next `count` jobs that would be admitted."""
        return tuple(job for _, job in heapq.nsmallest(count, self._queue))

    def finish(self, number: int) -> None:
        """Free the slot of a job that has ended."""
        del self._running[number]
        self._cancelled.discard(number)

    def cancel(self, number: int) -> None:
        """Want a job no longer; it leaves at the next `expire`. One that is unknown or has ended is no mistake."""
        self._cancelled.add(number)

    def expire(self, now_s: float) -> Ended:
        """Take out what is cancelled, running or not, and what has had its time in a slot."""
        waiting = [job for _, job in self._queue] if self._cancelled else []
        cancelled = [job.number for job in (*self._running.values(), *waiting) if job.number in self._cancelled]
        running = [job for job in self._running.values() if job.number not in self._cancelled]
        late = [job.number for job in running if self._is_late(job, now_s)]
        gone = {*cancelled, *late}
        if gone:
            self._queue = [entry for entry in self._queue if entry[1].number not in gone]
            heapq.heapify(self._queue)
            self._running = {number: job for number, job in self._running.items() if number not in gone}
        self._cancelled.clear()
        return Ended(tuple(late), tuple(cancelled))

    def shrink(self) -> bool:
        """Memory ran out: halve the slots, and let everything that runs wait again, ahead of all others.

        Returns False, and changes nothing, where there was one slot already.
        """
        if self.plan.num_slots == 1:
            return False
        self._wait_again(max(1, min(self.plan.num_slots, len(self._running)) // 2))
        return True

    def isolate(self) -> bool:
        """A pass failed: let everything that runs wait again, to be run alone, ahead of all others.

        Returns False, and changes nothing, where one job ran alone.
        """
        if len(self._running) < 2:
            return False
        self._usual, self._suspects = self.plan, set(self._running)
        self._wait_again(1)
        return True

    def restore(self) -> bool:
        """Go back to as many slots as before `isolate` once all have been run alone; say whether that was now."""
        self._suspects &= {*self._running, *(job.number for _, job in self._queue)}
        if self._usual is None or self._suspects or self._running:
            return False
        self.plan, self._usual = self._usual, None
        return True

    def drop_all(self) -> tuple[int, ...]:
        """Take every job out, running or waiting, and return their numbers."""
        dropped = (*self._running, *(job.number for _, job in self._queue))
        self._running.clear()
        self._queue.clear()
        return dropped

    def _wait_again(self, num_slots: int) -> None:
        self.plan = SlotPlan(num_slots, self.plan.slot_tokens)
        for job in self._running.values():
            heapq.heappush(self._queue, ((-self.plan.slot_tokens, -1, job.family or "", job.number), job))
        self._running.clear()

    def _is_late(self, job: Job, now_s: float) -> bool:
        return job.limit_s is not None and now_s - self._started_s[job.number] >= job.limit_s
