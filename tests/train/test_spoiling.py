"""Spoiled guesses: texts of the page, by seed, never for what has no free choice."""

import random

from llava_ocr.grounding.candidates import spans
from llava_ocr.rulebook.answer import guesses
from llava_ocr.schema import leaves, tree
from llava_ocr.synth.paint import paint
from llava_ocr.train.painted import read_page
from llava_ocr.train.spoiling import spoil
from llava_ocr.words.layout import Layout
from schemas.invoice import Invoice

ROOT = tree(Invoice)


def _page(seed: int) -> Layout:
    return read_page(paint("invoice", seed), 0, noise=0.0, rng=random.Random(seed)).layout


def test_spoiled_guesses_stand_on_the_page_and_some_differ() -> None:
    num_changed = 0
    for seed in range(12):
        layout = _page(seed)
        right = guesses(ROOT, layout)
        said = spoil(right, ROOT, layout, spans=spans, rng=random.Random(seed))
        page = " ".join(word.text for word in layout.words)
        changed = {path: text for path, text in said.items() if right.get(path) != text}
        offered = {leaf.path: spans(layout, leaf) for leaf in leaves(ROOT)}
        assert all(text in page or text in offered[path] for path, text in changed.items())
        assert not any("[]" in path for path in changed)
        num_changed += len(changed)
    assert num_changed > 0


def test_the_same_seed_spoils_the_same_guesses() -> None:
    layout = _page(3)
    once, again = (spoil(guesses(ROOT, layout), ROOT, layout, spans=spans, rng=random.Random(1)) for _ in range(2))
    assert once == again
