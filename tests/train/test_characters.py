import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.train.characters import CharacterHead, Reading, character_loss
from llava_ocr.train.patch_truth import IGNORED, NOTHING, PatchTruth
from llava_ocr.train.pixel_recipes import CharacterRecipe

RECIPE = CharacterRecipe("abc", slots=2, blank_weight=0.1)
CLASSES = np.array([[[1, 2], [3, NOTHING], [NOTHING, IGNORED], [IGNORED, IGNORED]]])


def scores_for(classes_TPS, sure=20.0):
    """Scores that say `classes`, and nothing where they are ignored."""
    said = torch.from_numpy(np.where(classes_TPS == IGNORED, NOTHING, classes_TPS))
    return sure * torch.nn.functional.one_hot(said, RECIPE.num_classes).float()


def truth_of(classes_TPS, height_px=13.0):
    heights = np.where(classes_TPS > NOTHING, height_px, 0).astype(np.float32)
    return PatchTruth(classes_TPS, heights, np.empty(0, np.int64))


def test_classes_are_one_more_than_the_alphabet():
    assert RECIPE.num_classes == 4
    assert [RECIPE.class_of(char) for char in "abc?"] == [1, 2, 3, None]


def test_head_scores_every_slot_of_every_patch():
    assert CharacterHead(8, RECIPE)(torch.zeros(3, 5, 8)).shape == (3, 5, 2, 4)


def test_the_truth_costs_nothing_and_all_of_it_is_right():
    told = character_loss(scores_for(CLASSES), torch.from_numpy(CLASSES), RECIPE)
    assert told.total < 1e-3
    assert (told.num_right, told.num_printed) == (3, 3)


def test_ignored_slots_cost_nothing():
    ignored = torch.full((1, 4, 2), IGNORED)
    assert character_loss(torch.randn(1, 4, 2, 4), ignored, RECIPE).total == 0


def test_an_empty_patch_counts_a_tenth_of_a_character():
    wrong = scores_for(np.ones_like(CLASSES))
    one_letter = np.array([[[2, IGNORED]] + [[IGNORED, IGNORED]] * 3])
    one_blank = np.array([[[NOTHING, IGNORED]] + [[IGNORED, IGNORED]] * 3])
    letter, blank = (character_loss(wrong, torch.from_numpy(each), RECIPE).total for each in (one_letter, one_blank))
    assert blank / letter == pytest.approx(0.1)


def test_reading_counts_by_height():
    reading = Reading.empty()
    said = CLASSES.copy()
    said[0, 0, 1] = 3
    reading.add(scores_for(said), truth_of(CLASSES, 13.0))
    reading.add(scores_for(CLASSES), truth_of(CLASSES, 20.0))
    shares = reading.shares()
    assert shares["12-15 px"] == pytest.approx(2 / 3)
    assert shares["18-24 px"] == 1.0
    assert shares["characters"] == pytest.approx(5 / 6)
    assert shares["patches"] == pytest.approx(3 / 4)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_loss_and_reading_agree_on_what_is_right(seed):
    rng = np.random.default_rng(seed)
    classes = rng.choice([IGNORED, 0, 1, 2, 3], (2, 4, 2))
    scores = torch.from_numpy(rng.normal(size=(2, 4, 2, 4)))
    told = character_loss(scores, torch.from_numpy(classes), RECIPE)
    reading = Reading.empty()
    reading.add(scores, truth_of(classes))
    assert told.num_right == reading.right.sum()
    assert told.num_printed == reading.printed.sum()
