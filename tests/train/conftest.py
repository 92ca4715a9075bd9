from dataclasses import replace

import pytest
import torch

from llava_ocr.train.corpus import BUSINESS_WORDS
from llava_ocr.train.recipes import Look, Looking, ModelRecipe, StageRecipe, small, tune_small
from llava_ocr.train.tokenizer import train_tokenizer


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """On a busy machine the barriers between threads make tiny shapes a hundred times slower."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer([BUSINESS_WORDS] * 3, num_pieces=1200)


@pytest.fixture
def tiny() -> ModelRecipe:
    return replace(small(), tile_px=28, vision_width=16, vision_layers=1, vision_heads=2, width=128, layers=3, heads=4,
                   mlp_width=64)  # fmt: skip


@pytest.fixture
def brief() -> StageRecipe:
    return replace(
        tune_small(),
        steps=4,
        examples_per_step=2,
        warmup_steps=1,
        decay_steps=2,
        grow_steps=4,
        drill_share=1.0,
        looking=(
            Looking(Look.LINE, layer=0, heads=(3,), weight=0.1),
            Looking(Look.FIELD, layer=1, heads=(0,), weight=0.2),
            Looking(Look.TAG, layer=1, heads=(2,), weight=0.5),
            Looking(Look.GUESS, layer=1, heads=(3,), weight=0.5),
            Looking(Look.POINT, layer=1, heads=(1,), weight=0.5),
            Looking(Look.COPY, layer=2, heads=(0, 1), weight=0.5),
        ),
    )
