"""How many pages a second everything around the model handles: store, pages, grounding, database; the engine is free.

200 painted one- and two-page invoices from a local folder into SQLite. Start-up (imports, child processes) is left out.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from llava_ocr.records import DocumentOutcome, PageState
from llava_ocr.run import ExtractOrder, begin, end, listed, read
from llava_ocr.services import Services, open_services
from llava_ocr.settings import Settings, override
from llava_ocr.synth.write import write_documents

NUM_DOCUMENTS = 200


def run() -> dict[str, object]:
    """Measure; `pages_per_s` is the figure, `pages` what it was measured on."""
    with tempfile.TemporaryDirectory(prefix="bench-pipeline-") as folder:
        documents = Path(folder) / "documents"
        write_documents("invoice", NUM_DOCUMENTS, documents, scans=False, seed=0)
        settings = override(Settings(), db=f"sqlite:///{folder}/records.db", engine="scripted")
        with open_services(settings) as services:
            _read(documents, services, limit=2 * services.num_workers)
            return _measured(documents, services)


def _measured(documents: Path, services: Services) -> dict[str, object]:
    started, cpu_started = time.perf_counter(), time.process_time()
    num_pages = _read(documents, services, limit=None)
    seconds = time.perf_counter() - started
    return {
        "pages_per_s": round(num_pages / seconds, 1),
        "pages": num_pages,
        "documents": NUM_DOCUMENTS,
        "seconds": round(seconds, 3),
        "parent_cpu_ms_per_page": round(1000 * (time.process_time() - cpu_started) / num_pages, 2),
        "workers": services.num_workers,
    }


def _read(documents: Path, services: Services, *, limit: int | None) -> int:
    """Read the PDFs afresh and return how many pages came through."""
    num_pages = 0

    def observe(outcome: DocumentOutcome) -> None:
        nonlocal num_pages
        num_pages += sum(page.state is PageState.OK for page in outcome.pages)

    order = ExtractOrder(source=f"{documents}/**/*.pdf", schema_name="invoice", limit=limit, force=True)
    run_started = begin(order, services)
    read(run_started, listed(order, run_started.source), observe=observe)
    end(run_started, seconds=0.0)
    return num_pages
