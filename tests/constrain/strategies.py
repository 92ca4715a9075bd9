"""Pages of nasty words, schemas of every shape, and models that say anything a grammar allows."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import strategies as st

from llava_ocr.constrain.decoder import Constraint
from llava_ocr.geometry import Box
from llava_ocr.records import Word
from llava_ocr.schema import GroupNode, Hint, Kind, Leaf, LeafNode, Node, RowsNode
from llava_ocr.words.layout import Layout, lay_out

_NASTY = (
    r"""" \ \" \n \u0041 {"a":1} { } [ ] | & , ' / // /* # $ % %json <s> </s> <0x41> {{0,3}} null start: ▁ ▁x Ġ """
    r"""#4711 No.:4711 10:30 https://x.y a=b 番号：12 (UK) "Best" C++ § € ) -5 .5 5% €5 --- ... """
    r"""é ß हिन्दी ไทย 日本 🙂 👩‍👩‍👧 1.234,56 03/04/2025 EUR 12 Total: (net) DE A-1 234,50"""
)
UNPRINTABLE = [
    "a\u0301",
    "\u0301",
    "\u2028",
    "x\u2029y",
    "\u200b",
    "\ufeff",
    "\ud800",
    "\udfffx",
    "\x01",
    "a\x7f",
    "\0",
]
SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0"

texts = st.one_of(
    st.sampled_from(_NASTY.split(" ")),
    st.sampled_from(UNPRINTABLE),
    st.text(st.characters(exclude_categories=["Cs", "Zs", "Cn"], exclude_characters=SPACES), min_size=1, max_size=6),
)
typed = st.sampled_from([Leaf(Kind.MONEY), Leaf(Kind.NUMBER), Leaf(Kind.DATE), Leaf(Kind.CODE, "[A-Z]{2}")])
# Names that the grammar might give to rules of its own.
names = st.sampled_from(["text", "start", "T1", "row", "amount", "null", "größe"])


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """A page of at least one word."""
    words = [Word(draw(texts), Box(0.05, 0.1, 0.1, 0.112))]
    for row in range(draw(st.integers(1, 6))):
        for column, text in enumerate(draw(st.lists(texts, max_size=5))):
            x0 = 0.11 + column * draw(st.sampled_from([0.06, 0.17]))
            words.append(Word(text, Box(x0, 0.1 + row * 0.015, x0 + 0.05, 0.112 + row * 0.015)))
    return lay_out(words, aspect=0.7)


def group(path: str, children: st.SearchStrategy[Sequence[Node]]) -> st.SearchStrategy[GroupNode]:
    return children.map(lambda found: GroupNode(path, path.split(".")[-1], Hint(""), tuple(found)))


@st.composite
def nodes(draw: st.DrawFn, path: str, depth: int) -> list[Node]:
    return [
        draw(node(f"{path}.{name}" if path else name, name, depth))
        for name in draw(st.lists(names, min_size=1, max_size=4, unique=True))
    ]


def node(path: str, name: str, depth: int) -> st.SearchStrategy[Node]:
    text = st.just(LeafNode(path, name, Leaf(Kind.TEXT), Hint("")))
    other = typed.map(lambda leaf: LeafNode(path, name, leaf, Hint("")))
    choice = st.just(LeafNode(path, name, Leaf(Kind.CHOICE), Hint(""), ('a "b"', "c\\d", "é")))
    if depth == 0:
        return st.one_of(text, other, choice)
    inner = group(path, nodes(path, 0)).map(lambda found: GroupNode(path, name, Hint(""), found.children))
    row = st.tuples(group(f"{path}[]", nodes(f"{path}[]", 0)), st.integers(1, 4))
    table = row.map(lambda found: RowsNode(path, name, Hint("", max_rows=found[1]), found[0]))
    return st.one_of(text, other, choice, inner, table)


trees = group("", nodes("", 1))


def say_anything(constraint: Constraint, seed: int) -> list[int]:
    """The tokens of a model that finds all allowed tokens equally likely."""
    chance = random.Random(seed)
    tokens: list[int] = []
    while not constraint.is_done:
        for token in constraint.forced() or [chance.choice(constraint.mask().nonzero()[0].tolist())]:
            constraint.accept(token)
            tokens.append(token)
    return tokens


def say(wanted: bytes, constraint: Constraint, pieces: Sequence[bytes], *, is_forced: bool) -> bytes:
    """What a model says that wants to say `wanted` and always takes the longest token that does."""
    said = b""
    while not constraint.is_done:
        forced = constraint.forced() if is_forced else []
        if not forced:
            fitting = [i for i in constraint.mask().nonzero()[0].tolist() if wanted.startswith(said + pieces[i])]
            forced = [max(fitting, key=lambda token: len(pieces[token]))]
        for token in forced:
            constraint.accept(token)
            said += pieces[token]
    return said
