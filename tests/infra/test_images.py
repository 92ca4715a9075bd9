"""Dockerfiles: not root, healthy or not, versions pinned, nothing left behind, no secret inside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from tests.infra.stack import INFRA, ROOT, dockerfiles, instructions

EVERY = pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.name)
IS_HEALTHY = INFRA / "docker" / "is-healthy"


def values(path: Path, name: str) -> list[str]:
    return [rest for one, rest in instructions(path) if one == name]


@EVERY
def test_the_last_user_is_a_number_that_is_not_root(path: Path) -> None:
    after_last_stage = values(path, "USER")[-1]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", after_last_stage)


@EVERY
def test_base_images_are_pinned(path: Path) -> None:
    assert all(re.search(r":\d+\.\d+", image.split()[0]) for image in values(path, "FROM"))


@EVERY
def test_programs_are_started_without_a_shell_so_that_signals_reach_them(path: Path) -> None:
    for name in ("ENTRYPOINT", "CMD"):
        [given] = values(path, name)
        assert isinstance(yaml.safe_load(given), list)
    assert values(path, "STOPSIGNAL") == ["SIGTERM"]


@EVERY
def test_an_image_says_how_to_ask_whether_it_is_well(path: Path) -> None:
    [check] = values(path, "HEALTHCHECK")
    assert "is-healthy" in check and "--start-period" in check


@EVERY
def test_weights_have_a_volume(path: Path) -> None:
    assert "/cache" in yaml.safe_load(values(path, "VOLUME")[0])
    assert any("HF_HOME=/cache/" in line for line in values(path, "ENV"))


@EVERY
def test_what_is_copied_is_there_and_is_let_in(path: Path) -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in values(path, "COPY"):
        if line.startswith("--from"):
            continue
        for source in line.split()[:-1]:
            assert (ROOT / source).exists() and source in let_in, source


@EVERY
def test_pip_keeps_to_the_constraints(path: Path) -> None:
    installs = [line for line in values(path, "RUN") if "pip install" in line]
    assert installs and all("--constraint constraints.txt" in line for line in installs)


@EVERY
def test_no_secret_is_baked_in(path: Path) -> None:
    told = " ".join(values(path, "ENV") + values(path, "ARG"))
    assert not re.search(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|_DB=", told)
    assert "ADD" not in [name for name, _ in instructions(path)]


def test_the_context_lets_nothing_in_that_is_not_named() -> None:
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


@EVERY
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed; it comes for Linux on x86-64 alone")
    told = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert told.stdout == "" and told.returncode == 0


@pytest.mark.parametrize(
    ("path", "host", "status"), [("/well", "", 0), ("/ill", "", 1), ("/named", "me", 0), ("/named", "", 1)]
)
def test_is_healthy_says_so(path: str, host: str, status: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_ok = self.path == "/well" or (self.path == "/named" and self.headers["Host"] == "me")
            self.send_response(200 if is_ok else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}{path}"
        told = subprocess.run([sys.executable, str(IS_HEALTHY), url, *filter(None, [host])], timeout=30, check=False)
        server.shutdown()
        thread.join()
    assert told.returncode == status
