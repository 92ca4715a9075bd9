import itertools
import json
from dataclasses import replace

import pytest
import torch

from llava_ocr.grounding.candidates import spans
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import tree
from llava_ocr.train.data import Painter
from llava_ocr.train.loop import resume, schedule, start, train
from llava_ocr.train.losses import losses
from llava_ocr.train.model import build_model, start_copying
from llava_ocr.train.recipes import Look, StageName
from schemas.invoice import Invoice


@pytest.fixture
def make_run(tiny, brief, tokenizer):
    def make(stage=brief):
        model = build_model(tiny, tokenizer, seed=3)
        start_copying(model, tokenizer, stage.looking)
        return start(model, stage)

    return make


@pytest.fixture
def painter(tiny, brief, tokenizer):
    return Painter(tiny, brief, tokenizer, spans=spans, guess=guesses, known={"invoice": tree(Invoice)})


def examples(painter, first):
    return (painter.example(position) for position in itertools.count(first))


def curve(folder):
    return [json.loads(line)["answer"] for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_a_killed_and_resumed_run_has_the_same_curve(make_run, painter, brief, tmp_path):
    always_saving = replace(brief, checkpoint_every_s=0.0)
    train(make_run(always_saving), examples(painter, 0), tmp_path / "whole")
    killed = itertools.islice(examples(painter, 0), 2 * brief.examples_per_step)
    with pytest.raises(StopIteration):
        train(make_run(always_saving), killed, tmp_path / "killed")
    again = resume(make_run(always_saving), tmp_path / "killed" / "checkpoint.pt")
    train(again, examples(painter, again.position.examples), tmp_path / "killed")
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")


def test_align_trains_the_projector_alone(make_run, painter, brief, tmp_path):
    run = make_run(replace(brief, name=StageName.ALIGN))
    before = {name: weight.clone() for name, weight in run.model.state_dict().items()}
    train(run, examples(painter, 0), tmp_path)
    changed = {name for name, weight in run.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed
    assert all("multi_modal_projector" in name for name in changed)


def test_rate_rises_stays_and_falls_to_nothing(brief):
    stage = replace(brief, steps=100, warmup_steps=10, decay_steps=50)
    rates = [schedule(step, stage) for step in range(100)]
    assert rates[0] == 0.1
    assert rates[10] == rates[50] == 1.0
    assert rates[-1] == pytest.approx(0.02)


def test_first_layer_looks_one_token_back(make_run, painter):
    run = make_run()
    run.model.set_attn_implementation("eager")
    example = painter.example(0)
    tokens = torch.from_numpy(example.tokens[example.start :]).long()[None]
    weights = run.model.model.language_model(input_ids=tokens, output_attentions=True).attentions[0][0]
    assert weights[0].diagonal(-1).mean() > 0.9


def test_losses_are_finite_and_counted(make_run, painter, brief):
    parts = losses(make_run().model, painter.example(1), brief)
    assert torch.isfinite(parts.total)
    assert all(0 <= parts.right[name] <= parts.asked[name] for name in parts.parts)
    assert parts.asked[Look.POINT] > 0
