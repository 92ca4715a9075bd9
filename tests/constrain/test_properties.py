"""Whatever a model picks among the allowed tokens, the answer parses, has the shape, and stands on the page."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.geometry import Box
from llava_ocr.grounding.candidates import spans
from llava_ocr.records import Word
from llava_ocr.schema import leaves, tree
from llava_ocr.words.layout import Layout, lay_out
from tests.constrain.test_examples import Bill

NASTY = [
    '"',
    "\\",
    "{",
    "}",
    "null",
    "'",
    "/",
    "\u2028",
    "é",
    "ß",
    "日本",
    "🙂",
    "%",
    "<s>",
    "a\u0301",
    "\t".strip() or "x",
]
texts = st.one_of(
    st.sampled_from([*NASTY, "1.234,56", "03/04/2025", "EUR", "12", "Total:", "(net)", "DE", "A-1"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=6),
)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    words = []
    for row in range(draw(st.integers(1, 6))):
        for column, text in enumerate(draw(st.lists(texts, max_size=5))):
            x0 = 0.05 + column * draw(st.sampled_from([0.06, 0.17]))
            words.append(Word(text, Box(x0, 0.1 + row * 0.015, x0 + 0.05, 0.112 + row * 0.015)))
    return lay_out(words, aspect=0.7)


def random_answer(compiler: GrammarCompiler, tokenizer: PreTrainedTokenizerFast, layout: Layout, seed: int) -> str:
    """What a model would say that finds all allowed tokens equally likely."""
    chance = random.Random(seed)
    constraint = compiler.compile(build_grammar(tree(Bill), layout))
    tokens: list[int] = []
    while not constraint.is_done:
        step = constraint.forced() or [chance.choice(constraint.mask().nonzero()[0].tolist())]
        for token in step:
            constraint.accept(token)
            tokens.append(token)
    return tokenizer.decode(
        [token for token in tokens if token != tokenizer.eos_token_id],
        clean_up_tokenization_spaces=False,
    )


def stands_on(layout: Layout, value: str) -> bool:
    """Whether the value is a run of the page's words, edges' punctuation aside; a slow and plain second opinion."""
    runs = [line.words for line in layout.lines]
    runs += [tuple(index for segment in block for index in segment.words) for block in layout.blocks]
    return any(value in " ".join(layout.words[index].text for index in run) for run in runs)


@settings(deadline=None, max_examples=60)
@given(layouts(), st.integers(0, 2**32))
def test_nothing_can_be_invented(
    compiler: GrammarCompiler, tokenizer: PreTrainedTokenizerFast, layout: Layout, seed: int
) -> None:
    if not layout.words:
        return
    said = json.loads(random_answer(compiler, tokenizer, layout, seed))
    assert list(said) == ["seller", "day", "total", "currency", "iban", "rows"]
    assert said["seller"] is None or stands_on(layout, said["seller"])
    by_name = {leaf.name: leaf for leaf in leaves(tree(Bill))}
    for name in ("day", "total", "currency", "iban"):
        assert said[name] is None or said[name] in spans(layout, by_name[name])
    for row in said["rows"]:
        assert row["item"] is None or stands_on(layout, row["item"])


@settings(deadline=None, max_examples=40)
@given(layouts(), st.data())
def test_every_run_of_whole_words_of_a_line_can_be_said(
    byte_compiler: GrammarCompiler, layout: Layout, data: st.DataObject
) -> None:
    lines = [line.words for line in layout.lines]
    if not lines:
        return
    words = data.draw(st.sampled_from(lines))
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    value = " ".join(layout.words[index].text for index in words[start:end])
    if value[0] in ".,;:!?)]}%'’" or not any(c.isalnum() for c in value):
        return
    constraint = byte_compiler.compile(build_grammar(tree(Bill), layout))
    for byte in ('{"seller":' + json.dumps(value, ensure_ascii=False) + ",").encode():
        constraint.accept(byte)
