"""The systemd units are ones that systemd takes, drain as the worker needs it, and may do little."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from llava_ocr.cli.workers import STALLED_EXIT_CODE
from llava_ocr.settings import Settings
from tests.infra.stack import INFRA, units

SERVICES = {name: unit for name, unit in units().items() if name.endswith(".service")}
WORKERS = {name: unit for name, unit in SERVICES.items() if "worker" in name}
EVERY = pytest.mark.parametrize("name", SERVICES)


@EVERY
def test_a_unit_may_do_little(name: str) -> None:
    service = SERVICES[name]["Service"]
    assert service["User"] == "llava-ocr" and service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict" and service["CapabilityBoundingSet"] == ""
    assert ("PrivateDevices" not in service) or (service["PrivateDevices"] == "yes") != ("gpu" in name)


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_drains_and_comes_back_when_it_hung(name: str) -> None:
    service = WORKERS[name]["Service"]
    assert service["Restart"] == "on-failure" and int(service["RestartForceExitStatus"]) == STALLED_EXIT_CODE
    # Only the worker itself is told to stop; the processes that read pages for it are still needed.
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > Settings.model_fields["engine_timeout_s"].default


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"llava-ocr-database.service"}))
def test_nothing_starts_before_the_tables_are_up_to_date(name: str) -> None:
    unit = SERVICES[name]["Unit"]
    assert "llava-ocr-database.service" in unit["After"] and unit["Requires"] == "llava-ocr-database.service"


def test_variables_of_command_lines_are_in_the_example() -> None:
    told = set(re.findall(r"^([A-Z0-9_]+)=", (INFRA / "systemd" / "settings.env.example").read_text(), re.MULTILINE))
    for unit in SERVICES.values():
        assert set(re.findall(r"\$\{(\w+)\}", unit["Service"]["ExecStart"])) <= told


def test_gpu_workers_of_one_host_do_not_want_the_same_port() -> None:
    gpu, cpu = (WORKERS[f"llava-ocr-worker{name}.service"]["Service"]["ExecStart"] for name in ("-gpu@", ""))
    assert "--port 947%i" in gpu and "--port 9464" in cpu


def test_the_timer_starts_upkeep() -> None:
    assert "llava-ocr-upkeep.service" in SERVICES
    assert units()["llava-ocr-upkeep.timer"]["Timer"]["OnUnitActiveSec"] == "5min"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    for name in units():
        text = (INFRA / "systemd" / name).read_text()
        # The product is not installed where the test runs.
        placed = name.replace("@.", "@0.")
        (tmp_path / placed).write_text(re.sub(r"(?<=^ExecStart=)\S+", "/bin/true", text, flags=re.MULTILINE))
    told = subprocess.run(
        [program, "verify", "--man=no", *sorted(str(path) for path in tmp_path.iterdir())],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in told.stderr.splitlines() if "llava-ocr" in line]
    assert ours == [] and told.returncode == 0
