"""Two scheduled runs and a backfill over the same objects at once: one record, one charge."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from llava_ocr.backfill import promote, read_within, stage
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.session import open_database
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.ledger.backfill import Budget, Why
from llava_ocr.run import ExtractOrder, begin, end, wanted
from llava_ocr.work import read
from tests.fakes import paper
from tests.runs import FakeServices

NUM_DOCUMENTS = 24


class PaidEngine(ScriptedEngine):
    """Counts what each page was paid for, over all engines of a test."""

    def __init__(self, paid: Counter[str]) -> None:
        super().__init__()
        self._paid = paid

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        time.sleep(0.01)
        # Once a request, however often its prompt names the page.
        for one in requests:
            self._paid.update({mark for mark in one.prompt.user.split() if mark.startswith("mark")})
        return super().complete(requests)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def scheduled(url: str, order: ExtractOrder, paid: Counter[str]) -> None:
    services = FakeServices(url, engine=PaidEngine(paid), batch_size=2)
    run = begin(order, services)
    read(run, wanted(run))
    assert end(run, seconds=0.0).balance.is_balanced
    services.close()


def backfilled(url: str, order: ExtractOrder, paid: Counter[str], run_ids: list[str]) -> None:
    services = FakeServices(url, engine=PaidEngine(paid), batch_size=2)
    run = stage(order, Why(is_stale=True), services)
    read_within(run, Budget())
    assert run.database.balance(run.id).is_balanced
    run_ids.append(run.id)
    services.close()


def test_two_schedules_and_a_backfill_pay_once(url: str, tmp_path: Path) -> None:
    source = tmp_path / "documents"
    source.mkdir()
    for number in range(NUM_DOCUMENTS):
        (source / f"{number:02}.json").write_bytes(paper(f"mark-{number}"))
    paid: Counter[str] = Counter()
    staged: list[str] = []
    # Two schedules differ in something, or the second would take up the first one's run.
    orders = [
        ExtractOrder(source=str(source), schema_name="receipt", shard_size=4, is_incremental=True, purpose=name)
        for name in ("hourly", "nightly", "backfill")
    ]
    with open_database(url) as database:
        database.upgrade()
    threads = [threading.Thread(target=scheduled, args=(url, order, paid)) for order in orders[:2]]
    threads.append(threading.Thread(target=backfilled, args=(url, orders[2], paid, staged)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(paid) == NUM_DOCUMENTS and set(paid.values()) == {1}
    with open_database(url) as database:
        for _ in range(2):
            with database.reading() as connection:
                current = select(func.count(), func.count(RECORDS.c.document_id.distinct()))
                counted = connection.execute(current.where(RECORDS.c.is_current)).one()
            assert tuple(counted) == (NUM_DOCUMENTS, NUM_DOCUMENTS)
            if staged:
                promote(database, staged.pop(), who="ann")
