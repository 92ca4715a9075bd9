"""The slot engine's loop: prompts are read as slots come free, while the answers of all other slots go on.

What is decided when is the schedule's; what the network says is the decoder's. This is the hand between them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from llava_ocr.engines.decode import Decoder, Seat
from llava_ocr.engines.drafts import Drafter, NoDrafts
from llava_ocr.engines.held import Held
from llava_ocr.engines.memory import SlotMemory, free_memory, is_out_of_memory
from llava_ocr.engines.prefix import Prefixes
from llava_ocr.engines.row import Row
from llava_ocr.engines.schedule import Job, Schedule, SlotPlan, plan_slots
from llava_ocr.engines.vision import Vision
from llava_ocr.errors import DeviceLost, EngineError, EngineOutOfMemory, EngineTimeout, ModelFailed
from llava_ocr.tiles.tiled import TiledRaster

log = logging.getLogger(__name__)

OUT_OF_MEMORY = "out of memory"
# Prompts are read together up to this many tokens.
_PREFILL_TOKENS = 8192
# Draft tokens of a pass, all rows together: beyond that a pass takes longer than what the drafts save.
_DRAFT_TOKENS = 256


@dataclass(eq=False)
class Work:
    """A request on its way: `row` holds its prompt and answer, `begin` readies its grammar once it has a slot,
    `kept_L` says which visual tokens of its pages the prompt has (None: all)."""

    request_id: str
    row: Row
    rasters: tuple[TiledRaster, ...]
    begin: Callable[[Row], None]
    drafter: Drafter = field(default_factory=NoDrafts)
    kept_L: NDArray[np.bool_] | None = None
    has_seen: bool = False
    is_cancelled: bool = False


@dataclass
class Tally:
    """What a call came to. `num_prefill_keys` and `num_decode_keys` count the positions that new tokens looked at, in
    prompts for each token, in decoding for each pass."""

    num_tiles: int = 0
    num_prefills: int = 0
    num_prefill_keys: int = 0
    num_decode_keys: int = 0
    num_forwards: int = 0
    num_prefill_tokens: int = 0
    num_shared_tokens: int = 0
    num_new_tokens: int = 0
    num_forced_tokens: int = 0
    num_masks: int = 0
    num_drafted: int = 0
    num_accepted: int = 0
    num_shrinks: int = 0


class SlotLoop:
    """Answers many requests over one model. Not for several threads at once."""

    def __init__(
        self,
        decoder: Decoder,
        vision: Vision,
        *,
        max_slots: int,
        budget_bytes: Callable[[], int | None],
        limit_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`budget_bytes` says how much key-value memory may be taken now, None without a limit; `limit_s` how long one
        request may be decoded."""
        self._decoder, self._vision = decoder, vision
        self._max_slots, self._budget_bytes = max_slots, budget_bytes
        self._limit_s, self._clock = limit_s, clock

    def is_alive(self) -> bool:
        """Whether the device still computes."""
        return self._decoder.is_alive()

    def answer(self, works: Sequence[Work], *, unwanted: Collection[str] = ()) -> Tally:
        """Answer all to their end; what goes wrong with one alone becomes its row's `error`.

        `unwanted` may come to name requests that nobody waits for any more. A pass that fails is tried again with
        each of its rows alone; where the device answers nothing at all, every row that is open fails with DeviceLost.
        """
        if not works:
            return Tally()
        call = _Call(works, self._decoder, self._vision, self._schedule(works))
        self._finish(call, unwanted)
        return call.tally

    def _finish(self, call: _Call, unwanted: Collection[str]) -> None:
        while not call.schedule.is_over:
            self._take_out(call, unwanted)
            fault = call.try_step(self._clock())
            # Outside of the handler, whose traceback holds on to the tensors.
            if fault == OUT_OF_MEMORY:
                call.shrink()
            elif fault:
                self._go_on_without(call, fault)
        call.keep()

    def answer_turn(self, work: Work, held: Held, *, unwanted: Collection[str] = ()) -> Tally:
        """Answer one turn of a conversation, beginning with what `held` keeps of the turns before; else as `answer`."""
        num_tokens = len(work.row.prompt_ids) + work.row.max_new_tokens
        try:
            held.make_room(num_tokens, self._decoder)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            held.drop()
            held.slot_tokens = num_tokens
        if (visual_LD := held.seen(work.rasters)) is not None:
            work.row.visual_LD, work.has_seen = visual_LD, True
        call = _Call([work], self._decoder, self._vision, self._schedule([work], held.slot_tokens), held)
        self._finish(call, unwanted)
        return call.tally

    def _go_on_without(self, call: _Call, fault: str) -> None:
        """A pass failed: find the row that did it, or end all where the device is gone."""
        log.warning("a pass of %d requests failed: %s", len(call.schedule.running), fault)
        if self._decoder.is_alive():
            call.isolate(fault)
        else:
            call.give_up(DeviceLost(f"the device answers nothing any more: {fault}"))

    def _schedule(self, works: Sequence[Work], slot_tokens: int = 0) -> Schedule:
        families = _families(works)
        jobs = [
            Job(number, len(work.row.prompt_ids), work.row.max_new_tokens, self._limit_s, family)
            for number, (work, family) in enumerate(zip(works, families, strict=True))
        ]
        plan = plan_slots(
            jobs,
            token_bytes=self._decoder.token_bytes,
            budget_bytes=self._budget_bytes(),
            max_slots=self._max_slots,
        )
        schedule = Schedule(SlotPlan(1, slot_tokens) if slot_tokens else plan)
        schedule.add(jobs)
        return schedule

    def _take_out(self, call: _Call, unwanted: Collection[str]) -> None:
        for request_id in tuple(unwanted):
            call.cancel(request_id)
        ended = call.schedule.expire(self._clock())
        for number in ended.cancelled:
            call.works[number].is_cancelled = True
            call.leave(number)
        for number in ended.late:
            work = call.works[number]
            work.row.fail(EngineTimeout(f"request {work.request_id}: not answered within {self._limit_s:g} s"))
            call.leave(number)


class _Call:
    """The state of one `answer`: who sits where, and the memory they share."""

    def __init__(
        self, works: Sequence[Work], decoder: Decoder, vision: Vision, schedule: Schedule, held: Held | None = None
    ) -> None:
        self.works, self.schedule, self.tally = works, schedule, Tally()
        self._decoder, self._vision, self._held = decoder, vision, held
        self._memory: SlotMemory | None = None if held is None else held.memory
        self._slots: dict[int, int] = {}
        self._prefixes = Prefixes() if held is None else held.prefixes

    def keep(self) -> None:
        """Leave the memory to the conversation that this call is a turn of."""
        if self._held is not None:
            self._held.memory = self._memory

    def cancel(self, request_id: str) -> None:
        """Have the schedule take the request out, wherever it is."""
        for number, work in enumerate(self.works):
            if work.request_id == request_id and not work.is_cancelled:
                self.schedule.cancel(number)

    def step(self, now_s: float) -> None:
        """Fill the free slots and read their prompts, then go one pass further with all that run."""
        admitted = [job.number for job in self.schedule.admit(now_s)]
        running = [number for number in self.schedule.running if number not in admitted]
        if admitted:
            self._begin(admitted)
        if running:
            self._pass([Seat(self.works[number].row, self._slots[number]) for number in running], running)

    def try_step(self, now_s: float) -> str:
        """Go one step; return what went wrong: nothing (empty), OUT_OF_MEMORY, or the class of another error."""
        try:
            if self.schedule.restore():
                self._forget(())
            self.step(now_s)
        except (RuntimeError, MemoryError) as error:
            return OUT_OF_MEMORY if is_out_of_memory(error) else type(error).__name__
        return ""

    def shrink(self) -> None:
        """Memory ran out: go on with half the slots; a row that had the device to itself fails."""
        self.tally.num_shrinks += 1
        running = self.schedule.running
        self._forget(running)
        if not self.schedule.shrink():
            for number in running:
                work = self.works[number]
                num_tokens = len(work.row.prompt_ids) + len(work.row.tokens)
                message = f"request {work.request_id}: {num_tokens:,} tokens do not fit the device alone"
                self._fail(number, EngineOutOfMemory(message))
        free_memory()

    def isolate(self, fault: str) -> None:
        """A pass failed: go on with each of its rows alone; a row that was alone fails."""
        running = self.schedule.running
        self._forget(running)
        if not self.schedule.isolate():
            for number in running:
                self._fail(number, ModelFailed(f"request {self.works[number].request_id}: the model fails: {fault}"))

    def give_up(self, error: EngineError) -> None:
        """End every row that is open."""
        self._forget(())
        self._slots.clear()
        for number in self.schedule.drop_all():
            self.works[number].row.fail(error)
            self.leave(number)

    def leave(self, number: int) -> None:
        """Give a work's slot back, and its pixels."""
        self._slots.pop(number, None)
        self.works[number].row.visual_LD = self._vision.nothing

    def _fail(self, number: int, error: EngineError) -> None:
        self.works[number].row.fail(error)
        self.schedule.finish(number)
        self.leave(number)

    def _forget(self, running: Sequence[int]) -> None:
        """Give the key-value memory up; what runs is to be read again."""
        self._memory = None
        self._prefixes.clear()
        self._slots.clear()
        for number in running:
            self.works[number].row.forget()

    def _begin(self, numbers: Sequence[int]) -> None:
        """Ready the admitted, and read their prompts: together up to a limit, those with a prefix in common in turn."""
        self._see(numbers)
        memory = self._reserved()
        pack: list[tuple[int, Seat]] = []
        for number in numbers:
            work = self.works[number]
            if not work.row.tokens:
                work.begin(work.row)
            if work.row.is_finished:
                self._end(number)
                continue
            slot = self._free_slot()
            if pack and (self._is_full(pack, work.row) or self._prefixes.is_expected(work.row, work.rasters)):
                self._prefill(pack, memory)
                pack = []
            self._slots[number] = slot
            work.row.num_read = self._share(work, slot, memory)
            self._prefixes.expect(slot, work.row, work.rasters)
            pack.append((number, Seat(work.row, slot)))
        self._prefill(pack, memory)

    def _share(self, work: Work, slot: int, memory: SlotMemory) -> int:
        """Let a row begin with what another slot holds of its prompt; return how many tokens that is."""
        source, num_tokens = self._prefixes.longest(work.row, work.rasters)
        if source is not None and source != slot:
            memory.copy_prefix(source, slot, num_tokens)
        self.tally.num_shared_tokens += num_tokens
        return num_tokens

    def _prefill(self, pack: Sequence[tuple[int, Seat]], memory: SlotMemory) -> None:
        if not pack:
            return
        self._draft([number for number, _ in pack])
        self._count_prefill([seat.row for _, seat in pack])
        self._decoder.prefill([seat for _, seat in pack], memory)
        self._prefixes.read()
        self._settle([number for number, _ in pack])

    def _count_prefill(self, rows: Sequence[Row]) -> None:
        self.tally.num_forwards += 1
        self.tally.num_prefills += 1
        for row in rows:
            num_new = len(row.unread)
            self.tally.num_prefill_tokens += num_new
            self.tally.num_prefill_keys += num_new * (row.num_read + (num_new + 1) // 2)

    def _pass(self, seats: Sequence[Seat], numbers: Sequence[int]) -> None:
        self._draft(numbers)
        self.tally.num_forwards += 1
        self.tally.num_decode_keys += sum(seat.row.num_read + len(seat.row.unread) for seat in seats)
        self._decoder.extend(seats, self._reserved())
        self._settle(numbers)

    def _draft(self, numbers: Sequence[int]) -> None:
        room = _DRAFT_TOKENS
        for number in numbers:
            work = self.works[number]
            work.row.guess(work.drafter.draft(work.row.tokens)[:room])
            room -= len(work.row.draft)

    def _settle(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            work = self.works[number]
            num_drafted = len(work.row.draft)
            num_accepted = work.row.settle()
            work.drafter.learn(num_drafted, num_accepted)
            self.tally.num_drafted += num_drafted
            self.tally.num_accepted += num_accepted
            if work.row.is_finished:
                self._end(number)

    def _end(self, number: int) -> None:
        row = self.works[number].row
        self.tally.num_new_tokens += len(row.tokens)
        self.tally.num_forced_tokens += sum(row.forced)
        self.tally.num_masks += row.num_masks
        slot = self._slots.get(number)
        if row.error is not None and slot is not None:
            # Its keys and values may be no numbers, and a grid multiplies even what it may not see (by nothing).
            self._reserved().wipe(slot)
            self._prefixes.drop(slot)
        self.schedule.finish(number)
        self.leave(number)

    def _see(self, numbers: Sequence[int]) -> None:
        """Send the pages of the admitted through the vision tower, and those of the next as long as a pass has room."""
        unseen = [number for number in numbers if not self.works[number].has_seen]
        if not unseen:
            return
        num_tiles = sum(_num_tiles(self.works[number]) for number in unseen)
        if self.schedule.plan.num_slots > 1:
            for job in self.schedule.upcoming(self.schedule.num_waiting):
                num_tiles += _num_tiles(self.works[job.number])
                if num_tiles > self._vision.max_tiles:
                    break
                if not self.works[job.number].has_seen:
                    unseen.append(job.number)
        self.tally.num_tiles += sum(_num_tiles(self.works[number]) for number in unseen)
        visual = iter(self._vision.encode([raster for number in unseen for raster in self.works[number].rasters]))
        for number in unseen:
            work = self.works[number]
            pages = [next(visual) for _ in work.rasters]
            visual_LD = torch.cat(pages) if pages else self._vision.nothing
            if work.kept_L is not None:
                visual_LD = visual_LD[torch.from_numpy(work.kept_L).to(visual_LD.device)]
            work.row.visual_LD = visual_LD
            work.has_seen = True
            if self._held is not None:
                self._held.keep_seen(work.rasters, visual_LD)

    def _reserved(self) -> SlotMemory:
        if self._memory is None:
            plan = self.schedule.plan
            self._memory = self._decoder.reserve(num_slots=plan.num_slots, slot_tokens=plan.slot_tokens)
        return self._memory

    def _free_slot(self) -> int:
        taken = set(self._slots.values())
        return next(slot for slot in range(self.schedule.plan.num_slots) if slot not in taken)

    @staticmethod
    def _is_full(pack: Sequence[tuple[int, Seat]], row: Row) -> bool:
        return sum(len(seat.row.unread) for _, seat in pack) + len(row.unread) > _PREFILL_TOKENS


def _families(works: Sequence[Work]) -> list[str | None]:
    """Name the page of each request that another asks about, too."""
    keys = [",".join(str(id(raster)) for raster in work.rasters) for work in works]
    shared = {key for key in keys if key and keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    return [key if key in shared else None for key in keys]


def _num_tiles(work: Work) -> int:
    return sum(1 + raster.num_tiles for raster in work.rasters)
