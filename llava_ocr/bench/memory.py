"""Whether memory stays flat: resident size of the process and its children over 2,000 pages, engine free."""

from __future__ import annotations

import os

from llava_ocr import machine
from llava_ocr.bench.invoices import painted_invoices, read_again
from llava_ocr.records import DocumentOutcome

NUM_DOCUMENTS = 250
NUM_PAGES = 2_000
FIRST_PAGES = 200


def run() -> dict[str, object]:
    """Measure; `growth_percent` is from the first 200 pages to the last, parent and children together."""
    with painted_invoices(NUM_DOCUMENTS) as (documents, services):
        gauge = _Gauge()
        while gauge.num_pages < NUM_PAGES:
            read_again(documents, services, observe=gauge.watch)
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
    """Resident memory of this process and, where the system tells of them, all its children."""
    return machine.resident_bytes() + sum(map(machine.resident_bytes, machine.descendants(os.getpid())))
