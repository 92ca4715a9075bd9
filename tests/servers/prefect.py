"""A real Prefect server with the product's deployments, and processes that work for it; all gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.seaweed import free_ports

ROOT = Path(__file__).parents[2]
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
}


@dataclass
class PrefectServer:
    """Starts programs that know of it; each writes its output to a file of its name in `folder`."""

    folder: Path
    port: int
    settings: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def environment(self) -> dict[str, str]:
        free = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LLAVA_OCR_"))}
        home = {"PREFECT_HOME": str(self.folder / "home"), "PREFECT_API_URL": self.api}
        here = {
            "LLAVA_OCR_ROOT": str(ROOT),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "PYTHONWARNINGS": "ignore",
        }
        return free | QUIET | home | here | self.settings

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )
        self.processes[name] = process
        return process

    def run(self, name: str, *command: str) -> None:
        assert self.start(name, *command).wait(180) == 0, self.log(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def serve(self) -> None:
        self.start(
            "server", "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port), "--no-ui"
        )
        until(self.answers, timeout_s=180, what=lambda: self.log("server"))

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.api}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.processes.pop(name)
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(is_so: Callable[[], bool], *, timeout_s: float, what: Callable[[], str], every_s: float = 0.2) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, what()
        time.sleep(every_s)


@contextmanager
def serving_prefect(folder: Path, settings: dict[str, str]) -> Iterator[PrefectServer]:
    """A server that has the product's pools, limits, automations and deployments."""
    [port] = free_ports(1)
    server = PrefectServer(folder, port, settings)
    try:
        server.serve()
        server.run("setup", "-m", "flows.setup", "--gpus", "2")
        server.run("deploy", "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "infra/prefect.yaml")
        yield server
    finally:
        for name in list(server.processes):
            server.stop(name)
