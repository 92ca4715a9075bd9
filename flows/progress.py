"""How far a run is, as a progress artifact of its flow run. Documents are counted, never named."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.patience import NO_ANSWER
from llava_ocr.db.queries import Progress, progress_of
from llava_ocr.errors import DatabaseError
from llava_ocr.run import Run

log = logging.getLogger(__name__)

# How often the ledger is asked: each look counts the run's documents.
EVERY_S = 10.0
KEY = "extract-progress"


@contextmanager
def showing_progress(run: Run, *, every_s: float = EVERY_S) -> Iterator[None]:
    """Keep the artifact up to date for the length of a `with` block, whoever reads the run's shards."""
    artifact_id = create_progress_artifact(0.0, key=KEY, description=f"run {run.id}")
    assert isinstance(artifact_id, UUID), "called outside of any event loop, so this is no coroutine"
    over = threading.Event()

    def keep_up() -> None:
        while not over.wait(every_s):
            _show(run, artifact_id)

    # Prefect's settings are a context variable, which a new thread does not inherit.
    thread = threading.Thread(target=copy_context().run, args=(keep_up,), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _show(run, artifact_id)


def in_words(run_id: str, progress: Progress) -> str:
    """What stands beside the bar."""
    told = f"run {run_id}: {progress.num_ended:,} of {progress.num_documents:,} documents ended"
    return f"{told}, {progress.num_failed:,} failed" if progress.num_failed else told


def _show(run: Run, artifact_id: UUID) -> None:
    """Update the artifact. Nobody's work depends on it, so a server or database that is away is only noted."""
    try:
        progress = progress_of(run.database, run.id)
        update_progress_artifact(artifact_id, progress.percent, description=in_words(run.id, progress))
    except (*NO_ANSWER, DatabaseError) as error:
        log.warning("progress can't be shown: %s", type(error).__name__, extra={"run_id": run.id})
