"""How long the list of records takes over a million records: one line a page or export, server time in milliseconds.

Runs over a SQLite file of its own, or over `db`, an empty database that is filled. Requests go through the whole
application (guard, templates), in this process. `ms` is the median of several requests, `worst_ms` the slowest;
`cpu_ms` is this process's own time, which neighbours can't spoil. SQLite works in it, PostgreSQL does not.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from llava_ocr.db.csv_export import CsvColumns
from llava_ocr.db.export import export_records
from llava_ocr.db.made_records import NUM_EXPORTED, NUM_RECORDS, fill
from llava_ocr.db.session import Database, open_database
from llava_ocr.files import FileFormat
from llava_ocr.services import Services
from llava_ocr.settings import Settings, override
from llava_ocr.web.app import create_app
from llava_ocr.web.opening import open_site
from schemas.invoice import Invoice

REPEATS = 7
GOAL_MS, EXPORT_GOAL_S = 200.0, 5.0

COUNTS = "/records/facets"
# What analysts do, by address.
PAGES = {
    "first page": "/records",
    "counts and totals": COUNTS,
    "counts of a month": "/records/facets?month=2026-03&status=to_check",
    "counts of a name": "/records/facets?party=Party+00007",
    "counts of a search": "/records/facets?q=brass",
    "by amount": "/records?sort=amount",
    "least sure first": "/records?sort=confidence",
    "one month": "/records?month=2026-03",
    "one month by amount": "/records?month=2026-03&sort=amount",
    "rare status": "/records?status=conflict",
    "one name": "/records?party=Party+00007",
    "one run": "/records?run={run_id}",
    "search a word": "/records?q=brass",
    "search a number": "/records?q=N-0765432",
    "search words in order": "/records?q=%22brass+hinge%22",
    "search nothing": "/records?q=zzzzz",
    "page 10,000": "/records?after=500000~500000",
    "review": "/review",
    "api list": "/api/v1/records?limit=100",
    "api totals": "/api/v1/records/totals?schema=invoice",
}


def run(db: str | None = None) -> Iterator[dict[str, object]]:
    """Fill a database with a million records, a hundred thousand of them with fields; ask for pages, then export."""
    with _filled(db) as (services, fill_s):
        dialect = services.database.engine.dialect.name
        yield {"what": "fill", "database": dialect, "s": round(fill_s, 1), "num_records": NUM_RECORDS}
        with open_site(services, hosts=frozenset({"testserver"})) as site, TestClient(create_app(site)) as client:
            run_id = client.get("/api/v1/runs").json()[7]["id"]
            yield {"what": "counts, first time", "database": dialect, **_asked(client, COUNTS, repeats=1)}
            for what, address in PAGES.items():
                asked = _asked(client, address.format(run_id=run_id))
                yield {"what": what, "database": dialect, **asked, "goal_ms": GOAL_MS}
        for name, columns in (("export", CsvColumns()), ("export with evidence", CsvColumns(has_evidence=True))):
            yield {"what": name, "database": dialect, **_exported(services.database, columns)}


@contextmanager
def _filled(url: str | None) -> Iterator[tuple[Services, float]]:
    with tempfile.TemporaryDirectory(prefix="llava-ocr-bench-") as folder:
        place = url or f"sqlite:///{Path(folder) / 'records.db'}"
        services = Services(override(Settings(), db=place, engine="scripted"))
        started = time.perf_counter()
        with open_database(place) as database:
            database.upgrade()
            fill(database, services.catalog, Invoice)
        try:
            yield services, time.perf_counter() - started
        finally:
            services.close()


def _asked(client: TestClient, address: str, *, repeats: int = REPEATS) -> dict[str, object]:
    times_ms, cpu_times_ms = [], []
    for _ in range(repeats):
        started, started_cpu = time.perf_counter(), time.process_time()
        answer = client.get(address)
        times_ms.append((time.perf_counter() - started) * 1_000)
        cpu_times_ms.append((time.process_time() - started_cpu) * 1_000)
        assert answer.status_code == 200, (address, answer.status_code)
    ms, worst_ms, cpu_ms = statistics.median(times_ms), max(times_ms), statistics.median(cpu_times_ms)
    return {"ms": round(ms, 1), "worst_ms": round(worst_ms, 1), "cpu_ms": round(cpu_ms, 1)}


def _exported(db: Database, columns: CsvColumns) -> dict[str, object]:
    out = io.BytesIO()
    started, started_cpu = time.perf_counter(), time.process_time()
    count = export_records(db, Invoice, format=FileFormat.CSV, out=out, columns=columns)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
    assert count == NUM_EXPORTED, count
    figures = {"num_records": count, "s": round(seconds, 2), "cpu_s": round(cpu_s, 2), "goal_s": EXPORT_GOAL_S}
    return {**figures, "size_bytes": out.tell()}
