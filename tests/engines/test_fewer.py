"""Answers without the visual tokens of blank paper."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import Blanks, Request
from llava_ocr.engines.fewer import thin
from llava_ocr.engines.prompting import PromptEncoder
from llava_ocr.models.load import LoadedModel
from llava_ocr.tiles.tiled import TiledRaster
from tests.engines.test_local import PAGES, TEXTS, said
from tests.engines.test_slots import engine_of, expected, model_of
from tests.tiny.models import ask


def sparse(seed: int) -> np.ndarray:
    """A white page with a few marks."""
    page = np.full((56, 84, 3), 255, np.uint8)
    for x, y in np.random.default_rng(seed).integers(0, 50, (2, 2)):
        page[y : y + 4, x : x + 4] = 0
    return page


def by_hand(model: LoadedModel, request: Request) -> list[int]:
    """The same by transformers alone: a cache, embeddings without the blank ones, positions with gaps."""
    network, [raster] = model.network, request.rasters
    ids = PromptEncoder(model).encode(request)
    prompt = thin(ids, [raster], image_id=network.config.image_token_id, patches_per_side=4)
    [visual_LD] = engine_of(model)._loop._vision.encode([raster])
    embedded = network.get_input_embeddings()(torch.tensor(prompt.ids))
    embedded[torch.tensor(prompt.ids) == network.config.image_token_id] = visual_LD[torch.from_numpy(prompt.kept_L)]
    said_so_far: list[int] = []
    inputs: dict[str, Any] = {"inputs_embeds": embedded[None], "position_ids": torch.tensor([prompt.positions])}
    while len(said_so_far) < request.max_new_tokens:
        out = network.model.language_model(**inputs, use_cache=True)
        token = int(network.lm_head(out.last_hidden_state[0, -1]).argmax())
        if token == model.tokenizer.eos_token_id:
            break
        said_so_far.append(token)
        inputs = {
            "input_ids": torch.tensor([[token]]),
            "position_ids": torch.tensor([[len(ids) + len(said_so_far) - 1]]),
            "past_key_values": out.past_key_values,
        }
    return said_so_far


@pytest.mark.parametrize("backbone", ["llama", "mistral", "yi"])
@pytest.mark.parametrize("as_grid", [False, True])
def test_answers_are_those_of_transformers_with_gaps_in_the_positions(backbone: str, as_grid: bool) -> None:
    model = model_of(backbone)
    requests = [ask(text, sparse(seed)) for seed, text in enumerate(TEXTS)]
    engine = engine_of(model, max_batch=2, blanks=Blanks.DROP)
    engine._loop._decoder.prefers_grid = as_grid
    with torch.inference_mode():
        wanted = [said(model, by_hand(model, request)) for request in requests]
    completions = engine.complete(requests)
    assert [(one.text, one.trace.ends) for one in completions] == wanted
    whole = [len(PromptEncoder(model).encode(request)) for request in requests]
    assert all(one.num_prompt_tokens < size for one, size in zip(completions, whole, strict=True))


def test_pages_full_of_ink_are_answered_as_ever() -> None:
    engine = engine_of(model_of("llama"), blanks=Blanks.DROP)
    for index, completion in enumerate(engine.complete([ask(TEXTS[index], PAGES[index]) for index in range(4)])):
        assert (completion.text, completion.trace.ends) == expected("llama", index, 24)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 3))
@settings(deadline=None, max_examples=8)
def test_company_order_and_shared_pages_change_nothing(seeds: list[int], num_slots: int) -> None:
    model = model_of("mistral")
    requests = [ask(f"{TEXTS[1]} {number}", sparse(seed)) for number, seed in enumerate(seeds)]
    shared: dict[int, tuple[TiledRaster, ...]] = {}
    requests = [
        replace(one, rasters=shared.setdefault(seed, one.rasters)) for one, seed in zip(requests, seeds, strict=True)
    ]
    together = engine_of(model, max_batch=num_slots, blanks=Blanks.DROP).complete(requests)
    alone = engine_of(model, max_batch=1, blanks=Blanks.DROP)
    assert [one.text for one in together] == [alone.complete([request])[0].text for request in requests]


def test_records_of_such_an_engine_are_told_from_the_usual_ones() -> None:
    model = model_of("llama")
    profiles = [engine_of(model, blanks=blanks).profile for blanks in Blanks]
    assert profiles[0] == model.profile
    assert len({profile.fingerprint for profile in profiles}) == 3
