import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, LlavaNextForConditionalGeneration, LlavaNextProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

from llava_ocr.models.load import load
from llava_ocr.prompts import IMAGE_MARK
from llava_ocr.schema import tree
from llava_ocr.train.loop import resume, start_as_it_is, train
from llava_ocr.train.pixel_losses import CHARACTERS, measure_reading, reading_losses
from llava_ocr.train.pixel_run import build_reader, train_pixels_from_nothing, train_reading
from llava_ocr.train.reading_data import LessonPainter
from llava_ocr.train.tokenizer import character_tokenizer
from schemas.receipt import Receipt
from tests.train.pixel_shapes import tiny_pixels, tiny_reading

RECIPE = tiny_pixels()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return train_pixels_from_nothing(RECIPE, known={"receipt": tree(Receipt)}, folder=folder, name="tiny")


def lessons(first):
    painter = LessonPainter(RECIPE, tiny_reading())
    return (painter.example(position) for position in itertools.count(first))


def curve(folder):
    return [json.loads(line)[CHARACTERS] for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_a_killed_and_resumed_run_has_the_same_curve(tmp_path):
    pace = replace(tiny_reading().pace, checkpoint_every_s=0.0)

    def started():
        return start_as_it_is(build_reader(RECIPE, character_tokenizer()), pace, reading_losses)

    train(started(), lessons(0), tmp_path / "whole")
    with pytest.raises(StopIteration):
        train(started(), itertools.islice(lessons(0), 2), tmp_path / "killed")
    again = resume(started(), tmp_path / "killed" / "checkpoint.pt")
    train(again, lessons(again.position.examples), tmp_path / "killed")
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")


def test_the_decoder_rests_while_the_tower_learns_to_read(tmp_path):
    reader = build_reader(RECIPE, character_tokenizer())
    before = {name: weight.clone() for name, weight in reader.state_dict().items()}
    train_reading(reader, RECIPE, tiny_reading(), tmp_path)
    changed = {name for name, weight in reader.state_dict().items() if not torch.equal(weight, before[name])}
    assert any("vision_tower" in name for name in changed)
    assert not any("language_model" in name for name in changed)


def test_one_lesson_is_learned_by_heart(tmp_path):
    [lesson] = itertools.islice(lessons(0), 1)
    pace = replace(tiny_reading().pace, steps=25, warmup_steps=5, decay_steps=10, lr=1e-2, embedding_lr=1e-2)
    reader = build_reader(RECIPE, character_tokenizer())
    before = measure_reading(reader, [lesson]).shares()["characters"]
    train(start_as_it_is(reader, pace, reading_losses), itertools.repeat(lesson), tmp_path)
    assert measure_reading(reader, [lesson]).shares()["characters"] > before + 0.3


def test_head_stays_outside_and_stock_classes_load_what_is_shipped(shipped):
    network, found = LlavaNextForConditionalGeneration.from_pretrained(shipped, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(shipped)
    images = LlavaNextImageProcessorPil.from_pretrained(shipped)
    stock = LlavaNextProcessor.from_pretrained(shipped, image_processor=images, tokenizer=tokenizer)
    page = Image.fromarray(np.full((120, 90, 3), 255, np.uint8))
    inputs = stock(images=page, text=f"<s>{IMAGE_MARK}\nRead this page.\n", return_tensors="pt")
    assert network.generate(**inputs, max_new_tokens=3, do_sample=False).shape[1] > inputs["input_ids"].shape[1]


def test_our_engine_gives_it_tiles_and_no_words(shipped):
    loaded = load(str(shipped), precision="fp32", device="cpu")
    assert not loaded.profile.takes_words
    assert loaded.profile.grids == RECIPE.model.grids


def test_both_stages_leave_a_curve(shipped):
    asking = (shipped.parent / "1-asking" / "curve.jsonl").read_text().splitlines()
    assert {"answer", "point", "copy", CHARACTERS} <= set(json.loads(asking[-1]))
    assert len(curve(shipped.parent / "0-reading")) == RECIPE.reading[0].pace.steps
