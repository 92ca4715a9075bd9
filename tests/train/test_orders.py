"""The whole way on a tiny llava-v1.6-mistral: align or tune, killed, resumed, in several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from llava_ocr.errors import BadTrainingData, ConfigError
from llava_ocr.models.load import load
from llava_ocr.synth.truth_file import write_documents
from llava_ocr.train.checkpoint import load_checkpoint
from llava_ocr.train.orders import TrainOrder, carry_out
from llava_ocr.train.recipes import StageName
from tests.train.tuned import mistral_folder, write_conversations

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    return mistral_folder(tmp_path_factory.mktemp("init"))


@pytest.fixture
def order(init, tmp_path):
    data = (str(write_conversations(tmp_path)),)
    return TrainOrder(StageName.ALIGN, "align", str(init), tmp_path / "run", data, steps=2)


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["answer"] for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_an_order_ends_in_a_model_and_a_drawing(order):
    model = load(str(carry_out(order)))
    assert model.network.config.text_config.model_type == "mistral"
    assert len(losses(order.out)) == 2
    assert (order.out / "curve.svg").read_text().startswith("<svg")


def test_pages_of_a_truth_folder_and_painted_ones_are_learned_from(order, tmp_path):
    list(write_documents("receipt", 2, tmp_path / "truth", scans=False))
    carry_out(replace(order, data=(f"{tmp_path / 'truth'}=3", "synth:receipt=1"), steps=1))
    assert losses(order.out)[0] > 0


@pytest.mark.slow
def test_two_processes_lose_as_one_does(order, tmp_path):
    carry_out(order)
    carry_out(replace(order, out=tmp_path / "two", num_processes=2))
    assert losses(tmp_path / "two") == pytest.approx(losses(order.out), abs=2e-3)


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_losses(order, tmp_path):
    whole = replace(order, out=tmp_path / "whole", steps=3)
    carry_out(whole)
    program = (
        "from pathlib import Path; from llava_ocr.train import orders, tuning; from dataclasses import replace\n"
        "from llava_ocr.train.recipes import StageName\n"
        "made = orders.TrainOrder.made_recipe\n"
        "orders.TrainOrder.made_recipe = lambda self: replace(made(self), checkpoint_every_s=0.0)\n"
        f"orders.carry_out(orders.TrainOrder(StageName.ALIGN, 'align', {order.init!r}, Path({str(order.out)!r}), "
        f"{order.data!r}, steps=3))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        while not (order.out / "checkpoint.pt").exists():
            assert child.poll() is None, child.returncode
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
    assert 0 < load_checkpoint(order.out / "checkpoint.pt")[0].step <= 3
    carry_out(replace(order, steps=3))
    assert losses(order.out) == losses(whole.out)


def test_another_order_in_the_same_folder_is_refused(order):
    carry_out(replace(order, steps=1))
    with pytest.raises(ConfigError, match="another --out"):
        carry_out(order)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((), "--data FOLDER"),
        (("x.json=much",), "share"),
        (("synth:letter",), "nothing paints"),
        (("a.json",), "a.json"),
    ],
)
def test_an_order_that_cannot_be_met_says_what_to_write(order, data, said):
    with pytest.raises((ConfigError, BadTrainingData), match=said):
        carry_out(replace(order, data=data))


def test_processes_must_share_the_examples_evenly(order):
    with pytest.raises(ConfigError, match="5 processes"):
        carry_out(replace(order, num_processes=5))
