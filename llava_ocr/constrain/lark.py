"""A schema and the words of one page, as one grammar for llguidance. Pure text.

The answer is compact JSON of the schema's whole shape. Where the page has words, a text field is a run of them and a
typed field one of the page's candidates, so no answer can hold a value that is not printed there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from llava_ocr.constrain.grammar import Grammar
from llava_ocr.constrain.page_text import escaped, page_chunks, value_pattern
from llava_ocr.grounding.candidates import spans
from llava_ocr.prompts import AS_GUESSED, NO_GUESSES
from llava_ocr.schema import GroupNode, Kind, LeafNode, Node, RowsNode
from llava_ocr.words.layout import Layout

Candidates = Callable[[Layout, LeafNode], tuple[str, ...]]

# What a field may hold on a page without words.
_CHARACTER = r'(\\["\\\/]|[^"\\\x00-\x1f\x7f])'
_FREE: dict[Kind, str] = {
    Kind.TEXT: rf"/{_CHARACTER}{{1,200}}/",
    Kind.MONEY: r"/([(-] ?)?[0-9]{1,3}([.,' ]?[0-9]){0,14}( ?[)-]| ?CR)?/",
    Kind.NUMBER: r"/-?[0-9]{1,3}([.,' ]?[0-9]){0,14}/",
    Kind.DATE: r"/[0-9A-Za-zäéûÄÉ]{1,9}([ .,\/-]{1,2}[0-9A-Za-zäéûÄÉ]{1,9}){1,3}/",
    Kind.CODE: r"/[A-Za-z0-9]([ .\/-]?[A-Za-z0-9]){0,39}/",
}


def build_grammar(
    root: GroupNode,
    layout: Layout | None,
    *,
    guesses: Mapping[str, str] = NO_GUESSES,
    candidates: Candidates = spans,
) -> Grammar:
    """Write the grammar of an answer about one page; a page without words allows free text of each field's kind.

    Leaves of which the prompt told a guess may be answered `AS_GUESSED`.
    """
    page = layout if layout is not None and layout.words else None
    writer = _Writer(page, guesses, candidates)
    body = writer.node(root)
    return Grammar(
        lark="\n".join([f"start: {body}", *writer.rules]), json_schema=json_schema(root), fields=writer.fields
    )


def shape_only(root: GroupNode) -> Grammar:
    """The grammar for an engine that takes none: the schema's shape, and nothing of the page."""
    return Grammar(lark="", json_schema=json_schema(root))


@lru_cache(maxsize=64)
def json_schema(node: Node) -> dict[str, Any]:
    """The answer's shape as JSON Schema, for servers that take no grammar: nullable strings, bounded lists.

    It is the same object each time, so not to be changed.
    """
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

    def __init__(self, layout: Layout | None, guesses: Mapping[str, str], candidates: Candidates) -> None:
        self._layout = layout
        self._guesses = guesses
        self._candidates = candidates
        self._names: dict[object, str] = {}
        self._path = ""
        self.rules: list[str] = []
        self.fields: dict[str, str] = {}

    def node(self, node: Node) -> str:
        """The expression that a node's answer matches."""
        self._path = node.path
        if isinstance(node, LeafNode):
            found = self._leaf(node)
            return f"({found} | {_text(AS_GUESSED)})" if node.path in self._guesses else found
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
        row = self._rule(("row", node.path), "row", lambda: self.node(node.row))
        more = f' ("," {row}){{0,{most - 1}}}' if most > 1 else ""
        return f'"[" ({row}{more})? "]"'

    def _leaf(self, node: LeafNode) -> str:
        if node.leaf.kind is Kind.CHOICE:
            return self._rule(("choice", node.choices), "choice", lambda: self._one_of(node.choices))
        layout, kind = self._layout, node.leaf.kind
        if layout is None:
            return self._rule(("free", kind), "free", lambda: self._nullable(_FREE[kind]))
        if kind is Kind.TEXT:
            return self._rule(Kind.TEXT, "text", lambda: self._page_text(layout))
        return self._rule(node.leaf, kind.value, lambda: self._one_of(self._candidates(layout, node)))

    def _nullable(self, pattern: str) -> str:
        terminal = self._terminal(pattern)
        return rf'"null" | "\"" {terminal} "\""'

    def _page_text(self, layout: Layout) -> str:
        pattern = value_pattern(layout)
        if pattern is None:
            # llguidance would open a string that it then can't fill.
            return '"null"'
        chunks = json.dumps({"substring_chunks": page_chunks(layout)}, ensure_ascii=False)
        return self._nullable(f"{self._terminal('%regex ' + chunks)} & /{pattern}/")

    def _one_of(self, values: Iterable[str]) -> str:
        # One terminal, because a parser's row holds 2,000 alternatives at most and a large table has more amounts.
        return self._terminal(" | ".join(['"null"', *(_text(value) for value in values)]))

    def _rule(self, key: object, label: str, write: Callable[[], str]) -> str:
        """Name a rule after what it holds, so that an error of the compiler names the field or kind."""
        if key not in self._names:
            path, body = self._path, write()
            self._names[key] = f"{label}_{len(self.rules)}"
            self.rules.append(f"{self._names[key]}: {body}")
            self.fields[self._names[key]] = path
        return self._names[key]

    def _terminal(self, body: str) -> str:
        name = f"T{len(self.rules)}"
        self.rules.append(f"{name}: {body}")
        self.fields[name] = self._path
        return name


def _key(node: Node, *, is_first: bool) -> str:
    return ("{" if is_first else ",") + json.dumps(node.name) + ":"


def _text(value: str) -> str:
    """A whole JSON string as a literal of the grammar."""
    return _literal(f'"{escaped(value)}"')


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
