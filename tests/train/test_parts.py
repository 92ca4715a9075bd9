import copy
import itertools
from dataclasses import replace

import pytest
import torch
from transformers import LlavaNextForConditionalGeneration

from llava_ocr.engines.vision import Vision
from llava_ocr.errors import ConfigError
from llava_ocr.models.load import load
from llava_ocr.train.conversations import Conversations, read_conversations
from llava_ocr.train.loop import begin, train
from llava_ocr.train.merged import ship_tuned
from llava_ocr.train.parts import merge_adapters, open_model, optimizer, prepare
from llava_ocr.train.recipes import StageName
from llava_ocr.train.tiled_losses import answer_loss, embed
from llava_ocr.train.tuning import (
    RECIPES,
    align,
    align_linear,
    align_vision,
    recipe_named,
    shortened,
    tune_full,
    tune_full_vision,
    tune_lora,
    tune_qlora,
)
from tests.train.tuned import brief, mistral_folder, tiny_mistral, write_conversations


@pytest.fixture
def talks(tmp_path):
    return write_conversations(tmp_path)


def trained(model, recipe, talks, folder):
    """Train, and return the names of the weights that changed."""
    prepare(model.network, recipe)
    before = {name: weight.detach().clone() for name, weight in model.network.named_parameters()}
    run = begin(model.network, recipe, (optimizer(model.network, recipe),), answer_loss(model))
    source = Conversations(read_conversations(talks), model, path=talks, seed=0)
    train(run, (source.example(n) for n in itertools.count()), folder)
    return {name for name, weight in model.network.named_parameters() if not torch.equal(weight, before[name])}


PROJECTOR, VISION, DECODER, HEAD = ("multi_modal_projector", "vision_tower", "language_model", "lm_head")


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [
        (align(), {PROJECTOR}),
        (align_linear(), {"linear_1"}),
        (align_vision(), {PROJECTOR, VISION}),
        (tune_full(), {PROJECTOR, DECODER, HEAD, "image_newline"}),
        (tune_full_vision(), {PROJECTOR, DECODER, HEAD, VISION, "image_newline"}),
        (tune_lora(), {PROJECTOR, "lora_"}),
    ],
    ids=["align", "align_linear", "align_vision", "tune_full", "tune_full_vision", "tune_lora"],
)
def test_a_recipe_trains_its_parts_and_no_others(recipe, parts, talks, tmp_path):
    changed = trained(tiny_mistral(), brief(recipe, weight_decay=0.01), talks, tmp_path / "run")
    assert all(any(part in name for part in parts) for name in changed)
    assert all(any(part in name for name in changed) for part in parts)


def test_merged_adapters_answer_the_same(talks, tmp_path):
    model = tiny_mistral()
    trained(model, brief(), talks, tmp_path / "run")
    network = model.network.eval()
    tokens = torch.arange(5, 60)[None]
    before = network(input_ids=tokens).logits
    merge_adapters(network)
    assert not any("lora" in name for name, _ in network.named_modules())
    assert torch.allclose(network(input_ids=tokens).logits, before, atol=1e-4)


def test_what_is_shipped_is_what_was_trained_and_loads_in_stock(talks, tmp_path):
    init = mistral_folder(tmp_path / "init")
    recipe = brief()
    model = load(str(init))
    trained(model, recipe, talks, tmp_path / "run")
    ship_tuned(str(init), recipe, tmp_path / "run" / "checkpoint.pt", tmp_path / "model")
    stock = LlavaNextForConditionalGeneration.from_pretrained(tmp_path / "model", dtype=torch.float32)
    tokens = torch.arange(5, 60)[None]
    expected = model.network.eval()(input_ids=tokens).logits
    assert torch.nn.functional.cosine_similarity(stock(input_ids=tokens).logits, expected, dim=-1).min() > 0.995
    assert load(str(tmp_path / "model")).chat == load(str(init)).chat


def test_adapters_learn_what_they_are_shown(talks, tmp_path):
    model = tiny_mistral()
    trained(model, brief(steps=30, decay_steps=1, lr=2e-2), talks, tmp_path / "run")
    lines = (tmp_path / "run" / "curve.jsonl").read_text().splitlines()
    first, last = (float(line.split('"answer": ')[1].split(",")[0]) for line in (lines[0], lines[-1]))
    assert last < 0.7 * first


def test_gradients_pass_through_the_tiles(talks):
    model = tiny_mistral()
    prepare(model.network, brief(replace(align_vision(), saves_memory=False)))
    example = Conversations(read_conversations(talks), model, path=talks, seed=0).example(0)
    vision = Vision(model.network, pixel_mean=model.pixel_mean, pixel_std=model.pixel_std, max_tiles=2)
    embed(model.network, vision, example).sum().backward()
    assert (
        model.network.model.vision_tower.get_parameter(
            next(name for name, _ in model.network.model.vision_tower.named_parameters() if "patch_embedding" in name)
        ).grad
        is not None
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a CUDA device")
def test_four_bits_without_cuda_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(ConfigError, match="tune_lora"):
        open_model(str(tmp_path), tune_qlora())


def test_recipes_go_by_their_stage():
    assert recipe_named("tune_24gb", StageName.TUNE).max_tokens < tune_qlora().max_tokens
    with pytest.raises(ConfigError, match="align_linear"):
        recipe_named("tune_lora", StageName.ALIGN)


@pytest.mark.parametrize("name", RECIPES)
def test_a_shortened_recipe_still_ends_at_a_rate_of_nothing(name):
    recipe = shortened(RECIPES[name](), 20)
    assert recipe.warmup_steps + recipe.decay_steps <= recipe.steps + 1


def test_dropout_is_the_same_after_a_resume(talks, tmp_path):
    first, second = copy.deepcopy(tiny_mistral()), tiny_mistral()
    trained(first, brief(), talks, tmp_path / "a")
    trained(second, brief(), talks, tmp_path / "b")
    assert [line.split('"answer"')[1] for line in (tmp_path / "a" / "curve.jsonl").read_text().splitlines()] == [
        line.split('"answer"')[1] for line in (tmp_path / "b" / "curve.jsonl").read_text().splitlines()
    ]
