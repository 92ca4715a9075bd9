"""What the model is asked. Pure text; the chat format around it belongs to the model (`models/chat.py`).

The image comes first, so that several questions on one page share its prefix. The form is the model's choice.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from llava_ocr.schema import GroupNode, Kind, LeafNode, Node, RowsNode, leaves
from llava_ocr.words.layout import Layout

# Raise when any text below changes: it is part of every schema's fingerprint.
PROMPT_VERSION = "4"
IMAGE_MARK = "<image>"


@dataclass(frozen=True)
class Exchange:
    """An earlier turn of a conversation: what was asked, and what the model said."""

    asked: str
    answered: str


@dataclass(frozen=True)
class Prompt:
    """The user's turn: one `<image>` mark per raster, then words, then the question.

    In a conversation `history` holds the turns before it, and the marks stand in the first of all.
    """

    user: str
    system: str = ""
    history: tuple[Exchange, ...] = ()

    @property
    def opening(self) -> str:
        """The first turn's text."""
        return self.history[0].asked if self.history else self.user


class PromptForm(StrEnum):
    """How a page and a question are put to a model.

    READ: the words as aligned text, then the question, then what rules read, right or wrong, in the answer's own form,
    so that a model has to say what it would change; what models that read ordinary text are used to. Questions on one
    page share its words.
    FIND: the question first, its fields numbered, with what rules guess, then the words with their columns, so that
    what stands on the page is read knowing what is wanted of it; what our own small model is trained for. A field
    whose guess is right is answered `AS_GUESSED`, and nothing can go wrong in copying it.
    """

    READ = "read"
    FIND = "find"


WORDS_HEADING = "Words on the page:"
GUESS_MARK = " = "
# In an answer of the form FIND: the field is as guessed.
AS_GUESSED = "="
NO_GUESSES: Mapping[str, str] = MappingProxyType({})
_AS_PRINTED = "as printed, null where the page does not say"
_RULES_READ = "Rules read, right or wrong:"


def ask_for_record(
    root: GroupNode,
    layout: Layout | None,
    *,
    page_index: int = 0,
    num_pages: int = 1,
    form: PromptForm = PromptForm.READ,
    guesses: Mapping[str, str] = NO_GUESSES,
) -> Prompt:
    """Ask for a schema's fields on one page. With a layout, the page's words stand in the prompt (anchoring).

    `guesses` are what rules read, by path.
    """
    page = f"Page {page_index + 1} of {num_pages}"
    title = f"{page}. Read the fields of this {root.name.replace('_', ' ')} {_AS_PRINTED}:"
    printed = None if layout is None else fold(" ".join(layout.words[i].text for i in layout.order))
    lines = [field_line(leaf, printed) for leaf in leaves(root)]
    if form is PromptForm.FIND:
        guessed = [GUESS_MARK + guesses[leaf.path] if leaf.path in guesses else "" for leaf in leaves(root)]
        numbered = zip(lines, guessed, strict=True)
        question = [title, *(f"{number:02} {line}{guess}" for number, (line, guess) in enumerate(numbered))]
        return Prompt("\n".join([IMAGE_MARK, *question, *_words(layout, form)]))
    known = {leaf.path for leaf in leaves(root)} & guesses.keys()
    hints = (
        [_RULES_READ, json.dumps(_hinted(root, guesses), ensure_ascii=False, separators=(",", ":"))] if known else []
    )
    return Prompt("\n".join([IMAGE_MARK, *_words(layout, form), title, *lines, *hints]))


def _hinted(node: GroupNode, guesses: Mapping[str, str]) -> dict[str, object]:
    """What rules read, as an answer; lists are left out."""
    return {
        child.name: guesses.get(child.path) if isinstance(child, LeafNode) else _hinted(child, guesses)
        for child in node.children
        if not isinstance(child, RowsNode)
    }


def ask_for_pages(root: GroupNode, pages: Mapping[int, Layout | None], *, num_pages: int) -> Prompt:
    """Ask for a schema's fields on several pages at once, by page index: each is named where its image stands."""
    texts: list[str] = []
    for index, layout in pages.items():
        texts += [f"Page {index + 1} of {num_pages}:", IMAGE_MARK, *_words(layout, PromptForm.READ)]
    printed = " ".join(fold(layout.text) for layout in pages.values() if layout is not None) or None
    first, last = min(pages) + 1, max(pages) + 1
    title = (
        f"Pages {first} to {last} of {num_pages}. Read the fields of this {root.name.replace('_', ' ')} "
        "as printed, rows in the order of the pages, null where no page says:"
    )
    return Prompt("\n".join([*texts, title, *(field_line(leaf, printed) for leaf in leaves(root))]))


def ask_for_band(root: GroupNode, layout: Layout | None, *, page_index: int, num_pages: int) -> Prompt:
    """Ask for a schema's fields on a part of a page; `layout` holds the words of that part alone."""
    title = (
        f"A part of page {page_index + 1} of {num_pages}. Read the fields of this {root.name.replace('_', ' ')} "
        "as printed, every row of it, null where the part does not say:"
    )
    printed = None if layout is None else fold(layout.text)
    lines = [field_line(leaf, printed) for leaf in leaves(root)]
    return Prompt("\n".join([IMAGE_MARK, *_words(layout, PromptForm.READ), title, *lines]))


def _words(layout: Layout | None, form: PromptForm) -> list[str]:
    if layout is None or not layout.words:
        return []
    return [WORDS_HEADING, layout.column_text if form is PromptForm.FIND else layout.text]


def field_line(leaf: LeafNode, printed: str | None) -> str:
    """Describe one field: path, kind, labels; of the labels, those that stand on the page where that is known."""
    labels: Iterable[str] = leaf.hint.labels
    if printed is not None:
        labels = [label for label in leaf.hint.labels if fold_label(label) in printed]
    named = ", ".join(leaf.choices) if leaf.leaf.kind is Kind.CHOICE else ", ".join(labels)
    return f"{leaf.path} {leaf.leaf.kind.value}: {named or leaf.hint.text}"


def fold(text: str) -> str:
    """Lower-case, drop accents and punctuation, and squeeze white space: how labels are compared."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(kept.split())


@lru_cache(maxsize=4096)
def fold_label(label: str) -> str:
    """Fold a label of a schema; each is asked for on every page."""
    return fold(label)


def empty_answer(node: Node) -> object:
    """The answer that says nothing: the schema's shape with null leaves and no rows."""
    if isinstance(node, LeafNode):
        return None
    if isinstance(node, RowsNode):
        return []
    return {child.name: empty_answer(child) for child in node.children}
