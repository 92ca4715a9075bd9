"""A document that kills whoever reads it, among others that do not: `python -m tests.faults.killers KIND URL FOLDER`.

Workers are forked, and forked again when they die, until the run is over. Ends in one JSON line.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from llava_ocr import owner
from llava_ocr.db.ledger import Ledger
from llava_ocr.engines.base import Completion, Request
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.ledger.leases import Terms
from llava_ocr.ledger.retries import Retries
from llava_ocr.run import ExtractOrder, begin, listed, plan, resume
from llava_ocr.work import claims, work
from tests.fakes import paper
from tests.runs import FakeServices

# A stall must be longer than the hog takes, on a busy machine too.
TERMS = Terms(lease_s=30.0, renew_s=0.3, stall_s=6.0, hard_s=110.0)
POLICY = Retries(first_delay_s=0.1, max_delay_s=0.3)
NUM_DOCUMENTS, SHARD_SIZE, MAX_DEATHS = 12, 4, 12
STALLED = 70
HOG_BYTES = 100 * 2**20


def loop() -> None:
    while True:
        time.sleep(0.001)


def hog() -> None:
    """Take memory until the kernel has had enough, which here is soon."""
    taken: list[bytearray] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < HOG_BYTES:
        taken.append(bytearray(b"x") * 2**22)
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    ctypes.string_at(0)


KINDS: dict[str, Callable[[], None]] = {"loop": loop, "hog": hog, "crash": crash}


class KillingEngine(ScriptedEngine):
    def __init__(self, kill: Callable[[], None]) -> None:
        super().__init__()
        self._kill = kill

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        if any("killer" in request.prompt.user for request in requests):
            self._kill()
        return super().complete(requests)


def start(database: str, folder: Path) -> str:
    source = folder / "documents"
    source.mkdir()
    for number in range(NUM_DOCUMENTS):
        (source / f"{number:02}.json").write_bytes(paper("killer" if number == 5 else f"harmless {number}"))
    services = FakeServices(database)
    run = begin(ExtractOrder(source=str(source), schema_name="receipt", shard_size=SHARD_SIZE), services)
    list(plan(run, listed(run.order, run.source)))
    services.close()
    return run.id


def work_until_dead(database: str, run_id: str, kind: str) -> None:
    owner.this_process.cache_clear()
    # Whatever becomes of the parent, a worker that loops does not stay.
    signal.alarm(120)
    services = FakeServices(database, engine=KillingEngine(KINDS[kind]), batch_size=1)
    run = resume(run_id, services)
    run = replace(run, ledger=Ledger(services.database, terms=TERMS, policy=POLICY, is_gone=owner.is_gone))
    while run.ledger.wait_s(run.id) is not None:
        work(run, claims(run), on_stall=lambda: os._exit(STALLED))
    services.close()


def main(kind: str, database: str, folder: str) -> None:
    logging.disable(logging.WARNING)
    run_id = start(database, Path(folder))
    deaths: Counter[int] = Counter()
    while deaths.total() < MAX_DEATHS:
        pid = os.fork()
        if not pid:
            try:
                work_until_dead(database, run_id, kind)
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status == 0:
            break
        deaths[os.waitstatus_to_exitcode(status)] += 1
    services = FakeServices(database)
    balance = services.database.finish_run(run_id)
    told = {
        "is_balanced": balance.is_balanced,
        "ok": balance.documents_ok,
        "failed": balance.documents_failed,
        "reasons": dict(balance.documents_by_reason),
        "deaths": dict(deaths),
    }
    services.close()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
