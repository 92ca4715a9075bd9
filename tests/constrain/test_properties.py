"""Whatever a model picks among the allowed tokens, the answer parses, has the shape, and stands on the page."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from llava_ocr.constrain.check import PrintedText, violations
from llava_ocr.constrain.decoder import GrammarCompiler
from llava_ocr.constrain.lark import build_grammar
from llava_ocr.constrain.page_text import escaped, page_runs
from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode, Node, RowsNode
from llava_ocr.words.layout import Layout
from tests.constrain.strategies import layouts, say, say_anything, trees

SEEDS = st.integers(0, 2**32)
ONE_TEXT = GroupNode("", "page", Hint(""), (LeafNode("x", "x", Leaf(Kind.TEXT), Hint("")),))


def has_whole_shape(value: object, node: Node) -> bool:
    """Whether every key is there, in the schema's order, and every leaf is a string or null."""
    if isinstance(node, LeafNode):
        return value is None or (isinstance(value, str) and value != "")
    if isinstance(node, RowsNode):
        return isinstance(value, list) and all(has_whole_shape(row, node.row) for row in value)
    return (
        isinstance(value, dict)
        and list(value) == [child.name for child in node.children]
        and all(has_whole_shape(value[child.name], child) for child in node.children)
    )


@settings(deadline=None, max_examples=150)
@given(layouts(), trees, SEEDS)
def test_nothing_can_be_invented(
    compiler: GrammarCompiler, token_bytes: list[bytes], layout: Layout, root: GroupNode, seed: int
) -> None:
    tokens = say_anything(compiler.compile(build_grammar(root, layout)), seed)
    said = b"".join(token_bytes[token] for token in tokens).decode()
    assert has_whole_shape(json.loads(said), root)
    assert violations(said, root, layout) == ()


@settings(deadline=None, max_examples=25)
@given(trees, SEEDS)
def test_a_page_without_words_keeps_the_shape(
    compiler: GrammarCompiler, token_bytes: list[bytes], root: GroupNode, seed: int
) -> None:
    tokens = say_anything(compiler.compile(build_grammar(root, None)), seed)
    said = b"".join(token_bytes[token] for token in tokens).decode()
    assert has_whole_shape(json.loads(said), root)


@settings(deadline=None, max_examples=200)
@given(layouts(), st.data())
def test_any_part_of_the_page_is_accepted_exactly_where_it_is_whole_words(
    byte_compiler: GrammarCompiler, layout: Layout, data: st.DataObject
) -> None:
    run = data.draw(st.sampled_from(list(page_runs(layout))))
    text = " ".join(layout.words[index].text for index in run)
    start = data.draw(st.integers(0, len(text) - 1))
    value = text[start : data.draw(st.integers(start + 1, len(text)))]
    constraint = byte_compiler.compile(build_grammar(ONE_TEXT, layout))
    answer = f'{{"x":"{escaped(value)}"}}'.encode()
    assert (constraint.num_valid(list(answer)) == len(answer)) == (value in PrintedText(layout))


@settings(deadline=None, max_examples=60)
@given(layouts(), trees, SEEDS)
def test_forced_tokens_change_no_answer(
    byte_compiler: GrammarCompiler,
    compiler: GrammarCompiler,
    token_bytes: list[bytes],
    layout: Layout,
    root: GroupNode,
    seed: int,
) -> None:
    grammar = build_grammar(root, layout)
    wanted = bytes(say_anything(byte_compiler.compile(grammar), seed))
    assert say(wanted, compiler.compile(grammar), token_bytes, is_forced=True) == wanted
    assert say(wanted, compiler.compile(grammar), token_bytes, is_forced=False) == wanted
