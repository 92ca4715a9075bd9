"""Runs: how far each is, what failed and on which page; what a backfill would change, promoting it and rolling back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from llava_ocr import backfill
from llava_ocr.db.browse import records_of
from llava_ocr.db.queries import Failure, RunSummary, list_failures, list_runs, summarize_run
from llava_ocr.db.staging import MAX_LOST_SHARE, Diff
from llava_ocr.errors import error_hint
from llava_ocr.ledger.order import RunState, Stage
from llava_ocr.review.people import Role
from llava_ocr.web.forms import Form
from llava_ocr.web.render import fragment, page
from llava_ocr.web.state import Admin, Site, TheSession, TheSite

router = APIRouter()

RunId = Annotated[str, Path(max_length=32)]
MAX_RUNS = 100
MAX_FAILURES = 500
_MINUTE_S, _HOUR_S = 60, 3_600


@dataclass(frozen=True)
class Progress:
    """How far a run is. `left_s` is a guess from its pace so far, None where there is nothing to guess from."""

    num_ended: int
    num_expected: int
    pages_per_minute: float | None
    left_s: float | None

    @property
    def left(self) -> str:
        """The time left in words, empty where nobody can tell."""
        if self.left_s is None:
            return ""
        if self.left_s >= _HOUR_S:
            return f"about {self.left_s / _HOUR_S:.1f} hours left"
        return f"about {max(1, round(self.left_s / _MINUTE_S))} minutes left"


@dataclass(frozen=True)
class FailureClass:
    """What failed for one reason, and what can be done."""

    reason: str
    hint: str
    failures: tuple[Failure, ...]


@router.get("/runs")
def runs(request: Request, site: TheSite) -> Response:
    """List the newest runs."""
    return page(request, "runs.html", runs=list_runs(site.db, limit=MAX_RUNS))


@router.get("/runs/{run_id}")
def run(request: Request, run_id: RunId, site: TheSite, session: TheSession) -> Response:
    """Show a run's accounts and what failed, by class."""
    context = _told(site, run_id)
    return page(
        request, "run.html", max_lost_share=MAX_LOST_SHARE, may_decide=session.person.role.may(Role.ADMIN), **context
    )


@router.get("/runs/{run_id}/progress")
def progress(request: Request, run_id: RunId, site: TheSite) -> Response:
    """Show only how far a run is; pages of running runs ask every few seconds."""
    return fragment(request, "run_progress.html", **_told(site, run_id))


@router.get("/runs/{run_id}/diff")
def difference(request: Request, run_id: RunId, site: TheSite) -> Response:
    """Show which cells promoting a staged run would change."""
    found = backfill.diff(site.db, run_id)
    return fragment(request, "run_diff.html", diff=found, names=changed_names(found), record_ids=_records(site, found))


@router.post("/runs/{run_id}/promote")
def promote(run_id: RunId, form: Form, site: TheSite, person: Admin) -> Response:
    """Make what a run staged current, all at once; what loses much only with consent."""
    limit = None if form.get("accept_loss") else MAX_LOST_SHARE
    backfill.promote(site.db, run_id, who=person.name, max_lost_share=limit)
    return RedirectResponse(f"/runs/{run_id}", status_code=303)


@router.post("/runs/{run_id}/rollback")
def roll_back(run_id: RunId, site: TheSite, person: Admin) -> Response:
    """Bring back what was current before a promotion."""
    backfill.rollback(site.db, run_id, who=person.name)
    return RedirectResponse(f"/runs/{run_id}", status_code=303)


def changed_names(found: Diff) -> list[str]:
    """The fields that a diff speaks of, those with most changes first."""
    names = found.same | found.changed | found.gained | found.lost
    return sorted(names, key=lambda name: (-(found.changed[name] + found.gained[name] + found.lost[name]), name))


def progress_of(summary: RunSummary, *, now: datetime) -> Progress:
    """Work out pace and time left from what has ended so far."""
    balance, run = summary.balance, summary.run
    ended = balance.documents_ok + balance.documents_failed + balance.documents_skipped
    seconds = ((run.finished_at or now) - run.started_at).total_seconds()
    pace = 60 * (balance.ok + balance.failed) / seconds if seconds > 0 and balance.ended else None
    is_going = run.state is RunState.RUNNING and 0 < ended < balance.documents_expected
    left_s = seconds * (balance.documents_expected - ended) / ended if is_going else None
    return Progress(ended, balance.documents_expected, pace, left_s)


def by_class(failures: Sequence[Failure]) -> list[FailureClass]:
    """Put failures of one reason together, the commonest first."""
    ranked = Counter(failure.reason for failure in failures).most_common()
    return [
        FailureClass(reason, error_hint(reason), tuple(one for one in failures if one.reason == reason))
        for reason, _ in ranked
    ]


def _told(site: Site, run_id: str) -> dict[str, Any]:
    summary = summarize_run(site.db, run_id)
    failures = list_failures(site.db, run_id, limit=MAX_FAILURES)
    return {
        "summary": summary,
        "progress": progress_of(summary, now=datetime.now(UTC)),
        "by_class": by_class(failures),
        "is_running": summary.run.state is RunState.RUNNING,
        "is_staged": summary.run.stage is Stage.STAGED,
        "is_promoted": summary.run.stage is Stage.PROMOTED,
    }


def _records(site: Site, found: Diff) -> dict[tuple[str, int], int]:
    with site.db.reading() as connection:
        return records_of(connection, [change.document_id for change in found.samples])
