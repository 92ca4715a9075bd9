"""Runs over bundles: told apart from ordinary ones, resumed without a record twice, corrected, backfilled."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from llava_ocr.backfill import diff, promote, rollback
from llava_ocr.db.corrections import Said, corrections_of, place_of, say
from llava_ocr.db.queries import find_records
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.stored import StoredRecord
from llava_ocr.errors import EngineError
from llava_ocr.ledger.balance import Balance
from llava_ocr.records import FieldReading, FieldState, FieldValue
from llava_ocr.review.corrections import Verdict
from llava_ocr.run import ExtractOrder, Run, end, resume
from llava_ocr.settings import override
from llava_ocr.work import read
from tests.bundles.papers import Paper, ReaderOfPapers, file_of
from tests.fakes import paper
from tests.runs import CountingStore, FakeServices, infos, start

PAPERS = [
    Paper(number, pages, 0, is_counted=True, is_named=True) for number, pages in ((1111, 2), (2222, 1), (3333, 3))
]
PAGES, SAID = file_of(PAPERS)
NAMES = [f"INV-{one.number}" for one in PAPERS]


class Office:
    """A database on disk, a store with one bundle, and runs over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = CountingStore()
        self.store.put("pile.pdf", paper(*PAGES))
        self.engine = ReaderOfPapers(SAID)
        self._opened: list[FakeServices] = []

    def services(self, *, bundles: bool = False) -> FakeServices:
        url = f"sqlite:///{self.folder / 'records.db'}"
        services = FakeServices(url, engine=self.engine, batch_size=1, cache_bytes=2**20)
        services.settings = override(services.settings, bundles=bundles)
        self._opened.append(services)
        return services

    def close(self) -> None:
        for services in self._opened:
            services.close()

    def order(self, *, is_bundle: bool | None = True, force: bool = False, is_staged: bool = False) -> ExtractOrder:
        order = ExtractOrder(source=str(self.folder), schema_name="invoice", is_bundle=is_bundle)
        return order.model_copy(update={"force": force, "is_staged": is_staged})

    def begin(self, order: ExtractOrder, *, bundles: bool = False) -> Run:
        return start(order, self.services(bundles=bundles), self.store)

    def run(self, order: ExtractOrder, *, bundles: bool = False) -> Balance:
        run = self.begin(order, bundles=bundles)
        read(run, infos(self.store))
        return end(run, seconds=0.0).balance

    def records(self) -> list[StoredRecord]:
        return find_records(self.services().database, "pile.pdf")

    def numbers(self) -> list[FieldValue]:
        return [value_of(record, "invoice_number") for record in self.records()]

    def count(self) -> int:
        """All records, current or not."""
        with self.services().database.reading() as connection:
            return len(connection.execute(select(RECORDS.c.id)).all())


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(Office(tmp_path)) as office:
        yield office


def value_of(record: StoredRecord, path: str) -> FieldValue:
    return next(field.value for field in record.fields if field.path == path)


def test_a_bundle_is_kept_as_its_records_with_their_pages(office: Office) -> None:
    assert office.run(office.order()).is_balanced
    assert [record.record_index for record in office.records()] == [0, 1, 2]
    assert office.numbers() == NAMES
    assert [record.part and record.part.page_indices for record in office.records()] == [(0, 1), (2,), (3, 4, 5)]
    assert all(record.part and record.part.reason and record.part.certainty > 0.9 for record in office.records())


def test_a_bundle_that_was_read_is_not_read_again(office: Office) -> None:
    office.run(office.order())
    office.run(office.order())
    assert (office.store.fetched["pile.pdf"], office.engine.num_asked) == (1, len(PAGES))


def test_reading_as_a_bundle_is_another_reading_of_the_same_answers(office: Office) -> None:
    office.run(office.order(is_bundle=False))
    assert [record.part for record in office.records()] == [None]
    office.run(office.order())
    assert office.numbers() == NAMES
    assert (office.store.fetched["pile.pdf"], office.engine.num_asked) == (2, len(PAGES))


def test_an_order_that_says_nothing_does_as_the_machine_is_set(office: Office) -> None:
    office.run(office.order(is_bundle=None))
    assert len(office.records()) == 1
    office.run(office.order(is_bundle=None), bundles=True)
    assert len(office.records()) == len(PAPERS)


def test_a_run_is_resumed_as_it_began_whatever_the_machine_is_set_to(office: Office) -> None:
    run = office.begin(office.order(is_bundle=None), bundles=True)
    assert resume(run.id, office.services()).question.is_bundle


def test_a_run_that_broke_in_a_bundle_ends_with_each_record_once(office: Office) -> None:
    office.engine.breaks_at = 4
    with pytest.raises(EngineError):
        office.run(office.order())
    assert office.records() == []
    num_asked, office.engine.breaks_at = office.engine.num_asked, 0
    assert office.run(office.order()).is_balanced
    assert office.numbers() == NAMES
    assert office.count() == len(PAPERS)
    # What was answered before it broke was not asked again.
    assert office.engine.num_asked < num_asked + len(PAGES)


def test_reading_again_by_force_leaves_each_record_once(office: Office) -> None:
    office.run(office.order())
    office.run(office.order(force=True))
    assert (office.numbers(), office.count()) == (NAMES, len(PAPERS))


def correct(office: Office, record_index: int, path: str, value: FieldValue) -> None:
    """Let a person say what a field of a record is, looking at the machine's reading."""
    record = office.records()[record_index]
    seen = next(field for field in record.fields if field.path == path)
    said = FieldReading(path, FieldState.VALUE, str(value), value, 1.0, seen.evidence)
    with office.services().database.writing() as connection:
        say(connection, record.id, [Said(path, Verdict.CORRECT, said)], who="ann")


def test_corrections_of_each_record_survive_another_engine(office: Office) -> None:
    office.run(office.order())
    correct(office, 1, "grand_total", Decimal("77.00"))
    office.engine = ReaderOfPapers(SAID, name="scripted-2")
    office.run(office.order())
    assert [value_of(record, "grand_total") for record in office.records()][1] == Decimal("77.00")
    assert value_of(office.records()[0], "grand_total") == sum(PAPERS[0].amounts)


def test_a_correction_does_not_move_to_another_document_when_the_file_is_split(office: Office) -> None:
    office.run(office.order(is_bundle=False))
    correct(office, 0, "lines[5].line_total", Decimal("99.00"))
    correct(office, 0, "lines[0].line_total", Decimal("11.00"))
    office.run(office.order())
    first = office.records()[0]
    assert [field.value for field in first.fields if field.path == "lines[0].line_total"] == [Decimal("11.00")]
    assert not any(field.path == "lines[5].line_total" for field in first.fields)
    with office.services().database.reading() as connection:
        history = corrections_of(connection, place_of(connection, first.id))
    assert [one.is_elsewhere for one in history] == [True, False]


def test_a_backfill_splits_files_and_is_rolled_back_whole(office: Office) -> None:
    office.run(office.order(is_bundle=False))
    run = office.begin(office.order(force=True, is_staged=True))
    read(run, infos(office.store))
    assert diff(run.database, run.id).num_changed_documents == 1
    promote(run.database, run.id, who="ann")
    assert office.numbers() == NAMES
    assert [record.part and record.part.page_indices for record in office.records()] == [(0, 1), (2,), (3, 4, 5)]
    rollback(run.database, run.id, who="ann")
    assert [record.part for record in office.records()] == [None]


VICTIM = """
import sys, time
from pathlib import Path
from tests.bundles.papers import ReaderOfPapers
from tests.bundles.test_runs import PAGES, SAID, Office
from tests.fakes import paper

class Slow(ReaderOfPapers):
    def complete(self, requests):
        time.sleep(0.05)
        return super().complete(requests)

office = Office(Path(sys.argv[1]))
office.engine = Slow(SAID)
for index in range(40):
    office.store.put(f"{index:02}/pile.pdf", paper(*PAGES, "!blank").replace(b"{", b"{" + b" " * (index + 1)))
office.run(office.order())
"""


@pytest.mark.slow
def test_a_killed_run_ends_with_each_record_of_each_bundle_once(office: Office) -> None:
    root = Path(__file__).parents[2]
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(office.folder)], cwd=root, env=os.environ)
    until = time.monotonic() + 60
    while num_records(office.folder) < 2 * len(PAPERS) and victim.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    for index in range(40):
        content = paper(*PAGES, "!blank").replace(b"{", b"{" + b" " * (index + 1))
        office.store.put(f"{index:02}/pile.pdf", content)
    assert office.run(office.order()).is_balanced
    assert office.count() == num_records(office.folder) == 41 * len(PAPERS)


def num_records(folder: Path) -> int:
    """Records that are saved, while another process writes."""
    try:
        with sqlite3.connect(folder / "records.db") as connection:
            return int(connection.execute("SELECT COUNT(*) FROM records").fetchone()[0])
    except sqlite3.Error:
        return 0
