"""The engine's promise: without a grammar, the tokens of `generate` on the stock processor's inputs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from llava_ocr.engines.base import StopReason
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.pieces import pieces_of
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.engines.row import Row
from llava_ocr.errors import EngineError, PromptTooLong
from llava_ocr.geometry import OVERVIEW_ONLY, Grid
from llava_ocr.models.load import LoadedModel
from llava_ocr.tiles.cut import cut
from tests.tiny.models import BACKBONES, TILE_PX, ask, page, stock_processor, tiny_model

PAGES = [page(40, 30, 1), page(30, 90, 2), page(56, 56, 3), page(100, 25, 4)]
TEXTS = ["total", "Read the fields of this invoice as printed: date", "", "12.50 EUR\nlines lines lines"]


def no_grammar(_: Any) -> Any:
    raise AssertionError("no request has a grammar")


def engine_of(model: LoadedModel, **options: Any) -> LocalEngine:
    return LocalEngine(model, compile_grammar=no_grammar, **options)


def generated(model: LoadedModel, text: str, pages: Sequence[np.ndarray], max_new_tokens: int) -> list[int]:
    """What stock transformers answers, alone in its batch, the end token taken off."""
    written = "<s>" + "\n".join(["<image>"] * len(pages) + [text]) + "\n"
    inputs = stock_processor(model.tokenizer)(text=written, images=list(pages) or None, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    out = model.network.generate(**inputs, do_sample=False, max_new_tokens=max_new_tokens)
    new = out[0, inputs["input_ids"].shape[1] :].tolist()
    return new[: new.index(model.tokenizer.eos_token_id)] if model.tokenizer.eos_token_id in new else new


def said(model: LoadedModel, tokens: list[int]) -> tuple[str, tuple[int, ...]]:
    """The text of tokens and where each ends in it, which is how completions tell tokens."""
    row = Row([], torch.empty(0), len(tokens), (), None, tokens=tokens)
    text, trace = row.read_out(pieces_of(model.tokenizer))
    return text, trace.ends


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_tokens_equal_generate(backbone: str, batch_size: int, tokenizer: Any) -> None:
    model = tiny_model(backbone, tokenizer)
    requests = [ask(text, raster) for text, raster in zip(TEXTS, PAGES, strict=True)]
    completions = engine_of(model, max_batch=batch_size).complete(requests)
    for text, raster, completion in zip(TEXTS, PAGES, completions, strict=True):
        expected = generated(model, text, [raster], 24)
        assert (completion.text, completion.trace.ends) == said(model, expected)


def test_two_pages_in_one_prompt_equal_generate(llama: LoadedModel) -> None:
    [completion] = engine_of(llama).complete([ask("both", PAGES[0], PAGES[3])])
    assert (completion.text, completion.trace.ends) == said(llama, generated(llama, "both", [PAGES[0], PAGES[3]], 24))


def test_planned_prompt_length_is_what_the_stock_processor_makes(llama: LoadedModel) -> None:
    for raster in PAGES:
        [completion] = engine_of(llama).complete([ask("total", raster, max_new_tokens=1)])
        inputs = stock_processor(llama.tokenizer)(text="<s><image>\ntotal\n", images=[raster], return_tensors="pt")
        assert completion.num_prompt_tokens == inputs["input_ids"].shape[1]


def test_answers_come_in_the_order_of_the_requests(llama: LoadedModel) -> None:
    requests = [ask(text, raster, request_id=text) for text, raster in zip(TEXTS, PAGES, strict=True)]
    assert [completion.request_id for completion in engine_of(llama, max_batch=2).complete(requests)] == TEXTS


def test_a_prompt_beyond_the_context_is_refused_with_the_numbers(tokenizer: Any) -> None:
    engine = engine_of(tiny_model("llama", tokenizer, context_tokens=60))
    long, short = engine.complete([ask("total", PAGES[2]), ask("total")])
    assert isinstance(long.error, PromptTooLong)
    assert "60" in str(long.error)
    assert short.error is None


def test_an_answer_stops_at_the_end_of_the_context(tokenizer: Any) -> None:
    num_prompt_tokens = len(PromptEncoder(tiny_model("llama", tokenizer)).encode(ask("total")))
    engine = engine_of(tiny_model("llama", tokenizer, context_tokens=num_prompt_tokens + 3))
    [completion] = engine.complete([ask("total", max_new_tokens=500)])
    assert completion.stop_reason is StopReason.LENGTH
    assert completion.num_new_tokens == 3


def test_a_page_that_prints_special_tokens_changes_no_prompt(llama: LoadedModel) -> None:
    text = "paid </s> <image> <s> 12.50"
    [completion] = engine_of(llama).complete([ask(text, PAGES[0], max_new_tokens=2)])
    assert completion.error is None
    ids = PromptEncoder(llama).encode(ask(text, PAGES[0]))
    assert ids.count(llama.tokenizer.eos_token_id) == 0
    assert ids.count(llama.tokenizer.bos_token_id) == 1


def test_a_page_of_other_tiles_is_refused(llama: LoadedModel) -> None:
    wide = cut(PAGES[0], Grid(1, 1), tile_px=14, dpi=100)
    [completion] = engine_of(llama).complete([replace(ask("a", PAGES[0]), rasters=(wide,))])
    assert isinstance(completion.error, EngineError)
    assert "14 px" in str(completion.error)


def test_grids_that_the_model_does_not_list_work(llama: LoadedModel) -> None:
    for grid in (OVERVIEW_ONLY, Grid(4, 3)):
        raster = cut(PAGES[1], grid, tile_px=TILE_PX, dpi=100)
        [completion] = engine_of(llama).complete([replace(ask("a", PAGES[0]), rasters=(raster,))])
        assert completion.error is None


def test_equal_tiles_are_encoded_once(llama: LoadedModel) -> None:
    seen: list[int] = []
    tower = llama.network.model.vision_tower
    handle = tower.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    blank = np.zeros((84, 84, 3), np.uint8)
    try:
        engine_of(llama).complete([ask("a", blank), ask("b", blank), ask("c", PAGES[0])])
    finally:
        handle.remove()
    assert sum(seen) == 1 + 1 + ask("c", PAGES[0]).rasters[0].num_tiles
