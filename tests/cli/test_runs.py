"""`llava-ocr runs`: what a person sees of the ledger, and what they can do to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llava_ocr.cli.app import app, guarded
from llava_ocr.db.ledger import Ledger
from llava_ocr.db.session import open_database
from llava_ocr.ledger.leases import Ending
from llava_ocr.records import DocumentOutcome
from tests.db.made import ORDER, document, info, outcome, record

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_database(f"sqlite:///{tmp_path}/a.db") as database:
        database.upgrade()
        yield Ledger(database)


@pytest.fixture
def run_id(ledger: Ledger) -> str:
    """One document read, one failed, one open; the shard put off."""
    run_id = ledger.database.start_run(ORDER)
    ledger.cut(run_id, [info(name) for name in ("a.pdf", "b.pdf", "c.pdf")], is_forced=False)
    ledger.close_plan(run_id)
    lease = ledger.claim(run_id, 0, "one")
    assert lease is not None
    bad = DocumentOutcome(info("b.pdf").uri, None, 0, (), reason="StoreDenied", message="no")
    ledger.save(lease, [outcome(document("a.pdf"), record(document("a.pdf"))), bad])
    ledger.hand_back(lease, Ending.PUT_OFF, reason="StoreUnavailable")
    return run_id


@pytest.fixture
def call(ledger: Ledger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("LLAVA_OCR_DB", ledger.database.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "200")

    def runs(*arguments: str) -> tuple[int, str]:
        code = guarded(app, ["runs", *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return runs


def test_runs_are_listed(call: Call, run_id: str) -> None:
    code, told = call("list")
    assert code == 0 and run_id in told and "running" in told
    assert [run["id"] for run in json.loads(call("list", "--json")[1])] == [run_id]


def test_a_run_says_how_it_stands(call: Call, run_id: str) -> None:
    code, told = call("show", run_id)
    assert code == 0
    assert "3 documents: 1 ok, 1 failed" in told and "1 shards: 1 open" in told
    assert "1 put_off (StoreUnavailable)" in told
    facts = json.loads(call("show", run_id, "--json")[1])
    assert facts["balance"]["documents_ok"] == 1 and len(facts["attempts"]) == 1


def test_failures_come_with_a_remedy(call: Call, run_id: str) -> None:
    _, told = call("failures", run_id)
    assert "b.pdf" in told and "StoreDenied" in told and "bucket policy" in told
    [failure] = json.loads(call("failures", run_id, "--json")[1])
    assert failure["reason"] == "StoreDenied"


def test_retrying_opens_what_failed(call: Call, run_id: str, ledger: Ledger) -> None:
    code, told = call("retry", run_id)
    assert (code, "2 documents in 1 shards" in told) == (0, True)
    assert ledger.claim(run_id, 0, "two") is not None


def test_cancelling_leaves_a_balance(call: Call, run_id: str, ledger: Ledger) -> None:
    code, told = call("cancel", run_id)
    assert code == 0 and "1 ok, 1 failed, 1 skipped" in told
    assert ledger.database.balance(run_id).is_balanced
    assert "cancelled" in call("list")[1]


def test_reaping_frees_what_the_dead_of_this_machine_held(call: Call, ledger: Ledger) -> None:
    run_id = ledger.database.start_run(ORDER)
    ledger.cut(run_id, [info("a.pdf")], is_forced=False)
    ledger.claim(run_id, 0, owner_that_ended())
    assert "1 shards freed" in call("reap")[1]


def owner_that_ended() -> str:
    from llava_ocr.owner import this_process

    machine, _, rest = this_process().partition("/")
    return f"{machine}/{rest.partition('/')[0]}/1"


def test_an_unknown_run_is_an_error(call: Call, ledger: Ledger) -> None:
    for command in ("show", "failures", "retry", "cancel"):
        code, told = call(command, "nope")
        assert (code, "no run nope" in told) == (5, True)
