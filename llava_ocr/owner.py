"""Who holds a lease: a process, named so that its own machine can tell whether it is still there."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from llava_ocr.machine import read_proc


@cache
def this_process() -> str:
    """Name this process; no other, on this machine or another, before or after, has the same name."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(owner: str) -> bool:
    """Whether `owner` was a process of this machine that has ended. Of other machines nothing is known."""
    machine, _, rest = owner.partition("/")
    pid, _, started = rest.partition("/")
    return machine == _machine() and pid.isdecimal() and _started(int(pid)) != started


@cache
def _machine() -> str:
    """Name this machine since its start; two containers on it are two, because process ids differ between them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        return f"{socket.gethostname()[:40]}-{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return f"{socket.gethostname()[:40]}-unknown"


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty where it has ended or nothing tells."""
    stat = read_proc(pid, "stat")
    if stat is None:
        return "" if read_proc("self", "stat") else "unknown"
    # The name stands in brackets and may itself hold any character; state and start time come after.
    state, *numbers = stat.rpartition(")")[2].split()
    return "" if state == "Z" else numbers[18]
