"""A shard as a flow run of its own, and the upkeep flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.shards import ShardOrder, read_one
from flows.upkeep import UpkeepOrder, upkeep
from llava_ocr.db.ledger import Ledger
from llava_ocr.ledger.leases import ShardState
from llava_ocr.run import ExtractOrder, Run, begin, listed, plan
from llava_ocr.services import open_services
from llava_ocr.settings import Settings
from llava_ocr.synth.paint import paint
from llava_ocr.synth.pdf import paint_pdf

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]


def planned(folder: Path) -> Run:
    """Two shards of one painted invoice each; for looking only, as its services are closed."""
    source = folder / "documents"
    source.mkdir()
    for seed in range(2):
        (source / f"{seed}.pdf").write_bytes(paint_pdf(paint("invoice", seed)))
    order = ExtractOrder(
        source=str(source), schema_name="invoice", engine="scripted", database=url(folder), shard_size=1
    )
    with open_services(order.settings(Settings())) as services:
        run = begin(order, services)
        assert len(list(plan(run, listed(order, run.source)))) == 2
    return run


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'records.db'}"


def test_each_shard_is_a_flow_run_and_the_last_closes_the_run(tmp_path: Path) -> None:
    run = planned(tmp_path)
    for shard_index in (0, 1, 1):
        shard = ShardOrder(run_id=run.id, shard_index=shard_index, engine="scripted", database=url(tmp_path))
        assert read_one(shard, return_state=True).is_completed()
    assert run.database.balance(run.id).documents_ok == 2
    assert len(run.ledger.attempts(run.id)) == 2
    run.database.close()


def test_reading_one_shard_loads_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned(tmp_path)

    def all_shards(*_: object) -> None:
        raise AssertionError("all shards of the run")

    monkeypatch.setattr(Ledger, "shards", all_shards)
    shard = ShardOrder(run_id=run.id, shard_index=0, engine="scripted", database=url(tmp_path))
    assert read_one(shard, return_state=True).is_completed()
    with open_services(run.order.settings(Settings())) as services:
        assert begin(run.order, services).id == run.id
    run.database.close()


def test_upkeep_leaves_the_living_alone(tmp_path: Path) -> None:
    run = planned(tmp_path)
    run.ledger.claim(run.id, 0, "elsewhere")
    state = upkeep(UpkeepOrder(database=url(tmp_path)), return_state=True)
    assert state.message == "0 shards freed, 0 runs closed, 0 given up as abandoned"
    assert run.ledger.shards(run.id)[0].state is ShardState.LEASED
    run.database.close()
