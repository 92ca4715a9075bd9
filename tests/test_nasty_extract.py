"""The ugliest files through the whole of `extract`: no crash, no hang, every page in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from llava_ocr.db.queries import summarize_run
from llava_ocr.records import DocumentOutcome
from llava_ocr.run import ExtractOrder, begin, end, listed
from llava_ocr.services import open_services
from llava_ocr.settings import Settings, override
from llava_ocr.work import read

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "nasty"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not here")
def test_a_run_over_all_nasty_files_balances(tmp_path: Path) -> None:
    settings = override(
        Settings(), db=f"sqlite:///{tmp_path / 'nasty.db'}", engine="scripted", page_timeout_s=6, ocr="never"
    )
    outcomes: list[DocumentOutcome] = []
    with open_services(settings) as services:
        run = begin(ExtractOrder(source=str(FOLDER), schema_name="invoice"), services)
        read(run, listed(run.order, run.source), observe=outcomes.append)
        ended = end(run, seconds=0.0)
        summary = summarize_run(services.database, run.id)
    assert ended.balance.is_balanced, ended.balance.explain()
    assert ended.balance.documents_expected == len(outcomes) >= 733
    assert ended.balance.expected == sum(len(outcome.pages) for outcome in outcomes)
    assert all(outcome.reason or outcome.skipped for outcome in outcomes if not outcome.is_kept and not outcome.pages)
    assert summary.num_records == ended.num_records > 200
