"""What each step of the ledger costs PostgreSQL, by how many shards a run has: what `simulate` reckons with.

Takes an empty database of LLAVA_OCR_DB. The server's processor time is only seen on its own machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import product

from llava_ocr.bench.db import outcome
from llava_ocr.db.ledger import Ledger
from llava_ocr.db.session import Database, open_database
from llava_ocr.db.shards import CANDIDATES
from llava_ocr.db.upgrades import is_empty
from llava_ocr.errors import ConfigError
from llava_ocr.ledger.leases import Ending, Lease
from llava_ocr.ledger.order import Order
from llava_ocr.machine import read_proc
from llava_ocr.records import DocumentOutcome
from llava_ocr.settings import load_settings
from llava_ocr.store.base import ObjectInfo

# Shards of the run, of which 60 % are done, and shards that other workers hold.
NUM_SHARDS = (1_000, 100_000, 1_000_000)
NUM_HELD = (0, 1_000)
DONE_SHARE = 0.6
DOCUMENTS_PER_SHARD = 68
# The others are saved at once, as `work` does it.
SAVED_SINGLY = 4
NUM_HOLDS = NUM_RENEWALS = 16
# Shards that are read to their end. As many more are planned as a claim looks at, so that it finds no other.
NUM_READ = 12
STEPS = ("cut", "claim", "hold", "renew", "save_one", "save", "hand_back", "wait", "reap", "settle")


class NotEmpty(ConfigError):
    """The measurement fills a database with rubbish, so it takes none that is in use."""

    hint = "Set LLAVA_OCR_DB to an empty PostgreSQL database."


def run(
    *,
    db: str | None = None,
    num_shards: Sequence[int] = NUM_SHARDS,
    num_held: Sequence[int] = NUM_HELD,
    num_read: int = NUM_READ,
) -> Iterator[dict[str, object]]:
    """Measure every step for each size of a run and each number of shards that are held."""
    url = db or load_settings().db
    if not url.startswith("postgresql"):
        raise NotEmpty("bench scale measures PostgreSQL")
    with open_database(url) as database:
        if not is_empty(database.engine):
            raise NotEmpty(f"{database.place} has tables already")
        database.upgrade()
        for size, held in product(num_shards, num_held):
            yield _measured(database, size, held, num_read)


@dataclass
class _Meter:
    """Adds up what one step took: seconds here, seconds of processor time and bytes of log on the server."""

    database: Database
    num_calls: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    log_bytes: int = 0

    def time(self, act: Callable[[], object], *, num_calls: int = 1) -> None:
        """Do and count something that consists of so many calls."""
        before, log_bytes, started = _cpu_s(self.database), _log_bytes(self.database), time.perf_counter()
        act()
        self.wall_s += time.perf_counter() - started
        after = _cpu_s(self.database)
        # Connections come and go; those that were there before and after did the work.
        self.cpu_s += sum(after[pid] - before[pid] for pid in after.keys() & before.keys())
        self.log_bytes += _log_bytes(self.database) - log_bytes
        self.num_calls += num_calls

    def figures(self) -> dict[str, float]:
        """The means over the calls."""
        return {
            "wall_ms": round(1000 * self.wall_s / self.num_calls, 3),
            "server_cpu_ms": round(1000 * self.cpu_s / self.num_calls, 3),
            "log_kb": round(self.log_bytes / self.num_calls / 1000, 1),
        }


def _measured(database: Database, num_shards: int, num_held: int, num_read: int) -> dict[str, object]:
    ledger = Ledger(database)
    run_id = database.start_run(Order(f"bench-{num_shards}-{num_held}", "invoice", "schema", "none", "engine"))
    documents = _documents(f"{num_shards}-{num_held}", num_read + CANDIDATES)
    num_done = round(num_shards * DONE_SHARE)
    _fill(database, run_id, first=0, num_done=num_done, num_held=num_held)
    meters = {name: _Meter(database) for name in STEPS}
    for shard in documents:
        meters["cut"].time(partial(ledger.cut, run_id, [_info(one) for one in shard], is_forced=False))
    first = num_done + num_held + len(documents)
    _fill(database, run_id, first=first, num_open=max(0, num_shards - first))
    size_bytes = _size_bytes(database)
    for _ in range(num_read):
        _read(ledger, run_id, documents, meters)
    size_bytes = _size_bytes(database) - size_bytes
    meters["wait"].time(lambda: ledger.wait_s(run_id))
    meters["reap"].time(lambda: ledger.reap(run_id))
    meters["settle"].time(lambda: ledger.settle(run_id))
    return {
        "num_shards": num_shards,
        "num_held": num_held,
        "bytes_per_document": round(size_bytes / (num_read * DOCUMENTS_PER_SHARD)),
        "steps": {name: meter.figures() for name, meter in meters.items()},
    }


def _read(
    ledger: Ledger, run_id: str, documents: Sequence[Sequence[DocumentOutcome]], meters: dict[str, _Meter]
) -> None:
    """Claim a shard and take it to its end."""
    leases: list[Lease | None] = []
    meters["claim"].time(lambda: leases.append(ledger.claim_next(run_id, "bench")))
    [lease] = leases
    assert lease is not None, run_id
    wanted = {info.uri for info in ledger.open_objects(lease)}
    [shard] = [shard for shard in documents if shard[0].uri in wanted]

    def hold() -> None:
        for one in shard[:NUM_HOLDS]:
            assert one.document is not None, one
            ledger.hold(lease, [one.document.id], is_forced=False)

    def renew() -> None:
        for _ in range(NUM_RENEWALS):
            ledger.renew(lease, has_progress=True)

    meters["hold"].time(hold, num_calls=NUM_HOLDS)
    meters["renew"].time(renew, num_calls=NUM_RENEWALS)
    for one in shard[:SAVED_SINGLY]:
        meters["save_one"].time(partial(ledger.save, lease, [one]))
    meters["save"].time(lambda: ledger.save(lease, shard[SAVED_SINGLY:]))
    meters["hand_back"].time(lambda: ledger.hand_back(lease, Ending.DONE))


def _documents(name: str, num_shards: int) -> list[list[DocumentOutcome]]:
    """Invoices of 50 fields, in shards."""
    numbered = [_renamed(outcome(number), name) for number in range(num_shards * DOCUMENTS_PER_SHARD)]
    return [numbered[first : first + DOCUMENTS_PER_SHARD] for first in range(0, len(numbered), DOCUMENTS_PER_SHARD)]


def _renamed(one: DocumentOutcome, name: str) -> DocumentOutcome:
    assert one.document is not None, one
    uri = f"bench://{name}/{one.uri.rpartition('/')[2]}"
    document = replace(one.document, uri=uri, id=f"{name}-{one.document.id}"[:64])
    return replace(one, uri=uri, document=document, records=tuple(replace(r, document=document) for r in one.records))


def _info(one: DocumentOutcome) -> ObjectInfo:
    return ObjectInfo(one.uri, one.uri, 50_000, "etag", datetime.now(UTC), "")


def _fill(
    database: Database, run_id: str, *, first: int, num_done: int = 0, num_held: int = 0, num_open: int = 0
) -> None:
    """Add shards that nobody here will read, as a run has them that is under way."""
    counts = (("done", num_done, "NULL"), ("leased", num_held, "now() + interval '1 day'"), ("open", num_open, "NULL"))
    with database.writing() as connection:
        for state, count, until in counts:
            connection.exec_driver_sql(
                "INSERT INTO shards (run_id, shard_index, state, num_objects, token, owner, lease_until, hard_until, "
                "progress_at, num_tries, num_crashes, num_idle_crashes) "
                f"SELECT '{run_id}', g, '{state}', 64, 1, 'bench', {until}, {until}, {until}, 0, 0, 0 "
                f"FROM generate_series({first}, {first + count - 1}) AS g"
            )
            first += count
    with database.writing() as connection:
        connection.exec_driver_sql("ANALYZE")


def _cpu_s(database: Database) -> dict[str, float]:
    """Processor seconds of the server's processes for this database; none where it runs elsewhere."""
    query = "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = current_database()"
    stats = {pid: read_proc(pid, "stat") for pid in _number(database, query).split()}
    numbers = {pid: stat.rpartition(")")[2].split() for pid, stat in stats.items() if stat}
    return {pid: (int(one[11]) + int(one[12])) / os.sysconf("SC_CLK_TCK") for pid, one in numbers.items()}


def _log_bytes(database: Database) -> int:
    return int(float(_number(database, "SELECT pg_current_wal_lsn() - '0/0'")))


def _size_bytes(database: Database) -> int:
    return int(_number(database, "SELECT pg_database_size(current_database())"))


def _number(database: Database, query: str) -> str:
    with database.reading() as connection:
        return str(connection.exec_driver_sql(query).scalar_one())
