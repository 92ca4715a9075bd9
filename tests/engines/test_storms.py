"""Everything at once: grammars, guesses true and false, short memory, failing passes. Answers stay what they are."""

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.engines.base import Request
from llava_ocr.engines.slots import Tally
from tests.engines.test_local import PAGES, TEXTS
from tests.engines.test_slots import engine_of, model_of, slips
from tests.tiny.models import ask

NUM_SLIPS = 4


def questions() -> list[Request]:
    """Slips under a grammar, and free answers, under names of their own."""
    free = [ask(TEXTS[index], PAGES[index], max_new_tokens=3 + 7 * index) for index in range(4)]
    return [replace(one, id=str(number)) for number, one in enumerate([*slips(NUM_SLIPS), *free])]


@cache
def alone(backbone: str) -> list[tuple[str, tuple[bool, ...]]]:
    engine = engine_of(model_of(backbone), max_batch=1, drafts=False)
    found = [engine.complete([request])[0] for request in questions()]
    assert not any(one.error for one in found)
    return [(one.text, one.trace.forced) for one in found]


class Weather:
    """A hook for the language model: some passes of more than one row find memory short, others fail."""

    def __init__(self, seed: int, *, share: float) -> None:
        self._chance, self._share = Random(seed), share

    def __call__(self, _: Any, __: Any, kwargs: Any) -> None:
        step = kwargs["slot_step"]
        if len(set(step.slots_N.tolist())) > 1 and self._chance.random() < self._share:
            raise self._chance.choice([torch.OutOfMemoryError("fake"), RuntimeError("fake")])


def guess_for(kind: str, number: int, backbone: str) -> str:
    """The answer itself, another one's, its end alone, or something else."""
    texts = [text for text, _ in alone(backbone)]
    return {"own": texts[number], "other": texts[number - 1], "end": texts[number][5:], "odd": '{"shop":"', "none": ""}[
        kind
    ]


@given(
    st.sampled_from(["llama", "mistral"]),
    st.permutations(range(8)),
    st.integers(1, 5),
    st.booleans(),
    st.lists(st.sampled_from(["own", "other", "end", "odd", "none"]), min_size=8, max_size=8),
    st.integers(0, 2**16),
    st.sampled_from([0.0, 0.1, 0.4]),
)
@settings(deadline=None, max_examples=10)
def test_no_weather_changes_an_answer(
    backbone: str, order: list[int], num_slots: int, as_grid: bool, kinds: list[str], seed: int, share: float
) -> None:
    model = model_of(backbone)
    engine = engine_of(model, max_batch=num_slots)
    engine._loop._decoder.prefers_grid = as_grid
    asked = [replace(one, guess=guess_for(kinds[int(one.id)], int(one.id), backbone)) for one in questions()]
    wanted = alone(backbone)
    handle = model.network.model.language_model.register_forward_pre_hook(Weather(seed, share=share), with_kwargs=True)
    try:
        completions = engine.complete([asked[index] for index in order])
    finally:
        handle.remove()
    assert [completion.request_id for completion in completions] == [str(index) for index in order]
    for index, completion in zip(order, completions, strict=True):
        assert (completion.text, completion.trace.forced) == wanted[index]
        assert completion.error is None
    check_accounts(engine.last_tally, sum(one.num_new_tokens for one in completions))


def check_accounts(tally: Tally, num_new_tokens: int) -> None:
    assert tally.num_new_tokens == num_new_tokens
    assert 0 <= tally.num_accepted <= tally.num_drafted
