"""Properties of what is done with answers before they are believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llava_ocr.constrain.decoder import obeys
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.engines.base import Completion, StopReason, TokenTrace
from llava_ocr.engines.endpoint_answers import clipped, held, unwrapped
from llava_ocr.errors import GrammarIgnored
from llava_ocr.schema import DocumentSchema, Money, Text, read, rows, tree
from llava_ocr.words.layout import lay_out
from tests.fakes import words_of
from tests.servers.generator import of_lark


class Part(DocumentSchema):
    """A part."""

    name: Text | None = read("Its name")
    price: Money | None = read("Its price")


class Order(DocumentSchema):
    """An order."""

    buyer: Text | None = read("Who buys")
    parts: list[Part] = rows("What is bought")


GRAMMAR = build_grammar(tree(Order), lay_out(words_of("Größe Müller 12.50\nBolt 3.10\nNut 1.20"), aspect=0.7))
values = st.recursive(
    st.none() | st.text(max_size=8), lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=4
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=3)
prose = st.text(st.characters(blacklist_characters="{}`"), max_size=20)
quick = settings(deadline=None, max_examples=60)


def said(text: str, *, is_cut: bool = False, step: int = 2) -> Completion:
    """A completion with a token for every `step` characters."""
    ends = tuple(dict.fromkeys([*range(step, len(text), step), len(text)])) if text else ()
    trace = TokenTrace(ends, (-0.5,) * len(ends), (False,) * len(ends))
    return Completion("r", text, StopReason.LENGTH if is_cut else StopReason.END, 10, len(ends), trace=trace)


@quick
@example({}, "\x1c", "\x1c", 1)
@given(objects, prose, prose, st.integers(1, 5))
def test_the_one_object_among_prose_is_found_with_its_tokens(
    value: dict[str, object], before: str, after: str, step: int
) -> None:
    wanted = json.dumps(value, ensure_ascii=False)
    found = unwrapped(said(before + wanted + after, step=step))
    assert json.loads(found.text) == value
    assert found.trace.ends[-1] == len(found.text)


@quick
@given(objects)
def test_what_is_an_object_already_is_left_alone(value: dict[str, object]) -> None:
    completion = said(f" {json.dumps(value)}\n")
    assert unwrapped(completion) is completion


@quick
@example("abcd", 1, 1, 2)
@given(st.text(max_size=30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 4))
def test_a_clip_keeps_the_tokens_that_touch_it(text: str, start: int, end: int, step: int) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    found = clipped(said(text, step=step), start, end)
    assert found.text == text[start:end]
    assert list(found.trace.ends) == sorted(found.trace.ends)
    assert found.trace.ends[-1:] == ((end - start,) if end > start else ())
    assert len(found.trace.ends) == len(found.trace.logprobs) == len(found.trace.forced)


@quick
@given(st.sampled_from(['{"buyer":"Größe Müller","parts":[{"name":"Bolt","price":"3.10"}', "x", "{}"]), st.data())
def test_what_the_grammar_writes_obeys_it_wherever_it_is_cut(wish: str, data: st.DataObject) -> None:
    text = "".join(of_lark(GRAMMAR.lark, wish))
    assert obeys(text, GRAMMAR, is_cut=False)
    place = data.draw(st.integers(0, len(text) - 1))
    assert obeys(text[:place], GRAMMAR, is_cut=True)
    assert not obeys(text[:place], GRAMMAR, is_cut=False)


@pytest.mark.parametrize(
    "text",
    ['{"buyer":"Meier","parts":[]}', '{"buyer":null,"parts":[]} ', '{"buyer": null,"parts":[]}', '{"parts":[]}', "\x00",
     '{"buyer":"Bolt","parts":[{"name":"Nut","price":"3.11"}]}'],
)  # fmt: skip
def test_words_that_are_not_on_the_page_and_other_forms_don_t_obey(text: str) -> None:
    assert not obeys(text, GRAMMAR, is_cut=False)


def test_a_refusal_quotes_nothing_of_the_answer() -> None:
    with pytest.raises(GrammarIgnored) as refused:
        held(said('{"buyer":"Meier","parts":[]}'), GRAMMAR)
    assert "Meier" not in str(refused.value)
