"""Wrong guesses for training, so that a model told what rules read goes on checking it. Pure, random by seed.

On painted pages the rules are wrong in few ways, and a model learns those ways; on real pages they are wrong in others.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from llava_ocr.schema import GroupNode, Kind, LeafNode, leaves
from llava_ocr.train.painted import Spans
from llava_ocr.words.layout import Layout

# In this share of the questions guesses are spoiled, there each of them with `_EACH_SHARE`; of the leaves that rules
# leave alone `_ADDED_SHARE` get a guess.
_QUESTIONS_SHARE, _EACH_SHARE, _ADDED_SHARE = 0.4, 0.3, 0.1
_LONGEST_TEXT = 5


def spoil(
    guesses: Mapping[str, str], root: GroupNode, layout: Layout, *, spans: Spans, rng: random.Random
) -> dict[str, str]:
    """Return the guesses, some of them replaced by other texts of the page that could be the leaf's, some left out."""
    if rng.random() >= _QUESTIONS_SHARE:
        return dict(guesses)
    spoiled: dict[str, str] = {}
    for leaf in leaves(root):
        guess = guesses.get(leaf.path)
        if rng.random() >= (_ADDED_SHARE if guess is None else _EACH_SHARE):
            said = guess
        elif guess is not None and rng.random() < 0.25:
            said = None
        else:
            said = _another(leaf, layout, spans=spans, rng=rng)
        if said is not None:
            spoiled[leaf.path] = said
    return spoiled


def _another(leaf: LeafNode, layout: Layout, *, spans: Spans, rng: random.Random) -> str | None:
    if "[]" in leaf.path or leaf.leaf.kind is Kind.CHOICE:
        return None
    if leaf.leaf.kind is not Kind.TEXT:
        offered = spans(layout, leaf)
        return rng.choice(offered) if offered else None
    segments = [segment.text for line in layout.lines for segment in line.segments]
    words = rng.choice(segments).split(" ") if segments else []
    return " ".join(words[: rng.randint(1, _LONGEST_TEXT)]) or None
