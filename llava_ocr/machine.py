"""What only some systems tell of a machine or a process, with an answer where they don't. Nothing else asks them.

Linux tells all of it. macOS has no `/proc`, binds no process to cores, and does not hold a process to its memory.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PROC = Path("/proc")


def num_cores() -> int:
    """The cores that this process may run on; all of the machine's where it does not say."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def read_proc(*parts: str | int, proc: Path | None = None) -> str | None:
    """The text of a file below `/proc`; None where there is none: another system, or a process that has ended."""
    try:
        return (proc or PROC).joinpath(*map(str, parts)).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def free_memory_bytes(*, proc: Path | None = None) -> int | None:
    """The memory that programs may still take without others losing theirs; None where nothing tells."""
    lines = (read_proc("meminfo", proc=proc) or "").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def resident_bytes(pid: int | None = None, *, proc: Path | None = None) -> int:
    """A process's resident memory, 0 where it has ended. Without `/proc`: the most that this process ever had."""
    pages = _pages("self" if pid is None else pid, proc)
    if pages:
        return pages[1]
    return _peak_bytes() if pid is None else 0


def descendants(pid: int, *, proc: Path | None = None) -> Iterator[int]:
    """The processes that a process started, and theirs; none where nothing tells."""
    folder = (proc or PROC) / str(pid) / "task"
    for task in sorted(folder.iterdir()) if folder.is_dir() else ():
        for child in (read_proc(pid, "task", task.name, "children", proc=proc) or "").split():
            yield int(child)
            yield from descendants(int(child), proc=proc)


def address_bytes(*, proc: Path | None = None) -> int | None:
    """The address space that this process has taken; None where nothing tells."""
    pages = _pages("self", proc)
    return pages[0] if pages else None


def limit_memory(allowance_bytes: int, *, proc: Path | None = None) -> bool:
    """Let this process take so much more memory, and leave no core file. False where it can't be held to that."""
    taken = address_bytes(proc=proc)
    _lower(resource.RLIMIT_CORE, 0)
    return taken is not None and _lower(resource.RLIMIT_AS, taken + allowance_bytes)


def limit_cpu_time(seconds: float) -> None:
    """End this process once it has computed for so many seconds more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime + seconds), hard))


def _lower(kind: int, limit: int) -> bool:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (limit, limit))
        return True
    return False


def _pages(process: str | int, proc: Path | None) -> list[int]:
    text = read_proc(process, "statm", proc=proc)
    return [int(count) * resource.getpagesize() for count in text.split()] if text else []


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
