"""What `bench masks` says."""

import pytest

from llava_ocr.bench.masks import BATCH, run

pytestmark = pytest.mark.slow


def test_trying_the_favourite_is_cheaper_than_making_every_mask() -> None:
    figures = run(num_tokens=1000)
    assert (figures["batch"], figures["vocabulary"]) == (BATCH, 1000)
    assert float(str(figures["tried_ms"])) < float(str(figures["every_mask_ms"]))
    assert float(str(figures["tokens_per_choice"])) > 1
