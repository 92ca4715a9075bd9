"""PostgreSQL, S3, a Prefect server, two workers: a schedule fires, one worker is killed, the run ends balanced."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import URL, create_engine, func, select, text

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.queries import RunInfo, list_runs
from llava_ocr.db.rows import RECORDS
from llava_ocr.db.session import Database, open_database
from llava_ocr.ledger.leases import Shard, ShardState
from llava_ocr.ledger.order import RunState
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf
from tests.servers.prefect import PrefectServer, serving_prefect, until
from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY, S3Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("prefect"),
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

NUM_DOCUMENTS, SHARD_SIZE, BUCKET = 40, 5, "whole"
ORDER = {
    "source": f"s3://{BUCKET}/inbox/",
    "schema_name": "receipt",
    "engine": "scripted",
    "shard_size": SHARD_SIZE,
    "is_incremental": True,
}


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    with open_database(postgres_url) as database:
        database.upgrade()
        yield database


@pytest.fixture
def prefect_database(postgres_server: URL) -> Iterator[str]:
    """Prefect's own database: on SQLite its server is locked by itself as soon as the machine is busy."""
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE prefect"))
        of_prefect = postgres_server.set(drivername="postgresql+asyncpg", database="prefect")
        yield of_prefect.render_as_string(hide_password=False)
        connection.execute(text("DROP DATABASE prefect WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def server(tmp_path: Path, postgres_url: str, prefect_database: str, s3_server: S3Server) -> Iterator[PrefectServer]:
    client = s3_server.client()
    with suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
        client.create_bucket(Bucket=BUCKET)
    for seed in range(NUM_DOCUMENTS):
        client.put_object(Bucket=BUCKET, Key=f"inbox/{seed:02}.pdf", Body=paint_pdf(paint("receipt", seed)))
    settings = {
        "LLAVA_OCR_DB": postgres_url,
        "PREFECT_API_DATABASE_CONNECTION_URL": prefect_database,
        "LLAVA_OCR_ENGINE": "scripted",
        "LLAVA_OCR_WORKERS": "1",
        "LLAVA_OCR_S3_ENDPOINT": s3_server.endpoint,
        "LLAVA_OCR_S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    with serving_prefect(tmp_path, settings) as server:
        yield server


def schedule(server: PrefectServer, *, in_s: float) -> None:
    """Give the nightly deployment its source and wake it, and let it fire soon rather than at night."""
    with client_of(server) as client:
        nightly = client.read_deployment_by_name("extract/nightly")
        changed: dict[str, Any] = {"order": ORDER, "pool": "gpu"}
        client.update_deployment(nightly.id, DeploymentUpdate(parameters=changed, paused=False))
        soon = IntervalSchedule(interval=timedelta(days=1), anchor_date=datetime.now(UTC) + timedelta(seconds=in_s))
        client.create_deployment_schedules(nightly.id, [(soon, True)])


def client_of(server: PrefectServer) -> SyncPrefectClient:
    with temporary_settings({PREFECT_API_URL: server.api}):
        return get_client(sync_client=True)


def work_in_pool(server: PrefectServer, name: str) -> int:
    return server.start(name, "-m", "tests.system.worker", "worker", "--pool", "gpu", "--port", "0").pid


def held(database: Database, run: RunInfo) -> list[Shard]:
    return [shard for shard in Ledger(database).shards(run.id) if shard.state is ShardState.LEASED]


def the_run(database: Database, server: PrefectServer) -> RunInfo:
    until(lambda: bool(list_runs(database)), timeout_s=400, what=lambda: server.log("planner") + server.log("server"))
    [run] = list_runs(database)
    return run


def test_a_scheduled_run_outlives_one_of_its_workers(server: PrefectServer, database: Database) -> None:
    victim = work_in_pool(server, "worker-1")
    work_in_pool(server, "worker-2")
    server.start("planner", "-m", "prefect", "worker", "start", "--pool", "extract", "--type", "process")
    # Late enough for the server's scheduler to see it coming, on a busy machine too.
    schedule(server, in_s=45)
    run = the_run(database, server)

    def victim_holds() -> bool:
        return any(f"/{victim}/" in shard.owner for shard in held(database, run))

    until(victim_holds, timeout_s=240, what=lambda: server.log("worker-1") + server.log("planner"), every_s=0.02)
    os.kill(victim, signal.SIGKILL)
    until(
        lambda: list_runs(database)[0].state is not RunState.RUNNING,
        timeout_s=300,
        what=lambda: server.log("worker-2") + server.log("planner"),
    )
    balance = database.balance(run.id)
    assert list_runs(database)[0].state is RunState.COMPLETE, balance.explain()
    assert (balance.documents_expected, balance.documents_ok) == (NUM_DOCUMENTS, NUM_DOCUMENTS)
    owners = {attempt.owner for attempt in Ledger(database).attempts(run.id)}
    assert len(owners) == 2
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(RECORDS)).scalar_one() == NUM_DOCUMENTS
    with client_of(server) as client:
        runs = client.read_flow_runs()
    [planned] = [one for one in runs if "nightly" not in one.name and one.name.startswith("extract")]
    assert planned.auto_scheduled


def children(pid: int) -> list[int]:
    """The processes below one, as the kernel sees them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(stat.parent.name), *children(int(stat.parent.name))]
    return found


def test_a_run_outlives_the_flow_that_hands_it_out_and_a_server_that_is_down_for_a_minute(
    server: PrefectServer, database: Database
) -> None:
    worker = work_in_pool(server, "worker-1")
    planner = server.start("planner", "-m", "prefect", "worker", "start", "--pool", "extract", "--type", "process")
    with client_of(server) as client:
        ad_hoc = client.read_deployment_by_name("extract/ad-hoc")
        client.create_flow_run_from_deployment(ad_hoc.id, parameters={"order": ORDER, "pool": "gpu"})
    run = the_run(database, server)
    until(lambda: bool(held(database, run)), timeout_s=240, what=lambda: server.log("planner"), every_s=0.05)
    # A quick machine would have read everything before the flow is started again, and left it nothing to take up.
    os.kill(worker, signal.SIGSTOP)
    for pid in children(planner.pid):
        os.kill(pid, signal.SIGKILL)

    def goes_on_again() -> bool:
        with client_of(server) as client:
            again = [one for one in client.read_flow_runs() if one.name.startswith("extract")]
        return len(again) == 2 and any(one.state is not None and one.state.is_running() for one in again)

    until(goes_on_again, timeout_s=120, what=lambda: server.log("planner") + server.log("server"))
    server.stop("server", signal.SIGKILL)
    time.sleep(20)
    os.kill(worker, signal.SIGCONT)
    time.sleep(40)
    server.serve()
    until(
        lambda: list_runs(database)[0].state is RunState.COMPLETE,
        timeout_s=400,
        what=lambda: server.log("worker-1") + server.log("planner"),
    )
    assert [found.id for found in list_runs(database)] == [run.id]
    assert database.balance(run.id).documents_ok == NUM_DOCUMENTS
