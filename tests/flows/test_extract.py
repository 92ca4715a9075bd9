"""The flow on real documents, the scripted engine and SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterTypeError
from sqlalchemy import text

from flows.extract import OBSERVER, extract
from llava_ocr.db.queries import list_runs
from llava_ocr.db.session import open_database
from llava_ocr.errors import ConfigError, UnknownSchema
from llava_ocr.ledger.order import NOT_A_DOCUMENT, RunState
from llava_ocr.records import DocumentOutcome
from llava_ocr.run import ExtractOrder, RunEnd
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.pdf").write_bytes(paint_pdf(paint("invoice", seed)))
    return folder


def order(folder: Path, **changes: object) -> ExtractOrder:
    asked = {"source": str(folder), "schema_name": "invoice", "engine": "scripted", "database": database(folder)}
    return ExtractOrder.model_validate(asked | changes)


def database(source: Path) -> str:
    return f"sqlite:///{source.parent / 'records.db'}"


def run(asked: ExtractOrder) -> tuple[State[RunEnd], RunEnd]:
    state = extract(asked, return_state=True)
    summary = state.result(raise_on_failure=False)
    assert isinstance(summary, RunEnd), summary
    return state, summary


def artifact() -> str:
    # Not `Artifact.get`: it sends nulls that Prefect's own server refuses on fastapi 0.151 and later.
    with get_client(sync_client=True) as client:
        found = client.request("GET", "/artifacts/{key}/latest", path_params={"key": "extract-summary"})
    return str(found.json()["data"])


def test_a_run_over_sound_documents_ends_completed_with_a_summary(source: Path) -> None:
    state, summary = run(order(source, shard_size=2))
    assert state.is_completed()
    assert (summary.balance.documents_ok, summary.num_records) == (3, 3)
    assert summary.run_id in artifact()
    assert "**Complete**: 3 documents: 3 ok" in artifact()


def test_failures_are_accounted_for_and_in_the_summary(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAVA_OCR_MAX_PIXELS", "20000000")
    monkeypatch.setenv("LLAVA_OCR_OCR", "never")
    (source / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    small, large = Image.new("1", (100, 100)), Image.new("1", (6000, 6000))
    small.save(source / "pages.tiff", save_all=True, append_images=[large], compression="group4")
    state, summary = run(order(source))
    assert (state.name, summary.state) == ("Failed", RunState.FAILED)
    assert (summary.balance.documents_failed, summary.balance.failed) == (2, 1)
    assert summary.balance.by_reason["PageTooLarge"] == 1
    assert "| failed | 1 |" in artifact()


@pytest.mark.parametrize(
    ("share", "name", "ledger"), [(0.24, "Failed", "failed"), (0.25, "CompletedWithFailures", "complete")]
)
def test_failures_are_complete_only_as_far_as_the_order_allows(
    source: Path, share: float, name: str, ledger: str
) -> None:
    (source / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    state, summary = run(order(source, max_failed_share=share))
    assert (state.name, summary.state.value) == (name, ledger)
    with open_database(database(source)) as opened:
        assert list_runs(opened)[0].state is summary.state


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "Failed"),
        ({"allow_empty": True}, "Completed"),
        ({"is_incremental": True}, "Failed"),
        ({"is_incremental": True, "allow_empty": True}, "Completed"),
    ],
)
def test_a_source_without_documents_fails_unless_that_is_allowed(
    source: Path, changes: dict[str, object], name: str
) -> None:
    asked = order(source, source=str(source / "none-*"), **changes)
    state = extract(asked, return_state=True)
    assert state.name == name
    assert name == "Completed" or "no object there matches" in str(state.message)


def test_nothing_new_is_no_failure(source: Path) -> None:
    for _ in range(2):
        state, summary = run(order(source, is_incremental=True))
        assert (state.name, summary.state) == ("Completed", RunState.COMPLETE)
    assert summary.balance.documents_expected == 0


def test_other_files_are_skipped_with_the_reason_and_are_not_enough(source: Path) -> None:
    (source / "truth.jsonl").write_text('{"id": "1"}')
    (source / "0.json").write_text("{}")
    (source / "_SUCCESS").touch()
    state, summary = run(order(source))
    assert state.name == "Completed"
    assert summary.balance.documents_by_reason == {NOT_A_DOCUMENT: 3}
    assert "3 skipped (3 not a document)" in artifact()
    state, _ = run(order(source, source=str(source / "*.json")))
    assert state.name == "Failed"


def test_an_observer_in_the_same_process_sees_every_document(source: Path) -> None:
    seen: list[DocumentOutcome] = []
    token = OBSERVER.set(seen.append)
    try:
        run(order(source, shard_size=1))
    finally:
        OBSERVER.reset(token)
    assert sorted(Path(outcome.uri).name for outcome in seen) == ["0.pdf", "1.pdf", "2.pdf"]


def test_a_run_that_lost_a_page_is_failed(source: Path) -> None:
    with open_database(database(source)) as opened:
        opened.make_tables()
        losing = "CREATE TRIGGER lose BEFORE INSERT ON pages WHEN NEW.page_index = 0 BEGIN SELECT RAISE(IGNORE); END"
        with opened.writing() as transaction:
            transaction.execute(text(losing))
    state, summary = run(order(source))
    assert state.is_failed()
    assert not summary.balance.is_balanced
    assert "Pages missing" in (state.message or "")
    assert "**Failed**" in artifact()


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"shard_size": 0}, {"sources": "x"}, {"source": ""}])
def test_parameters_of_the_wrong_shape_are_refused_by_name(source: Path, wrong: dict[str, object]) -> None:
    parameters = {"source": str(source), "schema_name": "invoice", "database": database(source)} | wrong
    with pytest.raises(ParameterTypeError, match=next(iter(wrong))):
        extract(parameters)
    assert not (source.parent / "records.db").exists()


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"schema_name": "recipe"}, UnknownSchema, "recipe.*invoice"),
        ({"source": "ftp://there"}, ConfigError, "ftp"),
        ({"database": "mysql://there"}, ConfigError, "mysql"),
    ],
)
def test_an_order_that_cannot_be_met_is_refused_before_anything_is_read(
    source: Path, wrong: dict[str, object], error: type[Exception], says: str
) -> None:
    seen: list[DocumentOutcome] = []
    token = OBSERVER.set(seen.append)
    try:
        with pytest.raises(error, match=says):
            extract(order(source, **wrong))
    finally:
        OBSERVER.reset(token)
    assert not seen


def progress() -> dict[str, object]:
    with get_client(sync_client=True) as client:
        found: dict[str, object] = client.request(
            "GET", "/artifacts/{key}/latest", path_params={"key": "extract-progress"}
        ).json()
    return found


def test_progress_ends_at_the_whole_and_names_no_document(source: Path) -> None:
    _, summary = run(order(source))
    shown = progress()
    assert shown["data"] == 100.0
    assert shown["description"] == f"run {summary.run_id}: 3 of 3 documents ended"


def test_a_summary_says_why_and_what_was_saved(source: Path) -> None:
    (source / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    run(order(source))
    assert "| documents failed or skipped because | count |\n|---|---:|\n| " in artifact()
    assert "0 pages were answered before" in artifact()
    _, summary = run(order(source, force=True))
    assert summary.savings.num_pages == 3
    assert "3 pages were answered before" in artifact()
