"""The ladder of `bench decode`, climbed with a tiny model."""

import json
from pathlib import Path

import pytest
import torch

from llava_ocr.bench.decode import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def climbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, object]], Path]:
    num_threads = torch.get_num_threads()
    state = tmp_path_factory.mktemp("bench") / "state.json"
    lines = list(run(num_pages=2, shapes="tiny", state=state, max_new_tokens=24))
    torch.set_num_threads(num_threads)
    return lines, state


def test_every_rung_gives_the_answers_of_generate(climbed: tuple[list[dict[str, object]], Path]) -> None:
    lines, _ = climbed
    assert [line["rung"] for line in lines][:2] == ["naive", "padded generate"]
    assert [line["same_answers"] for line in lines[1:5]] == [1.0] * 4
    assert lines[0]["ratio_to_naive"] == lines[1]["ratio_to_padded"] == 1.0


def test_the_engines_rungs_stand_beside_the_physical_model(climbed: tuple[list[dict[str, object]], Path]) -> None:
    for line in climbed[0][2:]:
        granted = line["model_s"]
        assert isinstance(granted, dict)
        assert {*granted} == {"vision", "prefill", "decode"} and min(granted.values()) > 0
        assert float(str(line["of_model"])) > 0 and 0 < float(str(line["device_busy"])) <= 1


def test_blank_paper_left_out_means_fewer_prompt_tokens(climbed: tuple[list[dict[str, object]], Path]) -> None:
    usual, dropped = (int(str(climbed[0][rung]["prompt_tokens"])) for rung in (4, 5))
    assert dropped < usual


def test_each_rung_says_more_a_pass(climbed: tuple[list[dict[str, object]], Path]) -> None:
    rates = [float(str(line["tokens_per_forward"])) for line in climbed[0]]
    assert rates[0] <= 1.0 < rates[1] <= rates[3] <= rates[4]


def test_a_run_goes_on_where_it_was_cut(climbed: tuple[list[dict[str, object]], Path], tmp_path: Path) -> None:
    lines, whole = climbed
    [(key, rungs)] = json.loads(whole.read_text()).items()
    cut = tmp_path / "state.json"
    marked = {name: figures | {"tokens": -1} for name, figures in rungs.items() if name != "slots"}
    cut.write_text(json.dumps({key: marked}))
    again = list(run(num_pages=2, shapes="tiny", state=cut, max_new_tokens=24))
    assert [line["rung"] for line in again] == [line["rung"] for line in lines]
    assert [line["tokens"] == -1 for line in again] == [name != "slots" for name in rungs]
