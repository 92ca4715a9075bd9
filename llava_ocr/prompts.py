"""What the model is asked. Pure text; the chat format around it belongs to the model (`models/chat.py`).

The image comes first and the question last, so that several questions on one page share the prefix.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from llava_ocr.schema import GroupNode, Kind, LeafNode, Node, RowsNode, leaves
from llava_ocr.words.layout import Layout

# Raise when any text below changes: it is part of every schema's fingerprint.
PROMPT_VERSION = "1"
IMAGE_MARK = "<image>"


@dataclass(frozen=True)
class Prompt:
    """The user's turn: one `<image>` mark per raster, then words, then the question."""

    user: str
    system: str = ""


def ask_for_record(root: GroupNode, layout: Layout | None, *, page_index: int = 0, num_pages: int = 1) -> Prompt:
    """Ask for a schema's fields on one page. With a layout, the page's words stand in the prompt (anchoring)."""
    parts = [IMAGE_MARK]
    if layout is not None and layout.words:
        parts.append(f"Words on the page:\n{layout.text}")
    parts.append(
        f"Page {page_index + 1} of {num_pages}. Read the fields of this {root.name.replace('_', ' ')} "
        "as printed, null where the page does not say:"
    )
    printed = None if layout is None else fold(" ".join(layout.words[i].text for i in layout.order))
    parts.append("\n".join(field_line(leaf, printed) for leaf in leaves(root)))
    return Prompt("\n".join(parts))


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
