"""Kill workers at random, with -9, until the accounts should be wrong; then count what was lost.

    python -m tests.faults.soak --kills 200 --documents 400 [--postgres]

Ends in one JSON line. Exits with 1 where a page was lost, a record doubled, or more was read again than the unfinished
part of the shards whose workers were killed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, select, text

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.rows import READS, RECORDS, SHARDS
from llava_ocr.db.session import Database, open_database
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.ledger.leases import Terms
from llava_ocr.ledger.order import ReadState
from llava_ocr.ledger.retries import Retries
from llava_ocr.owner import is_gone
from llava_ocr.run import ExtractOrder, begin, listed, plan, resume
from llava_ocr.work import read_rest
from tests.fakes import paper
from tests.runs import FakeServices

TERMS = Terms(lease_s=2.0, renew_s=0.4, stall_s=60.0, hard_s=600.0)
# Killing without end would stop any shard; here it is not the shards' fault.
POLICY = Retries(max_tries=50, first_delay_s=0.1, max_delay_s=0.5, max_idle_crashes=1000, poison_after=1000)
NUM_WORKERS = 3
SHARD_SIZE = 8
ANSWER_S = 0.02
# Of all strikes, those that hit the database server.
SERVER_SHARE = 0.03


@dataclass
class Tally:
    """What the kills did; `reread_limit` is the number of pages open in the shards of the killed at their deaths."""

    kills: int = 0
    stops: int = 0
    cuts: int = 0
    servers: int = 0
    lost: int = 0
    duplicates: int = 0
    reread_pages: int = 0
    reread_limit: int = 0
    pages: int = 0
    rounds: int = 0
    seconds: float = 0.0

    @property
    def strikes(self) -> int:
        """All that was done to workers and to the database."""
        return self.kills + self.stops + self.cuts + self.servers

    @property
    def is_ok(self) -> bool:
        return self.lost == 0 and self.duplicates == 0 and self.reread_pages <= self.reread_limit


class LoggingEngine(ScriptedEngine):
    """Writes down every page that it is paid for."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        time.sleep(ANSWER_S)
        marks = [mark for request in requests for mark in request.prompt.user.split() if mark.startswith("mark")]
        os.write(self._log, "".join(f"{mark}\n" for mark in marks).encode())
        return super().complete(requests)


class Server(Protocol):
    """A database server that can be killed."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


def soak(
    tally: Tally,
    database: str,
    folder: Path,
    *,
    num_kills: int,
    num_documents: int,
    seed: int,
    server: Server | None = None,
) -> None:
    """Run rounds of one whole run each until enough was killed; every round's accounts are counted."""
    dice, started = random.Random(seed), time.monotonic()
    while tally.strikes < num_kills:
        place = folder / f"round-{tally.rounds}"
        run_id = _start(database, place, num_documents, dice)
        _round(tally, database, place, run_id, num_kills=num_kills, dice=dice, server=server)
        tally.rounds += 1
    tally.seconds = round(time.monotonic() - started, 1)


def _round(
    tally: Tally,
    database: str,
    place: Path,
    run_id: str,
    *,
    num_kills: int,
    dice: random.Random,
    server: Server | None,
) -> None:
    log = place / "answers.log"
    log.touch()
    workers = [_fork(database, run_id, log) for _ in range(NUM_WORKERS)]
    asleep: dict[int, float] = {}
    while workers:
        time.sleep(dice.uniform(0.05, 0.4))
        _wake(asleep)
        workers = [now for pid in workers if (now := pid if pid in asleep else _alive(database, run_id, pid, log))]
        if tally.strikes < num_kills and (awake := [p for p in workers if p not in asleep]):
            if server is not None and dice.random() < SERVER_SHARE:
                _kill_server(tally, database, run_id, server)
                continue
            victim = dice.choice(awake)
            workers.remove(victim)
            _strike(tally, database, run_id, victim, asleep, dice)
            workers.append(victim if victim in asleep else _fork(database, run_id, log))
        elif asleep and not _is_open(database, run_id):
            _wake(dict.fromkeys(asleep, 0.0))
            asleep.clear()
    _count(tally, database, run_id, log)


def _kill_server(tally: Tally, database: str, run_id: str, server: Server) -> None:
    """Kill the database server. Leases may run out before it is back, so all that is held may be read again."""
    server.kill()
    server.start()
    tally.servers += 1
    tally.reread_limit += _open_pages(database, run_id)


def _strike(
    tally: Tally, database: str, run_id: str, victim: int, asleep: dict[int, float], dice: random.Random
) -> None:
    """Kill a worker, or put it to sleep for longer than its lease, or cut its connections and kill it after."""
    kind = dice.random()
    if kind < 0.2:
        os.kill(victim, signal.SIGSTOP)
        asleep[victim] = time.monotonic() + 2 * TERMS.lease_s
        tally.stops += 1
        tally.reread_limit += _open_pages(database, run_id, victim)
        return
    if kind < 0.3 and database.startswith("postgresql"):
        _cut_connections(database)
        tally.cuts += 1
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    tally.kills += 1
    tally.reread_limit += _open_pages(database, run_id, victim)


def _start(database: str, place: Path, num_documents: int, dice: random.Random) -> str:
    source = place / "documents"
    source.mkdir(parents=True)
    for number in range(num_documents):
        num_pages = dice.randint(1, 4)
        pages = [f"mark-{place.name}-{number}-{index}" for index in range(num_pages)]
        (source / f"{number:05}-{num_pages}.json").write_bytes(paper(*pages))
    services = FakeServices(database)
    try:
        order = ExtractOrder(source=str(source), schema_name="receipt", shard_size=SHARD_SIZE)
        run = begin(order, services)
        list(plan(run, listed(order, run.source)))
        return run.id
    finally:
        services.close()


def _fork(database: str, run_id: str, log: Path) -> int:
    """Start a worker without paying for imports again; the parent has neither threads nor connections by then."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _work(database, run_id, log)
        status = 0
    finally:
        os._exit(status)


def _work(database: str, run_id: str, log: Path) -> None:
    # The name of this process is remembered from before the fork.
    from llava_ocr import owner

    owner.this_process.cache_clear()
    services = FakeServices(database, engine=LoggingEngine(log))
    run = resume(run_id, services)
    ledger = Ledger(services.database, terms=TERMS, policy=POLICY, is_gone=is_gone, patience_s=60.0)
    read_rest(replace(run, ledger=ledger))
    services.close()


def _wake(asleep: dict[int, float]) -> None:
    for pid, until in list(asleep.items()):
        if time.monotonic() >= until:
            os.kill(pid, signal.SIGCONT)
            asleep.pop(pid)


def _alive(database: str, run_id: str, pid: int, log: Path) -> int:
    """The worker, or its successor where it failed, as a cut connection at its start may make it; 0 once it is done."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return pid
    return _fork(database, run_id, log) if status else 0


def _open_pages(database: str, run_id: str, pid: int | None = None) -> int:
    """Pages without an end in the shards that a process, or anybody, holds; documents' names say how many they have."""
    held = SHARDS.c.owner != "" if pid is None else SHARDS.c.owner.contains(f"/{pid}/")
    of_shard = (READS.c.run_id == SHARDS.c.run_id) & (READS.c.shard_index == SHARDS.c.shard_index)
    unended = select(READS.c.uri).join(SHARDS, of_shard).where(READS.c.run_id == run_id, held)
    with open_database(database) as db, db.reading() as transaction:
        uris = transaction.execute(unended.where(READS.c.state == ReadState.PLANNED)).scalars()
        return sum(int(Path(uri).stem.rpartition("-")[2]) for uri in uris)


def _is_open(database: str, run_id: str) -> bool:
    with open_database(database) as db:
        return Ledger(db).wait_s(run_id) is not None


def _cut_connections(database: str) -> None:
    own = "pid <> pg_backend_pid() AND datname = current_database()"
    with open_database(database) as db, db.reading() as transaction:
        transaction.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own}"))


def _count(tally: Tally, database: str, run_id: str, log: Path) -> None:
    answers = Counter(log.read_text().split())
    with open_database(database) as db:
        balance = db.finish_run(run_id)
        tally.duplicates += _num_doubled(db, run_id)
    tally.lost += len(balance.open_uris) + (balance.expected - balance.ended) + (len(answers) - balance.ok)
    tally.lost += balance.failed + balance.documents_failed + balance.documents_skipped
    tally.pages += balance.ok
    tally.reread_pages += answers.total() - len(answers)


def _num_doubled(db: Database, run_id: str) -> int:
    counted = select(func.count(), func.count(RECORDS.c.document_id.distinct())).where(RECORDS.c.run_id == run_id)
    with db.reading() as transaction:
        num_records, num_documents = transaction.execute(counted).one()
    return int(num_records - num_documents)


def main() -> int:
    """Soak until enough was killed and print the JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--database", default="")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of its own")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    # That a lease is lost is what this is about, and not worth a line each time.
    logging.disable(logging.WARNING)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        database = asked.database or f"sqlite:///{Path(folder) / 'soak.db'}"
        server = None
        if asked.postgres:
            from tests.servers.own_postgres import OwnPostgres

            server = OwnPostgres(Path(folder))
            database = server.url
        soak(
            tally,
            database,
            Path(folder),
            num_kills=asked.kills,
            num_documents=asked.documents,
            seed=asked.seed,
            server=server,
        )
        if server is not None:
            server.close()
    sys.stdout.write(json.dumps(asdict(tally)) + "\n")
    return 0 if tally.is_ok else 1


if __name__ == "__main__":
    sys.exit(main())
