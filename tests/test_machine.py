"""What the system tells, and what is done where it tells nothing: a folder stands for `/proc`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llava_ocr import machine

PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Process 7, whose thread 7 started 8, which has ended since."""
    for name, text in {
        "self/statm": "500 200 9",
        "7/statm": "90 40 1",
        "7/task/7/children": "8",
        "meminfo": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:   800 kB\n")
    return tmp_path


def test_linux_tells_of_memory_and_processes(proc: Path) -> None:
    assert machine.resident_bytes(proc=proc) == 200 * PAGE
    assert machine.resident_bytes(7, proc=proc) == 40 * PAGE
    assert machine.resident_bytes(8, proc=proc) == 0
    assert machine.address_bytes(proc=proc) == 500 * PAGE
    assert machine.free_memory_bytes(proc=proc) == 800 * 1024
    assert list(machine.descendants(7, proc=proc)) == [8]


def test_without_proc_nothing_fails(tmp_path: Path) -> None:
    nowhere = tmp_path / "none"
    assert machine.resident_bytes(proc=nowhere) > 2**20
    assert machine.resident_bytes(7, proc=nowhere) == 0
    assert machine.address_bytes(proc=nowhere) is None
    assert machine.free_memory_bytes(proc=nowhere) is None
    assert machine.read_proc("self", "stat", proc=nowhere) is None
    assert list(machine.descendants(7, proc=nowhere)) == []
    assert not machine.limit_memory(2**30, proc=nowhere)


def test_a_system_that_binds_no_process_to_cores_gives_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= machine.num_cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.num_cores() == os.cpu_count()


def test_nothing_else_asks_the_system() -> None:
    root = Path(machine.__file__).parent
    asking = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(word in path.read_text("utf-8") for word in ("sched_getaffinity", "RLIMIT_", '"/proc'))
    }
    assert asking == {"machine.py", "owner.py"}
