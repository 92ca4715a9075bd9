"""The engine under real grammars: whatever the weights say, the answer has the schema's shape and the page's words."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.grammar import Grammar
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import StopReason
from llava_ocr.engines.local import LocalEngine
from llava_ocr.errors import BadGrammar
from llava_ocr.geometry import Box
from llava_ocr.models.load import LoadedModel
from llava_ocr.records import Word
from llava_ocr.schema import Date, DocumentSchema, Money, Text, read, tree
from llava_ocr.words.layout import Layout, lay_out
from tests.tiny.models import ask, page, tiny_model
from tests.tiny.tokenizers import tiny_sentencepiece, tiny_tokenizer


class Slip(DocumentSchema):
    """A slip."""

    shop: Text | None = read("The shop", labels=("Shop",))
    day: Date | None = read("The day", labels=("Date",))
    total: Money | None = read("What was paid", labels=("Total",))


LINES = ('Größe & Söhne "Café"', "Date 03.04.2025", "Total 12,50 EUR")
KEYS = ["shop", "day", "total"]


def printed() -> Layout:
    words = [
        Word(text, Box(0.1 + 0.2 * place, 0.1 * row, 0.25 + 0.2 * place, 0.1 * row + 0.04))
        for row, line in enumerate(LINES, start=1)
        for place, text in enumerate(line.split())
    ]
    return lay_out(words, aspect=0.7)


def engine_of(model: LoadedModel) -> LocalEngine:
    num_tokens = model.network.config.text_config.vocab_size
    compiler = GrammarCompiler.for_tokenizer(model.tokenizer, num_tokens=num_tokens)
    return LocalEngine(model, compile_grammar=compiler.compile)


@pytest.fixture(scope="module", params=["byte level", "sentencepiece"])
def model(request: pytest.FixtureRequest) -> LoadedModel:
    return tiny_model("llama", tiny_tokenizer() if request.param == "byte level" else tiny_sentencepiece())


def test_answers_have_the_schemas_shape_and_the_pages_words(model: LoadedModel) -> None:
    grammar = build_grammar(tree(Slip), printed())
    requests = [ask(f"slip {n}" * (n + 1), page(40, 40, n), grammar=grammar, max_new_tokens=300) for n in range(6)]
    for completion in engine_of(model).complete(requests):
        assert completion.stop_reason is StopReason.END
        answer = json.loads(completion.text)
        assert list(answer) == KEYS
        assert completion.text == json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        everything = " ".join(LINES)
        assert all(value is None or value in everything for value in answer.values())


def test_traces_follow_the_text(model: LoadedModel) -> None:
    [completion] = engine_of(model).complete([ask("a", grammar=build_grammar(tree(Slip), printed()))])
    trace = completion.trace
    assert trace.ends[-1] == len(completion.text)
    assert len(trace.ends) == len(trace.logprobs) == len(trace.forced) == completion.num_new_tokens
    assert all(logprob == 0.0 for logprob, is_forced in zip(trace.logprobs, trace.forced, strict=True) if is_forced)
    assert sum(trace.forced) == completion.num_forced_tokens > 0


def test_answers_do_not_depend_on_their_batch(model: LoadedModel) -> None:
    grammars: list[Any] = [build_grammar(tree(Slip), printed()), None, build_grammar(tree(Slip), None)]
    requests = [ask(f"slip {n}" * n, page(40, 40, n), grammar=grammars[n], max_new_tokens=40) for n in range(3)]
    engine = engine_of(model)
    together = engine.complete(requests)
    assert [one.text for one in together] == [engine.complete([request])[0].text for request in requests]


def test_a_grammar_that_does_not_compile_is_its_rows_error(model: LoadedModel) -> None:
    bad, good = engine_of(model).complete([ask("a", grammar=Grammar(lark="start: (")), ask("b", max_new_tokens=2)])
    assert isinstance(bad.error, BadGrammar)
    assert good.error is None


@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=6)
def test_what_is_tried_and_what_is_masked_agree(model: LoadedModel, chance: Random) -> None:
    """The engine tries a token before it makes a mask: where nothing is forced, both must say the same of every one.

    Where something is forced a mask holds to the forced spelling, and trying does not; the engine takes it unasked.
    """
    num_tokens = model.network.config.text_config.vocab_size
    compiler = GrammarCompiler.for_tokenizer(model.tokenizer, num_tokens=num_tokens)
    constraint = compiler.compile(build_grammar(tree(Slip), printed()))
    while not constraint.is_done:
        if forced := constraint.forced():
            for token in forced:
                constraint.accept(token)
            continue
        mask = constraint.mask()
        assert [constraint.num_valid([token]) == 1 for token in range(num_tokens)] == mask.tolist()
        constraint.accept(chance.choice(mask.nonzero()[0].tolist()))


def test_a_whole_answer_may_end_or_go_on() -> None:
    tokenizer = tiny_tokenizer()
    constraint = GrammarCompiler.for_tokenizer(tokenizer).compile(Grammar(lark='start: "a" /b*/'))
    constraint.accept(tokenizer.convert_tokens_to_ids("a"))
    end = tokenizer.eos_token_id
    assert constraint.mask()[end]
    assert constraint.num_valid([end]) == 1
