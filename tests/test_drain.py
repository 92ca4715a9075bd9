"""A worker of its own process: SIGTERM drains it, and what it had not begun is open for others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llava_ocr.db.ledger import Ledger
from llava_ocr.ledger.leases import Ending, ShardState
from llava_ocr.run import ExtractOrder, Run, begin, listed, plan
from llava_ocr.services import open_services
from llava_ocr.settings import Settings
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

ROOT = Path(__file__).parents[1]


def planned(folder: Path, database: str) -> Run:
    """Three shards of eight painted receipts each; for looking only, as its services are closed."""
    source = folder / "documents"
    source.mkdir()
    for seed in range(24):
        (source / f"{seed:02}.pdf").write_bytes(paint_pdf(paint("receipt", seed)))
    order = ExtractOrder(source=str(source), schema_name="receipt", engine="scripted", database=database, shard_size=8)
    with open_services(order.settings(Settings())) as services:
        run = begin(order, services)
        assert len(list(plan(run, listed(order, run.source)))) == 3
    return run


@pytest.mark.slow
def test_sigterm_drains_a_worker(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    run = planned(tmp_path, url)
    command = [
        sys.executable,
        "-m",
        "tests.system.worker",
        "worker",
        "--db",
        url,
        "--engine",
        "scripted",
        "--port",
        "0",
    ]
    environment = os.environ | {"LLAVA_OCR_WORKERS": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as worker:
        ledger = Ledger(run.database)
        deadline = time.monotonic() + 120
        while not any(shard.state is ShardState.LEASED for shard in ledger.shards(run.id)):
            assert time.monotonic() < deadline and worker.poll() is None
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0, (worker.stderr.read() if worker.stderr else b"")[-2000:]
    shards = ledger.shards(run.id)
    assert ShardState.OPEN in {shard.state for shard in shards}
    assert ShardState.LEASED not in {shard.state for shard in shards}
    assert all(shard.num_crashes == shard.num_tries == 0 for shard in shards)
    assert {attempt.ending for attempt in ledger.attempts(run.id)} <= {Ending.RELEASED, Ending.DONE}
    run.database.close()
