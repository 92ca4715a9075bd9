"""What the ledger promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from llava_ocr.db.holds import Hold
from llava_ocr.db.ledger import Ledger
from llava_ocr.db.planning import Skip
from llava_ocr.db.rows import HOLDS, READS
from llava_ocr.db.session import Database, open_database
from llava_ocr.errors import DatabaseError, DatabaseUnavailable, LeaseLost
from llava_ocr.ledger.leases import Ending, Lease, ShardState, Terms
from llava_ocr.ledger.order import ReadState
from llava_ocr.ledger.retries import Retries
from llava_ocr.records import DocumentOutcome
from tests.db.made import ORDER, document, info, outcome, record
from tests.ledger.clock import HandClock
from tests.ledger.holding import held_one

TERMS = Terms(lease_s=60, renew_s=20, stall_s=300, hard_s=3600)
POLICY = Retries(max_tries=3, first_delay_s=10, factor=2, cautious_after=2, poison_after=2, max_idle_crashes=4)
NAMES = ("a.pdf", "b.pdf")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        database.upgrade()
        yield Ledger(database, terms=TERMS, policy=POLICY, clock=clock)


def started(ledger: Ledger, *shards: tuple[str, ...], is_forced: bool = False) -> str:
    """A run with shards of objects of these names."""
    run_id = ledger.database.start_run(ORDER)
    for names in shards or (NAMES,):
        ledger.cut(run_id, [info(name) for name in names], is_forced=is_forced)
    ledger.close_plan(run_id)
    return run_id


def claimed(ledger: Ledger, run_id: str, owner: str = "one", shard_index: int = 0) -> Lease:
    lease = ledger.claim(run_id, shard_index, owner)
    assert lease is not None
    return lease


def read(*names: str) -> list[DocumentOutcome]:
    return [outcome(document(name), record(document(name))) for name in names]


def state(ledger: Ledger, run_id: str) -> ShardState:
    [shard] = ledger.shards(run_id)
    return shard.state


def die(ledger: Ledger, run_id: str, clock: HandClock, *, reading: str = "") -> None:
    """Claim the shard, perhaps begin an object, and be seen no more."""
    lease = claimed(ledger, run_id, "mortal")
    if reading:
        ledger.start_reading(lease, info(reading).uri)
    clock.pass_s(TERMS.lease_s + 1)


def test_a_shard_is_held_by_one(ledger: Ledger) -> None:
    run_id = started(ledger)
    assert claimed(ledger, run_id).owner == "one"
    assert ledger.claim(run_id, 0, "two") is None
    assert ledger.claim_next(run_id, "two") is None


def test_of_many_who_claim_at_once_one_gets_the_shard(ledger: Ledger) -> None:
    run_id = started(ledger)
    got: list[Lease | None] = []
    threads = [threading.Thread(target=lambda: got.append(ledger.claim(run_id, 0, "x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and sum(lease is not None for lease in got) == 1


def test_shards_are_spread(ledger: Ledger) -> None:
    run_id = started(ledger, ("a",), ("b",), ("c",))
    leases = [ledger.claim_next(run_id, "x") for _ in range(4)]
    assert {lease.shard_index for lease in leases if lease} == {0, 1, 2}
    assert leases[3] is None


def test_a_run_whose_documents_ended_is_done_and_complete(ledger: Ledger) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    ledger.save(lease, read(*NAMES))
    assert ledger.hand_back(lease, Ending.DONE) is ShardState.DONE
    balance = ledger.settle(run_id)
    assert balance is not None and balance.is_balanced and balance.ok == 2


def test_a_failure_that_would_come_again_stops_the_shard(ledger: Ledger) -> None:
    run_id = started(ledger)
    assert ledger.hand_back(claimed(ledger, run_id), Ending.FAILED, reason="EngineTimeout") is ShardState.STOPPED
    assert [(one.ending, one.reason) for one in ledger.attempts(run_id)] == [(Ending.FAILED, "EngineTimeout")]


def test_a_run_with_something_to_do_is_not_settled(ledger: Ledger) -> None:
    run_id = started(ledger)
    assert ledger.settle(run_id) is None
    ledger.hand_back(claimed(ledger, run_id), Ending.RELEASED)
    assert ledger.settle(run_id) is None


def test_a_run_that_is_still_being_planned_is_not_settled(ledger: Ledger) -> None:
    run_id = ledger.database.start_run(ORDER)
    assert ledger.settle(run_id) is None


def test_who_lost_the_lease_writes_nothing(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    zombie = claimed(ledger, run_id, "zombie")
    clock.pass_s(TERMS.lease_s + 1)
    heir = claimed(ledger, run_id, "heir")
    writes = [
        lambda: ledger.save(zombie, read("a.pdf")),
        lambda: ledger.save(zombie, [], [Skip(info("a.pdf").uri, "x")]),
        lambda: ledger.renew(zombie, has_progress=True),
        lambda: ledger.hand_back(zombie, Ending.DONE),
        lambda: held_one(ledger, zombie, "d", is_forced=False),
        lambda: ledger.start_reading(zombie, info("a.pdf").uri),
        lambda: ledger.wait(zombie),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert ledger.database.balance(run_id).documents_ok == 0
    assert heir.token > zombie.token


def test_a_holder_who_overslept_unnoticed_may_go_on(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    clock.pass_s(TERMS.lease_s + 1)
    ledger.save(lease, read("a.pdf"))
    assert ledger.claim(run_id, 0, "two") is None


def test_renewing_keeps_a_shard(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    for _ in range(4):
        clock.pass_s(50)
        ledger.renew(lease, has_progress=False)
    assert ledger.claim(run_id, 0, "two") is None


def test_renewing_without_progress_ends(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    with pytest.raises(LeaseLost, match="stalled"):
        for _ in range(10):
            clock.pass_s(50)
            ledger.renew(lease, has_progress=False)
    [buried] = ledger.reap()
    assert (buried.owner, ledger.attempts(run_id)[0].ending) == ("one", Ending.STALLED)


def test_no_progress_passes_the_hard_limit(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    with pytest.raises(LeaseLost, match="overdue"):
        for _ in range(100):
            clock.pass_s(50)
            ledger.renew(lease, has_progress=True)
    assert claimed(ledger, run_id, "two").owner == "two"
    assert ledger.attempts(run_id)[0].ending is Ending.OVERDUE


def test_a_living_holder_is_not_reaped(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    claimed(ledger, run_id)
    clock.pass_s(59)
    assert ledger.reap() == [] and ledger.reap(run_id) == []
    clock.pass_s(2)
    assert len(ledger.reap(run_id)) == 1


def test_a_clock_that_jumps_back_costs_time_and_nothing_else(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    clock.pass_s(-7200)
    ledger.renew(lease, has_progress=False)
    ledger.save(lease, read(*NAMES))
    assert ledger.hand_back(lease, Ending.DONE) is ShardState.DONE


def test_what_may_pass_waits_longer_each_time_and_then_stops(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    ledger.hand_back(claimed(ledger, run_id), Ending.PUT_OFF, reason="StoreUnavailable")
    assert ledger.claim(run_id, 0, "x") is None and ledger.wait_s(run_id) == 10
    clock.pass_s(10)
    ledger.hand_back(claimed(ledger, run_id), Ending.PUT_OFF, reason="StoreUnavailable")
    assert ledger.wait_s(run_id) == 20
    clock.pass_s(20)
    assert ledger.hand_back(claimed(ledger, run_id), Ending.PUT_OFF) is ShardState.STOPPED
    balance = ledger.settle(run_id)
    assert balance is not None and not balance.is_balanced and len(balance.open_uris) == 2


def test_handing_back_counts_as_no_try(ledger: Ledger) -> None:
    run_id = started(ledger)
    for _ in range(10):
        assert ledger.hand_back(claimed(ledger, run_id), Ending.RELEASED) is ShardState.OPEN
    [shard] = ledger.shards(run_id)
    assert (shard.num_tries, shard.num_crashes) == (0, 0)


def test_a_document_that_kills_is_found_and_ended(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    die(ledger, run_id, clock)
    assert not claimed(ledger, run_id).is_cautious
    clock.pass_s(TERMS.lease_s + 1)
    die(ledger, run_id, clock, reading="b.pdf")
    die(ledger, run_id, clock, reading="b.pdf")
    last = claimed(ledger, run_id)
    assert last.is_cautious
    ledger.save(last, read("a.pdf"))
    assert ledger.hand_back(last, Ending.DONE) is ShardState.DONE
    balance = ledger.settle(run_id)
    assert balance is not None and balance.is_balanced and balance.documents_by_reason == {"PoisonDocument": 1}


def test_deaths_that_no_document_explains_stop_the_shard(ledger: Ledger, clock: HandClock) -> None:
    run_id = started(ledger)
    for _ in range(POLICY.max_idle_crashes):
        die(ledger, run_id, clock)
    assert ledger.claim(run_id, 0, "x") is None
    assert state(ledger, run_id) is ShardState.STOPPED
    assert ledger.retry(run_id) == 1
    assert claimed(ledger, run_id).owner == "one"


def test_deaths_after_progress_stop_nothing(ledger: Ledger, clock: HandClock) -> None:
    names = tuple(f"{index}.pdf" for index in range(12))
    run_id = started(ledger, names)
    for name in names[:-1]:
        ledger.save(claimed(ledger, run_id), read(name))
        clock.pass_s(TERMS.lease_s + 1)
    assert claimed(ledger, run_id).is_cautious


def test_cancelling_balances_and_takes_the_pen(ledger: Ledger) -> None:
    run_id = started(ledger, NAMES, ("c.pdf",))
    lease = claimed(ledger, run_id)
    ledger.save(lease, read("a.pdf"))
    balance = ledger.cancel(run_id)
    assert balance.is_balanced and (balance.documents_ok, balance.documents_skipped) == (1, 2)
    with pytest.raises(LeaseLost):
        ledger.save(lease, read("b.pdf"))
    assert ledger.claim_next(run_id, "x") is None
    assert ledger.attempts(run_id)[0].ending is Ending.CANCELLED
    assert ledger.wait_s(run_id) is None


def test_a_cancelled_run_can_be_taken_up_again(ledger: Ledger) -> None:
    run_id = started(ledger)
    ledger.save(claimed(ledger, run_id), read("a.pdf"))
    ledger.cancel(run_id)
    assert ledger.retry(run_id) == 1
    lease = claimed(ledger, run_id, "two")
    ledger.save(lease, read("b.pdf"))
    ledger.hand_back(lease, Ending.DONE)
    balance = ledger.settle(run_id)
    assert balance is not None and balance.is_balanced and balance.documents_ok == 2


def test_only_failures_worth_it_are_retried(ledger: Ledger) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    reasons = {"a.pdf": "CorruptDocument", "b.pdf": "EngineTimeout"}
    failed = [DocumentOutcome(info(name).uri, document(name), 0, (), reason=why) for name, why in reasons.items()]
    ledger.save(lease, failed)
    ledger.hand_back(lease, Ending.DONE)
    assert ledger.retry(run_id) == 1
    assert ledger.database.balance(run_id).open_uris == (info("b.pdf").uri,)
    assert ledger.retry(run_id, reasons=["CorruptDocument"]) == 1
    assert len(ledger.database.balance(run_id).open_uris) == 2


def test_two_runs_do_not_read_the_same_content(ledger: Ledger, clock: HandClock) -> None:
    first, second = started(ledger), started(ledger)
    one, two = claimed(ledger, first), claimed(ledger, second)
    assert held_one(ledger, one, document("a.pdf").id, is_forced=False) is Hold.MINE
    assert held_one(ledger, one, document("a.pdf").id, is_forced=False) is Hold.MINE
    assert held_one(ledger, two, document("a.pdf").id, is_forced=False) is Hold.BUSY
    ledger.wait(two)
    assert ledger.wait_s(second) == pytest.approx(5)
    ledger.save(one, read("a.pdf"))
    clock.pass_s(5)
    assert held_one(ledger, claimed(ledger, second), document("a.pdf").id, is_forced=False) is Hold.BUSY
    ledger.hand_back(one, Ending.RELEASED)
    clock.pass_s(TERMS.lease_s + 1)
    assert held_one(ledger, claimed(ledger, second), document("a.pdf").id, is_forced=False) is Hold.DONE


def test_a_dead_holder_s_content_is_taken_over(ledger: Ledger, clock: HandClock) -> None:
    first, second = started(ledger), started(ledger)
    one = claimed(ledger, first)
    held_one(ledger, one, document("a.pdf").id, is_forced=False)
    clock.pass_s(TERMS.lease_s + 1)
    assert held_one(ledger, claimed(ledger, second), document("a.pdf").id, is_forced=False) is Hold.MINE
    with pytest.raises(LeaseLost):
        ledger.save(one, read("a.pdf"))


def test_a_content_that_failed_in_the_run_is_not_read_again_in_it(ledger: Ledger) -> None:
    run_id = started(ledger, is_forced=True)
    lease = claimed(ledger, run_id)
    same = document("a.pdf")
    ledger.save(lease, [DocumentOutcome(same.uri, same, 0, (), reason="CorruptDocument")])
    assert held_one(ledger, lease, same.id, is_forced=True) is Hold.FAILED


def test_force_reads_what_an_earlier_run_read(ledger: Ledger) -> None:
    first = started(ledger)
    lease = claimed(ledger, first)
    ledger.save(lease, read(*NAMES))
    ledger.hand_back(lease, Ending.DONE)
    forced = claimed(ledger, started(ledger, is_forced=True))
    assert held_one(ledger, forced, document("a.pdf").id, is_forced=True) is Hold.MINE


def test_unchanged_objects_need_no_worker(ledger: Ledger) -> None:
    lease = claimed(ledger, started(ledger))
    ledger.save(lease, read(*NAMES))
    again = started(ledger)
    assert state(ledger, again) is ShardState.DONE
    balance = ledger.settle(again)
    assert balance is not None and balance.is_balanced and balance.documents_by_reason == {"done before": 2}


def test_planning_again_adds_only_what_is_new(ledger: Ledger) -> None:
    run_id = started(ledger)
    assert ledger.cut(run_id, [info(name) for name in NAMES], is_forced=False).shard is None
    more = ledger.cut(run_id, [info("a.pdf"), info("new.pdf")], is_forced=False).shard
    assert more is not None and (more.shard_index, more.num_objects) == (1, 1)


def test_planners_at_once_number_their_shards_apart(ledger: Ledger) -> None:
    run_id = ledger.database.start_run(ORDER)

    def plan(name: str) -> None:
        for index in range(5):
            ledger.cut(run_id, [info(f"{name}{index}")], is_forced=False)

    threads = [threading.Thread(target=plan, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(shard.shard_index, shard.num_objects) for shard in ledger.shards(run_id)] == [(n, 1) for n in range(20)]


def test_saving_keeps_an_object_in_its_shard(ledger: Ledger) -> None:
    run_id = started(ledger, ("a.pdf",), ("b.pdf",))
    ledger.save(claimed(ledger, run_id, shard_index=1), read("b.pdf"))
    with ledger.database.reading() as connection:
        rows = connection.execute(select(READS.c.shard_index).where(READS.c.state == ReadState.OK)).scalars().all()
    assert rows == [1]


def test_holds_go_with_their_lease(ledger: Ledger) -> None:
    run_id = started(ledger)
    lease = claimed(ledger, run_id)
    held_one(ledger, lease, "d1", is_forced=False)
    ledger.hand_back(lease, Ending.RELEASED)
    with ledger.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(HOLDS)).scalar_one() == 0


def test_a_forged_lease_writes_nothing(ledger: Ledger) -> None:
    lease = claimed(ledger, started(ledger))
    for forged in (replace(lease, token=lease.token + 1), replace(lease, run_id="other"), replace(lease, token=0)):
        with pytest.raises((LeaseLost, DatabaseError)):
            ledger.save(forged, read("a.pdf"))


def test_an_unknown_run_has_no_shards(ledger: Ledger) -> None:
    assert ledger.claim("nope", 0, "x") is None
    for act in (ledger.settle, ledger.cancel, ledger.retry, ledger.close_plan):
        with pytest.raises(DatabaseError, match="no run"):
            act("nope")


class Forgetful(Database):
    """Makes the next transaction and does not say so, or neither makes it nor says so."""

    is_made: bool | None = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        is_made, self.is_made = self.is_made, None
        if is_made is False:
            raise DatabaseUnavailable("gone before")
        with super().writing() as transaction:
            yield transaction
        if is_made:
            raise DatabaseUnavailable("gone after")


@pytest.fixture
def forgetful(ledger: Ledger, clock: HandClock) -> Ledger:
    database = Forgetful(ledger.database.engine)
    return Ledger(database, terms=TERMS, policy=POLICY, clock=clock, patience_s=5.0)


def test_a_claim_whose_answer_was_lost_is_known_again(forgetful: Ledger) -> None:
    run_id = started(forgetful, ("a",), ("b",))
    forgetful.database.is_made = True
    first = claimed(forgetful, run_id)
    forgetful.database.is_made = True
    second = forgetful.claim_next(run_id, "one")
    assert second is not None and (first.shard_index, second.shard_index) == (0, 1)
    # One holding each: nothing waits for a lease to run out.
    assert len(forgetful.attempts(run_id)) == 2
    forgetful.save(first, read("a"))
    assert forgetful.hand_back(first, Ending.DONE) is ShardState.DONE


def test_a_claim_that_was_never_made_takes_nothing_from_another_of_the_same_name(forgetful: Ledger) -> None:
    run_id = started(forgetful)
    other = claimed(forgetful, run_id)
    forgetful.database.is_made = False
    assert forgetful.claim(run_id, 0, "one") is None
    forgetful.renew(other, has_progress=True)


def test_one_shard_is_looked_at_without_the_others(ledger: Ledger) -> None:
    run_id = started(ledger, ("a",), ("b",))
    assert not ledger.is_busy(run_id)
    claimed(ledger, run_id, shard_index=1)
    assert ledger.is_busy(run_id)
    states = [shard and shard.state for shard in (ledger.shard(run_id, index) for index in range(3))]
    assert states == [ShardState.OPEN, ShardState.LEASED, None]
