"""Whether memory stays flat: resident size of the process and its children over 2,000 pages, engine free."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from llava_ocr.records import DocumentOutcome
from llava_ocr.run import ExtractOrder, begin, end, listed, read
from llava_ocr.services import open_services
from llava_ocr.settings import Settings, override
from llava_ocr.synth.write import write_documents

NUM_DOCUMENTS = 250
NUM_PAGES = 2_000
FIRST_PAGES = 200


def run() -> dict[str, object]:
    """Measure; `growth_percent` is from the first 200 pages to the last, parent and children together."""
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        documents = Path(folder) / "documents"
        write_documents("invoice", NUM_DOCUMENTS, documents, scans=False, seed=0)
        settings = override(Settings(), db=f"sqlite:///{folder}/records.db", engine="scripted")
        with open_services(settings) as services:
            gauge = _Gauge()
            while gauge.num_pages < NUM_PAGES:
                order = ExtractOrder(source=f"{documents}/**/*.pdf", schema_name="invoice", force=True)
                started = begin(order, services)
                read(started, listed(order, started.source), observe=gauge.watch)
                end(started, seconds=0.0)
            return gauge.result()


class _Gauge:
    """Follows resident memory by page count."""

    def __init__(self) -> None:
        self.num_pages = 0
        self.after_first: list[int] = []
        self.highest = 0

    def watch(self, outcome: DocumentOutcome) -> None:
        self.num_pages += len(outcome.pages)
        resident = resident_bytes()
        if FIRST_PAGES <= self.num_pages < 2 * FIRST_PAGES:
            self.after_first.append(resident)
        self.highest = max(self.highest, resident)
        self.last = resident

    def result(self) -> dict[str, object]:
        first = max(self.after_first)
        return {
            "growth_percent": round(100 * (self.last - first) / first, 2),
            "first_mib": round(first / 2**20, 1),
            "last_mib": round(self.last / 2**20, 1),
            "highest_mib": round(self.highest / 2**20, 1),
            "pages": self.num_pages,
        }


def resident_bytes() -> int:
    """Resident memory of this process and all its children, from /proc."""
    return sum(_resident(pid) for pid in _family(os.getpid()))


def _family(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children += [int(child) for child in (task / "children").read_text().split()]
        except FileNotFoundError:
            continue
    return [pid, *(member for child in children for member in _family(child))]


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
