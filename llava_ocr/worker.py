"""A long-lived worker: loads the weights once, reads shards of whatever run is open for its engine, drains when told.

It claims from the ledger itself, so any number may run on any machines that reach the database and the documents.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from llava_ocr.db.queries import open_runs
from llava_ocr.errors import CantListen, ConfigError, DatabaseUnavailable, DeviceLost, EngineError
from llava_ocr.ledger.leases import Lease
from llava_ocr.metrics import CONTENT_TYPE, Metrics
from llava_ocr.run import resume
from llava_ocr.services import Services
from llava_ocr.work import claims, work

log = logging.getLogger(__name__)

# How often a worker without work looks for some, and how long it waits after the engine or the database failed.
IDLE_S = 2.0
FAILED_S = 15.0


def serve(services: Services, stop: threading.Event, *, on_stall: Callable[[], None], is_once: bool = False) -> None:
    """Read shards until told to stop; with `is_once` until there is nothing to claim. What is begun is finished."""
    while not stop.is_set():
        try:
            num_claimed = _read_open(services, stop, on_stall=on_stall)
        except DeviceLost:
            # Only a new process has the device again; staying would burn every shard's tries.
            raise
        except (EngineError, DatabaseUnavailable) as error:
            # The ledger has put the shards off by now; others may have them meanwhile.
            log.exception("a shard was put off")
            services.metrics.add_error(error)
            stop.wait(FAILED_S)
            continue
        if is_once and not num_claimed:
            return
        if not num_claimed:
            stop.wait(IDLE_S)


@contextmanager
def reporting(metrics: Metrics, stop: threading.Event, *, host: str, port: int) -> Iterator[int]:
    """Answer `/healthz` and `/metrics` for the length of a `with` block; yields the port, which 0 leaves open.

    With `stop` set the worker drains, and health says that it wants no more work.
    """

    class Handler(BaseHTTPRequestHandler):
        """Health and metrics."""

        def do_GET(self) -> None:
            """Answer one of the two paths."""
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, metrics.text(is_draining=stop.is_set()))
            elif self.path == "/healthz":
                status = HTTPStatus.SERVICE_UNAVAILABLE if stop.is_set() else HTTPStatus.OK
                self._answer(status, "draining\n" if stop.is_set() else "ok\n")
            else:
                self._answer(HTTPStatus.NOT_FOUND, "/healthz or /metrics\n")

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

        def _answer(self, status: HTTPStatus, body: str) -> None:
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise CantListen(f"{host}, port {port}: {error.strerror}") from None
    thread = threading.Thread(target=server.serve_forever, name="reporting", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read_open(services: Services, stop: threading.Event, *, on_stall: Callable[[], None]) -> int:
    """Read what may be claimed of every open run of this engine; returns how many shards that was."""
    num_claimed = 0
    for run_id in open_runs(services.database, services.engine.profile.fingerprint):
        try:
            run = resume(run_id, services)
        except ConfigError as error:
            # Another version's run, or a source that this machine is not set up for; others may be.
            log.warning("the run is left to others: %s", error, extra={"run_id": run_id})
            continue
        leases = _Counted(claims(run))
        # The next shard is claimed and fetched while the engine is busy with the one before.
        work(run, leases, stop=stop, on_stall=on_stall)
        num_claimed += leases.count
        run.ledger.settle(run_id)
        if stop.is_set():
            break
    return num_claimed


class _Counted:
    """Leases, counted as they are taken."""

    def __init__(self, leases: Iterator[Lease]) -> None:
        self._leases, self.count = leases, 0

    def __iter__(self) -> Iterator[Lease]:
        for lease in self._leases:
            self.count += 1
            yield lease
