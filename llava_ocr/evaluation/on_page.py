"""What stands on a document's pages: texts, meanings, and the words that boxes cover. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from llava_ocr.evaluation.likeness import meanings_of
from llava_ocr.geometry import Box
from llava_ocr.grounding.candidates import spans
from llava_ocr.prompts import fold
from llava_ocr.schema import Kind, LeafNode
from llava_ocr.words.layout import Layout

# A word of the document: its page and its number there.
PageWord = tuple[int, int]


class Pages:
    """The words of a document's pages, by page index."""

    def __init__(self, layouts: Mapping[int, Layout]) -> None:
        self._layouts = {index: layout for index, layout in layouts.items() if layout.words}
        self._num_wordless = len(layouts) - len(self._layouts)

    def __bool__(self) -> bool:
        """Whether any page has words."""
        return bool(self._layouts)

    @property
    def are_legible(self) -> bool:
        """Whether all that is printed is known: there are words, and no page is without them."""
        return bool(self._layouts) and not self._num_wordless

    def hold(self, text: str) -> bool:
        """Whether a text stands on a page, along its lines or down its blocks; case, accents and marks aside."""
        folded = fold(text)
        if not folded:
            return any(text.strip() in word for word in self._words)
        return bool(_pattern(folded).search(self._folded))

    def hold_meaning(self, text: str, node: LeafNode) -> bool:
        """Whether a value stands on a page as it is written or in another spelling of the same meaning."""
        if self.hold(text) or node.leaf.kind in (Kind.TEXT, Kind.CHOICE):
            return self.hold(text)
        wanted = meanings_of(text, node.leaf)
        printed = (span for layout in self._layouts.values() for span in spans(layout, node))
        return any(wanted & meanings_of(span, node.leaf) for span in printed)

    def words_in(self, page_index: int, boxes: Iterable[Box]) -> frozenset[PageWord]:
        """The words of a page whose middle lies in one of the boxes, which are on the page as it is shown."""
        layout = self._layouts.get(page_index)
        listed = [layout.turn.box(box) for box in boxes] if layout else []
        words = layout.words if layout else ()
        return frozenset(
            (page_index, number) for number, word in enumerate(words) if any(_is_in(word.box, box) for box in listed)
        )

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word.text for layout in self._layouts.values() for word in layout.words)

    @cached_property
    def _folded(self) -> str:
        """The pages' words in the order of lines, then of blocks; runs that do not touch are told apart."""
        runs = []
        for layout in self._layouts.values():
            runs.append(" ".join(layout.words[index].text for index in layout.order))
            runs += [" ".join(segment.text for segment in block) for block in layout.blocks if len(block) > 1]
        return "\n".join(map(fold, runs))


@lru_cache(maxsize=4096)
def _pattern(folded: str) -> re.Pattern[str]:
    """The text with spaces anywhere or nowhere, but not amid a longer number or word."""
    chars = folded.replace(" ", "")
    body = " ?".join(map(re.escape, chars))
    return re.compile(f"(?<!{_kin(chars[0])}){body}(?!{_kin(chars[-1])})")


def _kin(char: str) -> str:
    return r"\d" if char.isdigit() else r"[^\W\d_]"


def _is_in(word: Box, box: Box) -> bool:
    return box.x0 <= word.center_x <= box.x1 and box.y0 <= word.center_y <= box.y1
