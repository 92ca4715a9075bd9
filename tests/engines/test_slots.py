"""The slot engine's own promises: any number of slots, any order, memory that runs short, questions on one page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Request, StopReason
from llava_ocr.engines.local import LocalEngine
from llava_ocr.engines.memory import SlotMemory
from llava_ocr.errors import EngineOutOfMemory, EngineTimeout
from llava_ocr.models.load import LoadedModel
from llava_ocr.schema import tree
from tests.engines.test_grammar import Slip, printed
from tests.engines.test_local import PAGES, TEXTS, generated, said
from tests.tiny.models import BACKBONES, ask, page, tiny_model
from tests.tiny.tokenizers import tiny_tokenizer


@cache
def model_of(backbone: str) -> LoadedModel:
    return tiny_model(backbone, tiny_tokenizer())


@cache
def expected(backbone: str, index: int, max_new_tokens: int) -> tuple[str, tuple[int, ...]]:
    model = model_of(backbone)
    return said(model, generated(model, TEXTS[index], [PAGES[index]], max_new_tokens))


def engine_of(model: LoadedModel, **options: Any) -> LocalEngine:
    num_tokens = model.network.config.text_config.vocab_size
    compiler = GrammarCompiler.for_tokenizer(model.tokenizer, num_tokens=num_tokens)
    return LocalEngine(model, compile_grammar=compiler.compile, **options)


@given(
    st.sampled_from(sorted(BACKBONES)),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1, 5, 24])), min_size=1, max_size=7),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=12)
def test_any_order_through_any_slots_equals_generate(
    backbone: str, asked: list[tuple[int, int]], num_slots: int
) -> None:
    requests = [ask(TEXTS[index], PAGES[index], max_new_tokens=count) for index, count in asked]
    completions = engine_of(model_of(backbone), max_batch=num_slots).complete(requests)
    for (index, count), completion in zip(asked, completions, strict=True):
        assert (completion.text, completion.trace.ends) == expected(backbone, index, count)


@pytest.mark.parametrize("backbone", ["llama", "mistral", "mistral-window"])
def test_attention_as_a_grid_equals_generate(backbone: str) -> None:
    """What a GPU does, done here."""
    engine = engine_of(model_of(backbone), max_batch=3)
    engine._loop._decoder.prefers_grid = True
    counts = [24, 3, 24, 9]
    requests = [ask(TEXTS[index], PAGES[index], max_new_tokens=count) for index, count in enumerate(counts)]
    completions = engine.complete(requests)
    for index, completion in enumerate(completions):
        assert (completion.text, completion.trace.ends) == expected(backbone, index, counts[index])


def slips(count: int) -> list[Request]:
    grammar = build_grammar(tree(Slip), printed())
    return [ask(f"slip {n}" * (n % 3 + 1), page(40, 40, n), grammar=grammar, max_new_tokens=200) for n in range(count)]


@given(st.permutations(range(5)), st.integers(1, 5))
@settings(deadline=None, max_examples=4)
def test_under_a_grammar_company_and_order_change_nothing(order: list[int], num_slots: int) -> None:
    model = model_of("mistral")
    alone = [engine_of(model, max_batch=1).complete([request])[0].text for request in slips(5)]
    together = engine_of(model, max_batch=num_slots).complete([slips(5)[index] for index in order])
    assert [completion.text for completion in together] == [alone[index] for index in order]


def test_a_slot_that_comes_free_is_filled_while_others_go_on() -> None:
    engine = engine_of(model_of("llama"), max_batch=2)
    counts = [24, 2, 2, 2, 2]
    engine.complete([ask("total", page(30, 30, n), max_new_tokens=count) for n, count in enumerate(counts)])
    alone = engine_of(model_of("llama"), max_batch=1)
    alone.complete([ask("total", page(30, 30, 0), max_new_tokens=24)])
    # The short ones take turns beside the long one; each costs its own prefill and no further pass.
    assert engine.last_tally.num_forwards <= alone.last_tally.num_forwards + 4


def run_out(at: Callable[[SlotMemory, int], bool]) -> Callable[..., None]:
    """A hook for the language model that finds memory short where `at` says so of the memory and the pass's number."""
    num_passes = 0

    def hook(_: Any, __: Any, kwargs: Any) -> None:
        nonlocal num_passes
        num_passes += 1
        if at(kwargs["past_key_values"], num_passes):
            raise torch.OutOfMemoryError("fake")

    return hook


@pytest.mark.parametrize("first_pass", [1, 4, 11])
def test_memory_that_runs_out_midway_halves_the_slots_and_repeats_nothing(first_pass: int) -> None:
    model = model_of("llama")
    requests = [*slips(4), ask(TEXTS[0], PAGES[0])]
    usual = [completion.text for completion in engine_of(model).complete(requests)]
    engine = engine_of(model, max_batch=4)
    hook = run_out(lambda memory, number: number >= first_pass and len(memory.layers[0].keys) > 1)
    handle = model.network.model.language_model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        assert [completion.text for completion in engine.complete(requests)] == usual
    finally:
        handle.remove()
    assert engine.last_tally.num_shrinks >= 1


def test_what_does_not_fit_alone_fails_and_the_rest_is_answered() -> None:
    model = model_of("llama")
    hook = run_out(lambda memory, _: memory.layers[0].step.positions_1N.shape[1] > 60)
    handle = model.network.model.language_model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        long, short = engine_of(model).complete([ask("long " * 60), ask("a", max_new_tokens=3)])
    finally:
        handle.remove()
    assert isinstance(long.error, EngineOutOfMemory)
    assert short.error is None


def test_one_request_may_not_hold_a_slot_for_ever() -> None:
    engine = engine_of(model_of("llama"), limit_s=2.5)
    ticks = iter(range(1000))
    engine._loop._clock = lambda: float(next(ticks))
    [completion] = engine.complete([ask(TEXTS[0], PAGES[0])])
    assert isinstance(completion.error, EngineTimeout)


def test_a_cancelled_request_ends_with_what_was_said() -> None:
    engine = engine_of(model_of("llama"))
    handle = engine._loop._decoder._language.register_forward_hook(lambda *_: engine.cancel("unwanted"))
    try:
        unwanted, other = engine.complete([ask(TEXTS[0], PAGES[0], request_id="unwanted"), ask(TEXTS[1], PAGES[1])])
    finally:
        handle.remove()
    assert unwanted.stop_reason is StopReason.CANCELLED
    assert expected("llama", 0, 24)[0].startswith(unwanted.text)
    assert (other.text, other.trace.ends) == expected("llama", 1, 24)


def on_one_page(texts: Sequence[str]) -> list[Request]:
    first = ask("", PAGES[2])
    return [replace(first, id=text, prompt=ask(text, PAGES[2]).prompt) for text in texts]


@pytest.mark.parametrize("num_slots", [1, 2, 4])
@pytest.mark.parametrize("backbone", ["llama", "mistral-window"])
def test_questions_on_one_page_read_it_once_and_answer_the_same(backbone: str, num_slots: int) -> None:
    model = model_of(backbone)
    texts = [f"{TEXTS[1]} {number}" for number in range(4)]
    engine = engine_of(model, max_batch=num_slots)
    completions = engine.complete(on_one_page(texts))
    assert [one.text for one in completions] == [said(model, generated(model, t, [PAGES[2]], 24))[0] for t in texts]
    num_prompt_tokens = completions[0].num_prompt_tokens
    assert engine.last_tally.num_shared_tokens > 3 * 0.8 * num_prompt_tokens
    assert engine.last_tally.num_prefill_tokens < 1.6 * num_prompt_tokens


def test_pages_that_merely_look_alike_are_read_each() -> None:
    engine = engine_of(model_of("llama"))
    engine.complete([ask(TEXTS[1], PAGES[2], max_new_tokens=1), ask(TEXTS[1], PAGES[2], max_new_tokens=1)])
    assert engine.last_tally.num_shared_tokens == 0
