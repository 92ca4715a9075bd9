"""The schedule alone: jobs are numbers here."""

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.schedule import Job, Schedule, SlotPlan, plan_slots

lengths = st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 500)), min_size=1, max_size=20)


def jobs_of(sizes: list[tuple[int, int]]) -> list[Job]:
    return [Job(number, prompt, new) for number, (prompt, new) in enumerate(sizes)]


def schedule_of(jobs: list[Job], num_slots: int) -> Schedule:
    schedule = Schedule(SlotPlan(num_slots, max(job.num_tokens for job in jobs)))
    schedule.add(jobs)
    return schedule


@given(lengths, st.integers(1, 300), st.integers(0, 3_000_000), st.integers(1, 9))
@settings(deadline=None, max_examples=80)
def test_a_plan_holds_every_job_and_stays_in_its_budget(
    sizes: list[tuple[int, int]], token_bytes: int, budget_bytes: int, max_slots: int
) -> None:
    jobs = jobs_of(sizes)
    plan = plan_slots(jobs, token_bytes=token_bytes, budget_bytes=budget_bytes, max_slots=max_slots)
    assert 1 <= plan.num_slots <= min(max_slots, len(jobs))
    assert all(job.num_tokens <= plan.slot_tokens for job in jobs)
    assert plan.num_slots == 1 or plan.num_slots * plan.slot_tokens * token_bytes <= budget_bytes


@given(lengths, st.integers(1, 6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=80)
def test_every_job_runs_once_longest_first_and_slots_never_overflow(
    sizes: list[tuple[int, int]], num_slots: int, chance: object
) -> None:
    jobs = jobs_of(sizes)
    schedule = schedule_of(jobs, num_slots)
    admitted: list[Job] = []
    while not schedule.is_over:
        admitted += schedule.admit(0.0)
        assert len(schedule.running) <= num_slots
        assert len(schedule.running) == min(num_slots, len(jobs) - len(admitted) + len(schedule.running))
        schedule.finish(chance.choice(schedule.running))  # type: ignore[attr-defined]
    assert sorted(job.number for job in admitted) == [job.number for job in jobs]
    assert [job.num_tokens for job in admitted] == sorted((job.num_tokens for job in jobs), reverse=True)


def test_questions_on_one_page_are_admitted_together() -> None:
    jobs = [Job(0, 900, 10, family="a"), Job(1, 500, 10), Job(2, 100, 10, family="a"), Job(3, 800, 10)]
    assert [job.number for job in schedule_of(jobs, 4).admit(0.0)] == [0, 2, 3, 1]


@given(lengths, st.integers(1, 6), st.sets(st.integers(0, 19)))
@settings(deadline=None, max_examples=60)
def test_cancelled_jobs_leave_whether_they_run_or_wait(
    sizes: list[tuple[int, int]], num_slots: int, unwanted: set[int]
) -> None:
    jobs = jobs_of(sizes)
    schedule = schedule_of(jobs, num_slots)
    schedule.admit(0.0)
    for number in unwanted:
        schedule.cancel(number)
    ended = schedule.expire(0.0)
    known = {job.number for job in jobs}
    assert sorted(ended.cancelled) == sorted(unwanted & known)
    left = []
    while not schedule.is_over:
        schedule.admit(0.0)
        left += schedule.running
        for number in schedule.running:
            schedule.finish(number)
    assert sorted(left) == sorted(known - unwanted)


def test_jobs_have_their_time_from_their_first_slot_on() -> None:
    jobs = [Job(0, 30, 1, limit_s=5.0), Job(1, 20, 1), Job(2, 10, 1, limit_s=5.0)]
    schedule = schedule_of(jobs, 2)
    schedule.admit(1.0)
    assert schedule.expire(5.9).late == ()
    assert schedule.expire(6.0).late == (0,)
    assert [job.number for job in schedule.admit(7.0)] == [2]
    assert schedule.expire(11.9).late == ()
    assert schedule.expire(12.0).late == (2,)
    assert schedule.running == (1,)


def test_cancelling_what_has_ended_is_no_mistake() -> None:
    schedule = schedule_of([Job(0, 10, 1)], 1)
    schedule.admit(0.0)
    schedule.finish(0)
    schedule.cancel(0)
    assert schedule.expire(0.0).cancelled == ()


@given(lengths, st.integers(1, 8))
@settings(deadline=None, max_examples=60)
def test_a_shrunk_schedule_runs_again_what_was_running_before_all_others(
    sizes: list[tuple[int, int]], num_slots: int
) -> None:
    jobs = jobs_of(sizes)
    schedule = schedule_of(jobs, num_slots)
    was_running = {job.number for job in schedule.admit(0.0)}
    if not schedule.shrink():
        assert num_slots == 1
        return
    assert schedule.plan.num_slots <= max(1, len(was_running) // 2)
    order: list[int] = []
    while not schedule.is_over:
        order += [job.number for job in schedule.admit(0.0)]
        for number in schedule.running:
            schedule.finish(number)
    assert set(order[: len(was_running)]) == was_running
    assert sorted(order) == list(range(len(jobs)))
