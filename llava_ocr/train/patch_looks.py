"""Where the answer's attention should look on the tiles: the patch that holds the character to be said next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.geometry import Grid, Size
from llava_ocr.tiles.plan import kept_patches
from llava_ocr.train.examples import Example, Looks
from llava_ocr.train.patch_truth import Print
from llava_ocr.train.questions import Dialogue
from llava_ocr.train.recipes import Look

# G characters of the page


def visual_tokens(place_G: NDArray[np.int64], *, grid: Grid, size: Size, side: int) -> NDArray[np.int64]:
    """Turn patches counted tile by tile into places among a page's packed visual tokens.

    `size` is what the page is unpadded by, `side` the patches along a tile. -1 stays, and is also what padding gets.
    """
    kept = kept_patches(grid, size, side)
    tile, patch = np.divmod(place_G, side**2)
    row = tile // grid.cols * side + patch // side - (grid.rows * side - kept.height) // 2
    col = tile % grid.cols * side + patch % side - (grid.cols * side - kept.width) // 2
    is_kept = (place_G >= 0) & (row >= 0) & (row < kept.height) & (col >= 0) & (col < kept.width)
    return np.where(is_kept, side**2 + row * (kept.width + 1) + col, -1)


def look_at_patches(
    example: Example, dialogue: Dialogue, page: Print, token_G: NDArray[np.int64], *, tokenizer: Any
) -> Example:
    """Add to an example where its answer looks on the page: POINT at a value's first patch, COPY at each next one.

    `dialogue` is the one with words, whose answer is the example's; `token_G` is each character's visual token. A
    character that is no piece of its own, or is in no patch, is left out.
    """
    encoded = tokenizer(dialogue.answer, add_special_tokens=False, return_offsets_mapping=True)
    assert encoded["input_ids"] == example.tokens[example.start : -1].tolist(), "the answer alone has other pieces"
    token_at = {begin: example.start + index for index, (begin, _) in enumerate(encoded["offset_mapping"])}
    point, copy = set(_pairs(example.looks[Look.POINT])), set(_pairs(example.looks[Look.COPY]))
    for start, answered, char in _copied(dialogue, page):
        source, decided = 1 + int(token_G[char]), token_at[start]
        if answered not in token_at or not source:
            continue
        copy.add((token_at[answered] - 1, source))
        if answered == start + 1:
            # Where it is decided that something is said, and where its first character is.
            point.update(((decided - 1, source), (decided, source)))
            copy.add((decided - 1, source))
    return replace(example, looks=example.looks | {Look.POINT: _looks(point), Look.COPY: _looks(copy)})


def _copied(dialogue: Dialogue, page: Print) -> Iterator[tuple[int, int, int]]:
    """Yield for each character that is copied: where its leaf begins in the answer, where it stands there, which of the
    page's characters it is."""
    begins = sorted((start, word) for word, start in dialogue.words.items())
    first_of = np.searchsorted(page.word_G, np.arange(len(begins) + 1))
    for said in dialogue.said:
        for copy in said.copies:
            answer = dialogue.answer[copy.answer : copy.answer + copy.length]
            for source in copy.sources:
                start, word = begins[bisect_right(begins, (source, len(begins))) - 1]
                first = int(first_of[word]) + source - start
                # What JSON escapes reads otherwise in the answer.
                if page.text[first : first + copy.length] == answer:
                    for offset in range(copy.length):
                        yield said.start, copy.answer + offset, first + offset


def _pairs(looks: Looks) -> Iterator[tuple[int, int]]:
    return zip(looks.query.tolist(), looks.source.tolist(), strict=True)


def _looks(pairs: set[tuple[int, int]]) -> Looks:
    ordered = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    return Looks(ordered[:, 0], ordered[:, 1])
