import random

from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.train.noise import misread

WORDS = tuple(Word(f"word{i}", Box(0.1 * (i % 8), 0.02 * (i // 8), 0.1 * (i % 8) + 0.095, 0.02 * (i // 8) + 0.01))
              for i in range(200))  # fmt: skip


def test_every_printed_word_became_something():
    read = misread(WORDS, strength=0.5, rng=random.Random(0))
    assert len(read.became) == len(WORDS)
    assert {index for new in read.became for index in new} == set(range(len(read.words)))


def test_no_noise_changes_no_text():
    read = misread(WORDS, strength=0.0, rng=random.Random(0))
    assert [word.text for word in read.words] == [word.text for word in WORDS]


def test_noise_confuses_splits_and_merges():
    read = misread(WORDS, strength=1.0, rng=random.Random(0))
    owners = [index for new in read.became for index in new]
    assert len(owners) > len(WORDS)
    assert len(set(owners)) < len(owners)
    assert sum(word.text in {w.text for w in WORDS} for word in read.words) < len(read.words) / 2
