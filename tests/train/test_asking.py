import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.pack import pack
from llava_ocr.geometry import Grid, Size
from llava_ocr.grounding.candidates import spans
from llava_ocr.prompts import WORDS_HEADING, PromptForm, ask_for_record
from llava_ocr.schema import leaves, tree
from llava_ocr.synth.paint import paint
from llava_ocr.train.asking_data import AskingPainter
from llava_ocr.train.bands import cut_band
from llava_ocr.train.patch_looks import visual_tokens
from llava_ocr.train.patch_truth import NOTHING, print_of
from llava_ocr.train.pixel_recipes import pixels
from llava_ocr.train.recipes import Look
from llava_ocr.train.tokenizer import character_tokenizer
from schemas.receipt import Receipt
from tests.train.pixel_shapes import tiny_asking, tiny_pixels

RECIPE = tiny_pixels()
TOKENIZER = character_tokenizer()
NUM_VISUAL_START = 1


def painter_of(recipe=RECIPE, stage=None):
    return AskingPainter(recipe, stage or tiny_asking(), TOKENIZER, spans=spans, known={"receipt": tree(Receipt)})


@pytest.fixture(scope="module")
def asked():
    """Clean bands at full size, so that every character has its patch."""
    recipe = pixels()
    stage = replace(tiny_asking(), worn_share=0.0)
    painter = painter_of(recipe, replace(stage, pace=replace(stage.pace, grow_steps=1000)))
    return [painter.example(position) for position in range(6)]


def test_a_position_is_the_same_example_every_time():
    one, two = (painter_of().example(2) for _ in range(2))
    assert (one.example.tokens == two.example.tokens).all()
    assert (one.raster.tiles_NHWC == two.raster.tiles_NHWC).all()


def test_no_words_stand_in_the_prompt(asked):
    for each in asked:
        user = TOKENIZER.decode(each.example.tokens[: each.example.start])
        assert WORDS_HEADING not in user


def test_every_visual_token_has_its_place(asked):
    image_id = TOKENIZER.convert_tokens_to_ids("<image>")
    for each in asked:
        features = torch.zeros(each.raster.num_tiles + 1, 24**2, 4)
        packed = pack(features, torch.zeros(4), grid=each.raster.grid, size=each.raster.unpad_size)
        assert (each.example.tokens == image_id).sum() == len(packed)


def test_the_answer_is_json(asked):
    for each in asked:
        json.loads(TOKENIZER.decode(each.example.tokens[each.example.start : -1]))


def test_copying_looks_at_a_patch_that_shows_the_character(asked):
    alphabet, num_looks = pixels().characters.alphabet, 0
    for each in asked:
        shown = text_by_visual_token(each, alphabet)
        for query, source in pairs(each.example, Look.COPY):
            char = TOKENIZER.decode([each.example.tokens[query + 1]])
            if source and char != '"':
                num_looks += 1
                assert char in shown[source - NUM_VISUAL_START]
    assert num_looks > 20


def text_by_visual_token(asked, alphabet):
    """What each packed visual token shows, by packing the numbers of the patches themselves."""
    num_tiles, num_patches, _ = asked.truth.classes_TPS.shape
    numbers = torch.arange(-num_patches, num_tiles * num_patches).float().view(num_tiles + 1, num_patches, 1)
    packed = pack(numbers, torch.tensor([-1.0]), grid=asked.raster.grid, size=asked.raster.unpad_size)[:, 0].long()
    classes = asked.truth.classes_TPS.reshape(-1, asked.truth.classes_TPS.shape[-1])
    return [
        "" if patch < 0 else "".join(alphabet[number - 1] for number in classes[patch] if number > NOTHING)
        for patch in packed.tolist()
    ]


def pairs(example, look):
    looks = example.looks[look]
    return zip(looks.query.tolist(), looks.source.tolist(), strict=True)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(10, 300), st.integers(10, 300))
def test_visual_tokens_are_where_pack_puts_them(rows, cols, width, height):
    grid, size, side = Grid(rows, cols), Size(width, height), 4
    num_patches = rows * cols * side**2
    numbers = torch.arange(-(side**2), num_patches).float().view(-1, side**2, 1)
    packed = pack(numbers, torch.tensor([-1.0]), grid=grid, size=size)[:, 0].long().tolist()
    tokens = visual_tokens(np.arange(num_patches), grid=grid, size=size, side=side)
    for patch, token in enumerate(tokens.tolist()):
        assert packed[token] == patch if token >= 0 else patch not in packed


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 3), st.floats(0, 0.8), st.floats(0.05, 0.2))
def test_a_band_keeps_whole_lines_and_their_values(seed, y0, height):
    document = paint("receipt", seed)
    page = document.pages[0]
    printed = [value for value in document.printed if value.page_index == 0]
    band = cut_band(page, printed, y0=y0, y1=y0 + height)
    assert set(print_of(band.page).text) <= set(print_of(page).text)
    assert all(word.box.y0 >= 0 and word.box.y1 <= 1 for word in band.page.words)
    for value in band.printed:
        assert "".join(value.text.split()) in "".join(band.page.words[index].text for index in value.words)


def test_bands_grow_to_pages():
    stage = tiny_asking()
    late = replace(stage, pace=replace(stage.pace, max_tokens=100_000))
    heights = [painter_of(stage=late).example(position).raster.size.height for position in (0, 1000)]
    assert heights[0] < heights[1]


def test_labels_are_all_told_where_the_page_s_words_are_not_known():
    root = tree(Receipt)
    asked_lines = ask_for_record(root, None, form=PromptForm.FIND).user.split("\n")
    assert len(list(itertools.chain(leaves(root)))) == len(asked_lines) - 2
