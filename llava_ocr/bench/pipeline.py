"""How many pages a second everything around the model handles: store, pages, grounding, database; the engine is free.

200 painted invoices of one page or a few, from a local folder into SQLite. Start-up is left out.
"""

from __future__ import annotations

import time

from llava_ocr.bench.invoices import painted_invoices, read_again
from llava_ocr.records import DocumentOutcome, PageState

NUM_DOCUMENTS = 200
# Noise only ever slows a run down, so the best of a few is the machine's own speed.
NUM_ROUNDS = 3


def run() -> dict[str, object]:
    """Measure; `pages_per_s` is the best of `rounds`, `pages` what each was measured on."""
    with painted_invoices(NUM_DOCUMENTS) as (documents, services):
        read_again(documents, services, limit=2 * services.num_workers)
        rounds = []
        for _ in range(NUM_ROUNDS):
            counter = _Counter()
            started, cpu_started = time.perf_counter(), time.process_time()
            read_again(documents, services, observe=counter.add)
            seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
            rounds.append((counter.num_pages / seconds, 1000 * cpu_s / counter.num_pages))
        best, cpu_ms = max(rounds)
        return {
            "pages_per_s": round(best, 1),
            "rounds": [round(rate, 1) for rate, _ in rounds],
            "parent_cpu_ms_per_page": round(cpu_ms, 2),
            "pages": counter.num_pages,
            "documents": NUM_DOCUMENTS,
            "workers": services.num_workers,
        }


class _Counter:
    """Counts pages that came through."""

    def __init__(self) -> None:
        self.num_pages = 0

    def add(self, outcome: DocumentOutcome) -> None:
        self.num_pages += sum(page.state is PageState.OK for page in outcome.pages)
