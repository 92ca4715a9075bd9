"""Constrained decoding, seen from the engine: fakes stand for grammars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.engines.base import Completion, StopReason
from llava_ocr.engines.local import LocalEngine
from llava_ocr.errors import BadGrammar, ConfigError
from llava_ocr.models.load import LoadedModel
from tests.engines.test_local import PAGES, TEXTS, engine_of, generated, said
from tests.tiny.models import ask, page, tiny_model

GRAMMAR = Grammar(lark="start: /.*/")


@dataclass
class FakeConstraint:
    """Lets through one answer, of which the tokens at `forced_at` are forced; elsewhere everything in `choices`."""

    answer: Sequence[int]
    forced_at: set[int]
    choices: Sequence[int]
    num_tokens: int
    taken: list[int] = field(default_factory=list)

    def forced(self) -> list[int]:
        tokens = []
        while (place := len(self.taken) + len(tokens)) in self.forced_at and place < len(self.answer):
            tokens.append(self.answer[place])
        return tokens

    def mask(self) -> NDArray[np.bool_]:
        allowed = np.zeros(self.num_tokens, np.bool_)
        allowed[list(self.choices)] = True
        return allowed

    def num_valid(self, tokens: Sequence[int]) -> int:
        mask = self.mask()
        return next((place for place, token in enumerate(tokens) if not mask[token]), len(tokens))

    def accept(self, token: int) -> None:
        self.taken.append(token)

    @property
    def is_done(self) -> bool:
        return len(self.taken) >= len(self.answer)


def answered(model: LoadedModel, constraints: list[FakeConstraint], **options: Any) -> list[Completion]:
    """Ask the usual questions, each under its constraint; fakes are handed out in the order of prompt lengths."""
    by_id = {f"{GRAMMAR.lark}{index}": one for index, one in enumerate(constraints)}
    engine = LocalEngine(model, compile_grammar=lambda grammar: by_id[grammar.lark], max_batch=4)
    requests = [
        ask(text, raster, grammar=Grammar(lark=name), **options)
        for text, raster, name in zip(TEXTS, PAGES, by_id, strict=False)
    ]
    return engine.complete(requests)


@pytest.mark.parametrize("backbone", ["llama", "mistral-window"])
def test_forced_runs_change_nothing_of_what_follows(backbone: str, tokenizer: Any) -> None:
    model = tiny_model(backbone, tokenizer)
    everything = range(len(tokenizer) + 6)
    expected = [generated(model, text, [raster], 24) for text, raster in zip(TEXTS, PAGES, strict=True)]
    runs: list[set[int]] = [{0, 1, 2, 9}, set(), {1, 2, 3, 4, 5, 6, 7, 8}, {0, 5, 6, 7}]
    constraints = [
        FakeConstraint(answer, run, everything, len(everything)) for answer, run in zip(expected, runs, strict=True)
    ]
    for completion, answer, run in zip(answered(model, constraints), expected, runs, strict=True):
        assert (completion.text, completion.trace.ends) == said(model, answer)
        assert {place for place, is_forced in enumerate(completion.trace.forced) if is_forced} == run & set(
            range(len(answer))
        )


def test_forced_tokens_are_certain_and_counted(llama: LoadedModel, tokenizer: Any) -> None:
    answer = tokenizer.encode('{"total":null}', add_special_tokens=False)
    forced = set(range(len(answer)))
    [completion] = answered(llama, [FakeConstraint(answer, forced, [], len(tokenizer))])
    assert completion.text == '{"total":null}'
    assert completion.num_forced_tokens == completion.num_new_tokens == len(answer)
    assert completion.trace.logprobs == (0.0,) * len(answer)
    assert completion.stop_reason is StopReason.END


def test_only_allowed_tokens_are_chosen(llama: LoadedModel, tokenizer: Any) -> None:
    allowed = tokenizer.encode("0123456789", add_special_tokens=False)
    [completion] = answered(llama, [FakeConstraint([0] * 6, set(), allowed, len(tokenizer))])
    assert len(completion.text) == 6
    assert completion.text.isdigit()


def test_logprobs_are_the_networks_own_whatever_the_grammar_allows(llama: LoadedModel, tokenizer: Any) -> None:
    [free] = LocalEngine(llama, compile_grammar=_unused).complete([ask(TEXTS[0], PAGES[0], max_new_tokens=1)])
    [only] = tokenizer.encode("7", add_special_tokens=False)
    [held] = answered(llama, [FakeConstraint([0], set(), [only], len(tokenizer))])
    everything = range(len(tokenizer) + 6)
    [let] = answered(llama, [FakeConstraint([0], set(), everything, len(everything))])
    assert let.trace.logprobs == free.trace.logprobs
    assert held.trace.logprobs[0] < free.trace.logprobs[0] < 0


def test_an_answer_ends_where_its_limit_is(llama: LoadedModel, tokenizer: Any) -> None:
    answer = tokenizer.encode('{"total":null}', add_special_tokens=False)
    forced = set(range(len(answer)))
    [completion] = answered(llama, [FakeConstraint(answer, forced, [], len(tokenizer))], max_new_tokens=3)
    assert completion.stop_reason is StopReason.LENGTH
    assert completion.num_new_tokens == 3


def test_a_grammar_that_allows_nothing_fails_its_row_alone(llama: LoadedModel, tokenizer: Any) -> None:
    digits = tokenizer.encode("0123456789", add_special_tokens=False)
    stuck = FakeConstraint([0] * 3, set(), [], len(tokenizer))
    sound = FakeConstraint([0] * 3, set(), digits, len(tokenizer))
    first, second = answered(llama, [stuck, sound])
    assert isinstance(first.error, BadGrammar)
    assert second.error is None
    assert second.text.isdigit()


def test_a_grammar_that_goes_astray_fails_its_row_alone(llama: LoadedModel, tokenizer: Any) -> None:
    class Astray(FakeConstraint):
        def accept(self, token: int) -> None:
            raise BadGrammar("not allowed here")

    digits = tokenizer.encode("0123456789", add_special_tokens=False)
    first, second = answered(
        llama,
        [Astray([0] * 3, set(), digits, len(tokenizer)), FakeConstraint([0] * 3, set(), digits, len(tokenizer))],
    )
    assert isinstance(first.error, BadGrammar)
    assert second.text.isdigit()


def test_a_grammar_that_does_not_compile_fails_its_row_alone(llama: LoadedModel) -> None:
    def refuse(_: Grammar) -> Any:
        raise BadGrammar("no start rule")

    engine = LocalEngine(llama, compile_grammar=refuse)
    first, second = engine.complete([ask("a", page(30, 30), grammar=GRAMMAR), ask("a", page(30, 30))])
    assert isinstance(first.error, BadGrammar)
    assert second.error is None


def test_an_end_token_ends_the_answer(llama: LoadedModel, tokenizer: Any) -> None:
    [completion] = answered(llama, [FakeConstraint([0] * 9, set(), [tokenizer.eos_token_id], len(tokenizer))])
    assert completion.stop_reason is StopReason.END
    assert completion.text == ""


def _unused(_: Grammar) -> Any:
    raise AssertionError("no request has a grammar")


Hook = Callable[..., None]


def hooked(module: torch.nn.Module, hook: Hook) -> Any:
    return module.register_forward_pre_hook(hook, with_kwargs=True)


@pytest.mark.parametrize(
    ("name", "value"), [("layer_types", ["full_attention", "sliding_attention"]), ("attn_logit_softcapping", 50.0)]
)
def test_attention_of_another_kind_is_refused_at_once(tokenizer: Any, name: str, value: object) -> None:
    model = tiny_model("llama", tokenizer)
    setattr(model.network.config.text_config, name, value)
    with pytest.raises(ConfigError, match="backbone"):
        engine_of(model)


def test_a_batch_that_does_not_fit_is_halved(llama: LoadedModel) -> None:
    requests = [ask(text, raster, max_new_tokens=4) for text, raster in zip(TEXTS, PAGES, strict=True)]
    expected = [completion.text for completion in engine_of(llama).complete(requests)]

    def full(_: Any, __: Any, kwargs: Any) -> None:
        if len(kwargs["past_key_values"].layers[0].keys) > 1:
            raise torch.OutOfMemoryError("fake")

    handle = hooked(llama.network.model.language_model, full)
    try:
        assert [completion.text for completion in engine_of(llama).complete(requests)] == expected
    finally:
        handle.remove()


def test_one_request_that_does_not_fit_says_so(llama: LoadedModel) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("fake")

    handle = hooked(llama.network.model.vision_tower, full)
    try:
        completions = engine_of(llama).complete([ask("a", page(30, 30)), ask("no page")])
    finally:
        handle.remove()
    assert [type(completion.error).__name__ for completion in completions] == ["EngineOutOfMemory", "NoneType"]


def test_scores_that_are_not_finite_fail_their_row_alone(llama: LoadedModel) -> None:
    def spoil(_: Any, args: Any, __: Any) -> Any:
        [hidden_RD] = args
        spoilt = hidden_RD.clone()
        spoilt[0] = torch.nan
        return (spoilt,), {}

    handle = hooked(llama.network.lm_head, spoil)
    try:
        completions = engine_of(llama).complete([ask("a", page(30, 30)), ask("a b c", page(60, 60), max_new_tokens=1)])
    finally:
        handle.remove()
    assert [type(completion.error).__name__ for completion in completions] == ["ModelFailed", "NoneType"]
