"""What a column is called: the label of the schema that stands above it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llava_ocr.prompts import fold, fold_label
from llava_ocr.schema import LeafNode
from llava_ocr.words.layout import Layout

# How far the end of a label may lie from its column's, in page widths.
NEAR = 0.05


def stands_under(layouts: Sequence[Layout | None], page: int, edge: float, leaf: LeafNode, other: LeafNode) -> bool:
    """Whether a label of `leaf`, and none of `other`, ends where this column does."""
    layout = layouts[page]
    if layout is None:
        return False
    return _is_over(layout, edge, leaf) and not _is_over(layout, edge, other)


def _is_over(layout: Layout, edge: float, leaf: LeafNode) -> bool:
    labels = {fold_label(label) for label in leaf.hint.labels}
    segments = (segment for line in layout.lines for segment in line.segments)
    return any(abs(segment.box.x1 - edge) <= NEAR and fold(segment.text) in labels for segment in segments)
