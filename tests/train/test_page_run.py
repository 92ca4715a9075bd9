from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from llava_ocr.cli.training import READER, tune
from llava_ocr.errors import ConfigError
from llava_ocr.train.checkpoint import load_checkpoint
from llava_ocr.train.loop import CHECKPOINT_NAME
from llava_ocr.train.page_recipes import PageRecipe, pages_align, pages_learn
from llava_ocr.train.page_run import train_pages
from llava_ocr.train.world import ALONE
from tests.tiny.models import save_tiny, tiny_model
from tests.tiny.tokenizers import tiny_tokenizer


def brief(recipe: PageRecipe, steps: int) -> PageRecipe:
    mix = replace(recipe.mix, max_page_tokens=2500, max_tokens=3200, max_questions=2, shares={"sheet": 1.0})
    lora = replace(recipe.lora, rank=2)
    return replace(recipe, mix=mix, lora=lora, first_layer=1, steps=steps, warmup_steps=1, checkpoint_every_s=0.0)


def folder(path: Path) -> str:
    save_tiny(tiny_model("llama", tiny_tokenizer()), path)
    (path / "chat_template.jinja").write_text("<|im_start|>{{ messages }}")
    return str(path)


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(out / CHECKPOINT_NAME)[1]["model"]


def test_a_run_that_was_broken_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    init = folder(tmp_path / "init")
    recipe = brief(pages_learn(), 3)
    train_pages(ALONE, init, recipe, tmp_path / "whole")
    train_pages(ALONE, init, replace(recipe, steps=1, decay_steps=1), tmp_path / "broken")
    train_pages(ALONE, init, recipe, tmp_path / "broken")
    torch.testing.assert_close(weights(tmp_path / "broken"), weights(tmp_path / "whole"), rtol=0, atol=0)


def test_tuning_begins_with_the_projector_that_was_aligned(tmp_path: Path) -> None:
    init = folder(tmp_path / "init")
    train_pages(ALONE, init, brief(pages_align(), 1), tmp_path / "align")
    still = replace(brief(pages_learn(), 1), lr=0.0, projector_lr=0.0)
    train_pages(ALONE, init, still, tmp_path / "tune", after=tmp_path / "align" / CHECKPOINT_NAME)
    aligned, tuned = weights(tmp_path / "align"), weights(tmp_path / "tune")
    assert all("multi_modal_projector" in name for name in aligned)
    torch.testing.assert_close({name: tuned[name] for name in aligned}, aligned, rtol=0, atol=0)
    assert sum("lora_A" in name for name in tuned) == 7


@pytest.mark.parametrize("given", [{"init": "a"}, {"schemas": Path("a")}, {"data": ["a", "b"]}])
def test_the_reader_is_made_of_a_base_and_one_truth_file_only(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="takes --out"):
        tune(out=tmp_path, recipe=READER, **given)
    assert list(tmp_path.iterdir()) == []
