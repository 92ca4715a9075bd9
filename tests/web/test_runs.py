"""Runs on the pages: how far, what failed and where, what a backfill would change; only admins decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from markupsafe import escape
from sqlalchemy import update

from llava_ocr.db.queries import RunSummary, list_runs, summarize_run
from llava_ocr.db.rows import READS, RUNS
from llava_ocr.engines.scripted import ScriptedEngine
from llava_ocr.errors import error_hint
from llava_ocr.ledger.order import ReadState, RunState
from llava_ocr.web.runs_pages import progress_of
from tests.web.conftest import Served, SignIn, read_all, services_over
from tests.web.test_review import field
from tests.web.test_security import ATTACKS, Elements


@pytest.fixture
def staged(served: Served, painted: Path) -> Iterator[str]:
    """A staged run that read nothing in any document."""
    yield stage(served, painted)


def stage(served: Served, painted: Path) -> str:
    again = services_over(served.services.settings.db, ScriptedEngine())
    read_all(again, painted / "in", force=True, is_staged=True)
    again.close()
    return list_runs(served.db, limit=1)[0].id


def test_a_backfill_is_compared_promoted_and_rolled_back(served: Served, staged: str) -> None:
    before = field(served, "invoice_number").value
    assert "Promote this run" in served.client.get(f"/runs/{staged}").text
    told = served.client.get(f"/runs/{staged}/diff").text
    assert "3 documents were read again; 3 of them would change" in told and f"<del>{before}</del>" in told
    assert "values would be lost (100.0%)" in told and "invoice-0.pdf" in told
    refused = served.post(f"/runs/{staged}/promote")
    assert refused.status_code == 400 and "may be lost" in refused.json()["error"]
    assert served.post(f"/runs/{staged}/promote", accept_loss="1").status_code == 303
    page = served.client.get("/records").text
    assert str(before) not in page and "Roll this run back" in served.client.get(f"/runs/{staged}").text
    assert served.post(f"/runs/{staged}/rollback").status_code == 303
    assert str(before) in served.client.get("/records").text


def test_promoting_twice_is_refused_with_a_reason(served: Served, staged: str) -> None:
    served.post(f"/runs/{staged}/promote", accept_loss="1")
    again = served.post(f"/runs/{staged}/promote", accept_loss="1")
    assert again.status_code == 400 and "promoted" in again.json()["error"]


def test_only_an_admin_decides(guarded: Served, sign_in: SignIn, painted: Path) -> None:
    run_id = stage(guarded, painted)
    reviewer = sign_in("reviewer")
    assert guarded.post(f"/runs/{run_id}/promote", reviewer).status_code == 403
    assert "Promote this run" not in reviewer.get(f"/runs/{run_id}").text
    assert guarded.post(f"/runs/{run_id}/promote", sign_in("admin"), accept_loss="1").status_code == 303


def test_failures_say_the_class_what_to_do_and_the_page(served: Served) -> None:
    [run] = list_runs(served.db)
    with served.db.writing() as connection:
        failed = {"state": ReadState.FAILED, "reason": "PageTooLarge", "message": "page 1 is too large"}
        connection.execute(update(READS).values(**failed))
    text = served.client.get(f"/runs/{run.id}").text
    assert "PageTooLarge" in text and "page 1 is too large" in text
    assert error_hint("PageTooLarge") and str(escape(error_hint("PageTooLarge"))) in text


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_runs_say_is_never_markup(served: Served, staged: str, attack: str) -> None:
    with served.db.writing() as connection:
        connection.execute(update(RUNS).values(source=attack, engine=attack))
    pages = [served.client.get(path).text for path in ("/runs", f"/runs/{staged}", f"/runs/{staged}/diff")]
    with served.db.writing() as connection:
        connection.execute(update(READS).values(state=ReadState.FAILED, reason=attack, message=attack))
    pages.append(served.client.get(f"/runs/{staged}").text)
    for text in pages:
        found = Elements()
        found.feed(text)
        assert found.faults == []


def test_a_running_run_asks_again_and_guesses_the_time_left(served: Served) -> None:
    [run] = list_runs(served.db)
    summary: RunSummary = summarize_run(served.db, run.id)
    going = replace(summary.run, state=RunState.RUNNING, finished_at=None)
    half = replace(summary.balance, documents_expected=6)
    found = progress_of(replace(summary, run=going, balance=half), now=going.started_at + timedelta(minutes=10))
    assert (found.num_ended, found.num_expected) == (3, 6) and found.left == "about 10 minutes left"
    assert found.pages_per_minute == pytest.approx(summary.balance.ok / 10)
    with served.db.writing() as connection:
        connection.execute(update(RUNS).values(state=RunState.RUNNING, finished_at=None))
    assert "every 5s" in served.client.get(f"/runs/{run.id}").text
    assert progress_of(summary, now=datetime.now(UTC)).left == ""
