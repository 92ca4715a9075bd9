"""A schema and the words of one page, as one grammar for llguidance. Pure text.

The answer is compact JSON of the schema's whole shape. Where the page has words, a text field is a run of them and a
typed field one of the page's candidates, so no answer can hold a value that is not printed there.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.grounding.candidates import spans
from llava_ocr.schema import GroupNode, Kind, Leaf, LeafNode, Node, RowsNode
from llava_ocr.words.layout import Layout, Segment

Candidates = Callable[[Layout, LeafNode], tuple[str, ...]]

# A text may run over this many lines of a block; a longer paragraph is offered in overlapping windows.
WINDOW_LINES = 8
# Between runs that do not read on. JSON has no raw line break, so no value can hold it.
BREAK = "\n"
# A value starts with no closing mark, ends with no space, crosses no break, and holds a letter or digit.
_VALUE = r"/[^\n .,;:!?)\]}%'’]([^\n]*[^\n ])?/ & /(.|\n)*[\p{L}\p{N}](.|\n)*/"
# What a field may hold on a page without words.
_CHARACTER = r'(\\["\\\/]|[^"\\\x00-\x1f\x7f])'
_FREE: dict[Kind, str] = {
    Kind.TEXT: rf"/{_CHARACTER}{{1,200}}/",
    Kind.MONEY: r"/[(-]?[0-9]{1,3}([.,' ]?[0-9]){0,14}[)-]?/",
    Kind.NUMBER: r"/-?[0-9]{1,3}([.,' ]?[0-9]){0,14}/",
    Kind.DATE: r"/[0-9A-Za-zäéûÄÉ]{1,9}([ .,\/-]{1,2}[0-9A-Za-zäéûÄÉ]{1,9}){1,3}/",
    Kind.CODE: r"/[A-Za-z0-9]([ .\/-]?[A-Za-z0-9]){0,39}/",
}


def build_grammar(root: GroupNode, layout: Layout | None, *, candidates: Candidates = spans) -> Grammar:
    """Write the grammar of an answer about one page; a page without words allows free text of each field's kind."""
    page = layout if layout is not None and layout.words else None
    writer = _Writer(page, candidates)
    body = writer.node(root)
    return Grammar(lark="\n".join([f"start: {body}", *writer.rules]), json_schema=json_schema(root))


def json_schema(node: Node) -> dict[str, Any]:
    """The answer's shape as JSON Schema, for servers that take no grammar: nullable strings, bounded lists."""
    if isinstance(node, LeafNode):
        if node.choices:
            return {"enum": [*node.choices, None]}
        return {"type": ["string", "null"], "description": node.hint.text}
    if isinstance(node, RowsNode):
        return {"type": "array", "items": json_schema(node.row), "maxItems": node.hint.max_rows}
    return {
        "type": "object",
        "properties": {child.name: json_schema(child) for child in node.children},
        "required": [child.name for child in node.children],
        "additionalProperties": False,
    }


class _Writer:
    """Writes rules, each once: all text fields share one automaton of the page, typed fields one list per kind."""

    def __init__(self, layout: Layout | None, candidates: Candidates) -> None:
        self._layout = layout
        self._candidates = candidates
        self._names: dict[object, str] = {}
        self.rules: list[str] = []

    def node(self, node: Node) -> str:
        """The expression that a node's answer matches."""
        if isinstance(node, LeafNode):
            return self._leaf(node)
        if isinstance(node, RowsNode):
            return self._rows(node)
        parts = [
            f"{_literal(_key(child, is_first=index == 0))} {self.node(child)}"
            for index, child in enumerate(node.children)
        ]
        return f'{" ".join(parts)} "}}"'

    def _rows(self, node: RowsNode) -> str:
        most = node.hint.max_rows
        if self._layout is not None:
            # No page holds more rows than lines; a model that repeats itself ends here.
            most = min(most, len(self._layout.lines))
        if most < 1:
            return '"[]"'
        row = self._rule(node.path, "row", self.node(node.row))
        more = f' ("," {row}){{0,{most - 1}}}' if most > 1 else ""
        return f'"[" ({row}{more})? "]"'

    def _leaf(self, node: LeafNode) -> str:
        if node.leaf.kind is Kind.CHOICE:
            return self._rule(("choice", node.choices), "choice", _alternatives([_text(c) for c in node.choices]))
        if self._layout is None:
            return self._rule(("free", node.leaf.kind), "free", self._nullable(_FREE[node.leaf.kind]))
        if node.leaf.kind is Kind.TEXT:
            return (
                self._rule("text", "text", self._nullable(self._page_text(self._layout)))
                if _has_text(self._layout)
                else '"null"'
            )
        return self._typed(node, self._layout)

    def _typed(self, node: LeafNode, layout: Layout) -> str:
        key: Leaf = node.leaf
        if key not in self._names:
            found = self._candidates(layout, node)
            self._rule(key, node.leaf.kind.value, _alternatives([_text(text) for text in found]))
        return self._names[key]

    def _nullable(self, pattern: str) -> str:
        terminal = self._terminal(pattern)
        return rf'"null" | "\"" {terminal} "\""'

    def _page_text(self, layout: Layout) -> str:
        chunks = json.dumps({"substring_chunks": page_chunks(layout)}, ensure_ascii=False)
        return f"{self._terminal('%regex ' + chunks)} & {_VALUE}"

    def _rule(self, key: object, label: str, body: str) -> str:
        """Name a rule after what it holds, so that an error of the compiler names the field or kind."""
        if key not in self._names:
            self._names[key] = f"{label}_{len(self.rules)}"
            self.rules.append(f"{self._names[key]}: {body}")
        return self._names[key]

    def _terminal(self, body: str) -> str:
        name = f"T{len(self.rules)}"
        self.rules.append(f"{name}: {body}")
        return name


def _has_text(layout: Layout) -> bool:
    """Whether a value is possible at all: llguidance opens a string that it then can't fill."""
    return any(unicodedata.category(c)[0] in "LN" for word in layout.words for c in word.text)


def page_chunks(layout: Layout) -> list[str]:
    """Cut the page's text into what a value may be made of: words, the punctuation at their edges, single spaces.

    First every line from left to right, then every block of several lines, so that a value may cross the gap of a line
    or the break within a block; a break stands between any two of them. Chunks are JSON string content.
    """
    runs = [line.words for line in layout.lines]
    for block in layout.blocks:
        runs += [_block_words(window) for window in _windows(block)]
    chunks: list[str] = []
    for run in runs:
        for number, index in enumerate(run):
            chunks += [" "] if number else []
            chunks += _pieces(layout.words[index].text)
        chunks.append(BREAK)
    return chunks


def _windows(block: tuple[Segment, ...]) -> list[tuple[Segment, ...]]:
    if len(block) < 2:
        return []
    step = WINDOW_LINES // 2
    starts = range(0, max(1, len(block) - step), step)
    return [block[start : start + WINDOW_LINES] for start in starts]


def _block_words(segments: tuple[Segment, ...]) -> tuple[int, ...]:
    return tuple(index for segment in segments for index in segment.words)


def _pieces(word: str) -> list[str]:
    """A word as its leading marks, its core and its trailing marks, each mark by itself, as JSON string content."""
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return [_escaped(part) for part in (*word[:start], word[start:end], *word[end:]) if part]


def _key(node: Node, *, is_first: bool) -> str:
    return ("{" if is_first else ",") + json.dumps(node.name) + ":"


def _text(value: str) -> str:
    """A whole JSON string as a literal of the grammar."""
    return _literal(f'"{_escaped(value)}"')


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _alternatives(literals: list[str]) -> str:
    return " | ".join(['"null"', *literals])
