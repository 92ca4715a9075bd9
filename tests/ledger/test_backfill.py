"""What a backfill takes, chooses and spends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llava_ocr.backfill import estimated, read_within, stage
from llava_ocr.engines.scripted import PROFILE, ScriptedEngine
from llava_ocr.ledger.backfill import Budget, Sample, Why, estimate
from llava_ocr.run import ExtractOrder, begin, end, listed
from llava_ocr.work import read
from tests.fakes import paper
from tests.runs import FakeServices

SAMPLES = [Sample(2, 4.0, 200)] * 9 + [Sample(1, 100.0, 9_000)]


def test_pages_nobody_has_opened_count_as_the_mean() -> None:
    found = estimate([2, 4, None], [], size_bytes=9)
    assert (found.num_pages, found.num_unopened, found.hours) == (9, 1, None)


def test_outliers_do_not_set_the_price() -> None:
    found = estimate([1800], SAMPLES, size_bytes=9)
    assert found.hours == (1.0, 1.0) and found.cost(2.5) == (2.5, 2.5)
    assert found.num_tokens == (180_000, 180_000)


@given(
    st.lists(st.none() | st.integers(1, 50)),
    st.lists(st.builds(Sample, st.integers(1, 9), st.floats(0, 9), st.just(7))),
)
def test_ranges_are_ranges(pages: list[int | None], samples: list[Sample]) -> None:
    found = estimate(pages, samples, size_bytes=0)
    assert found.hours is None or 0 <= found.hours[0] <= found.hours[1]
    assert found.num_pages >= sum(count or 0 for count in pages)


@pytest.mark.parametrize(
    ("budget", "is_spent"),
    [
        (Budget(), False),
        (Budget(max_pages=10), True),
        (Budget(max_pages=11), False),
        (Budget(max_hours=1), True),
        (Budget(max_hours=1.1), False),
        (Budget(max_cost=3, price_per_hour=3), True),
        (Budget(max_cost=3, price_per_hour=2), False),
    ],
)
def test_a_budget_is_spent_at_its_limit(budget: Budget, is_spent: bool) -> None:
    assert budget.is_spent(num_pages=10, seconds=3600) is is_spent


@pytest.fixture
def order(tmp_path: Path) -> ExtractOrder:
    """Twelve documents that were read."""
    source = tmp_path / "documents"
    source.mkdir()
    for index in range(12):
        (source / f"{index:02}.json").write_bytes(paper(f"paper {index}", "two"))
    order = ExtractOrder(source=str(source), schema_name="receipt", shard_size=3)
    services = FakeServices(url(tmp_path))
    run = begin(order, services)
    read(run, listed(order, run.source))
    end(run, seconds=0.0)
    services.close()
    return order


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    """With another engine than read them."""
    newer = ScriptedEngine(profile=replace(PROFILE, fingerprint="scripted-2"))
    services = FakeServices(url(tmp_path), engine=newer, batch_size=2)
    yield services
    services.close()


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'records.db'}"


@pytest.mark.parametrize(
    ("why", "num_documents"),
    [(Why(), 12), (Why(is_stale=True), 12), (Why(below_confidence=0.5), 0), (Why(failed=("CorruptDocument",)), 0)],
)
def test_only_what_is_wanted_is_planned(
    order: ExtractOrder, services: FakeServices, why: Why, num_documents: int
) -> None:
    found = estimated(order, why, services)
    assert (found.num_documents, found.num_pages) == (num_documents, 2 * num_documents)
    assert estimated(order.model_copy(update={"limit": 5}), why, services).num_documents == min(5, num_documents)


def test_a_new_object_is_stale(order: ExtractOrder, services: FakeServices) -> None:
    (Path(order.source) / "new.json").write_bytes(paper("new"))
    found = estimated(order, Why(is_stale=True), services)
    assert (found.num_documents, found.num_unopened) == (13, 1)


def test_a_spent_budget_stops_and_a_new_one_goes_on(order: ExtractOrder, services: FakeServices) -> None:
    run = stage(order, Why(is_stale=True), services)
    spent = read_within(run, Budget(max_pages=4))
    assert spent.is_spent
    left = len(run.database.balance(run.id).open_uris)
    assert 0 < left < 12
    assert stage(order, Why(is_stale=True), services).id == run.id
    assert not read_within(run, Budget()).is_spent
    balance = run.database.balance(run.id)
    assert balance.is_balanced and balance.documents_ok == 12
