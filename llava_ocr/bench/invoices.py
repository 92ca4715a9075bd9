"""Painted invoices and the services to read them with a free engine: what two benchmarks share."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llava_ocr.run import ExtractOrder, Observer, begin, end, ignore, listed
from llava_ocr.services import Services, open_services
from llava_ocr.settings import Settings, override
from llava_ocr.synth.truth_file import write_documents
from llava_ocr.work import read


@contextmanager
def painted_invoices(count: int) -> Iterator[tuple[Path, Services]]:
    """Paint `count` invoices as PDFs into a folder that is gone afterwards, with services over a SQLite file there."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        documents = Path(folder) / "documents"
        deque(write_documents("invoice", count, documents, scans=False), maxlen=0)
        settings = override(Settings(), db=f"sqlite:///{folder}/records.db", engine="scripted")
        with open_services(settings) as services:
            yield documents, services


def read_again(documents: Path, services: Services, *, observe: Observer = ignore, limit: int | None = None) -> None:
    """Read the PDFs of a folder, whether they were read before or not."""
    order = ExtractOrder(source=f"{documents}/**/*.pdf", schema_name="invoice", limit=limit, force=True)
    run = begin(order, services)
    read(run, listed(order, run.source), observe=observe)
    end(run, seconds=0.0)
