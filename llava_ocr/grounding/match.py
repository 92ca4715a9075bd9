"""Where on a page a value stands: runs of words, and how near their label is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from llava_ocr.geometry import Box, union
from llava_ocr.prompts import fold
from llava_ocr.schema import LeafNode
from llava_ocr.words.layout import Layout

# How far a label may stand above its value, in word heights.
LABEL_ABOVE = 4.0
# Marks that touch a word without belonging to a value.
_EDGES = ".,;:!?()[]{}'’\"“”„«»*#%|/<>=-–—€$£"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A value on the page: word indices in reading order, one box per line, and how exactly it matches (0 to 1)."""

    words: tuple[int, ...]
    boxes: tuple[Box, ...]
    exactness: float

    @property
    def top(self) -> float:
        """Upper edge of its first line."""
        return self.boxes[0].y0

    @property
    def middle(self) -> float:
        """Middle of its first line."""
        return self.boxes[0].center_y


class PageIndex:
    """A page's words, ready to be searched for many values."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._line_of = {index: number for number, line in enumerate(layout.lines) for index in line.words}
        self._labels: dict[str, tuple[Box, ...]] = {}

    @cached_property
    def _runs(self) -> tuple[tuple[int, ...], ...]:
        """Every sequence of words that reads on: lines, and blocks of several lines."""
        blocks = [block for block in self.layout.blocks if len(block) > 1]
        inside = [tuple(index for segment in block for index in segment.words) for block in blocks]
        return (*(line.words for line in self.layout.lines), *inside)

    @cached_property
    def _starts(self) -> dict[str, list[tuple[int, int]]]:
        """Where each word, bare of the marks at its edges, stands: (run, position)."""
        starts: dict[str, list[tuple[int, int]]] = {}
        for number, run in enumerate(self._runs):
            for position, index in enumerate(run):
                starts.setdefault(_bare(self.layout.words[index].text), []).append((number, position))
        return starts

    @cached_property
    def _folded_lines(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Each line folded for label search, with the word that each character belongs to."""
        return tuple(_folded(self.layout, line.words) for line in self.layout.lines)

    def find(self, text: str) -> list[Occurrence]:
        """Return every place where `text` stands as a run of words, edges' punctuation aside, top to bottom."""
        parts = text.split()
        if not parts:
            return []
        found: dict[tuple[int, ...], Occurrence] = {}
        for number, position in self._starts.get(_bare(parts[0]), ()):
            words = self._runs[number][position : position + len(parts)]
            if words not in found and len(words) == len(parts) and self._reads(words, parts):
                found[words] = self._occurrence(words, 1.0)
        if not found and len(parts) == 1:
            found = self._inside_words(parts[0])
        if not found:
            found = self._across_hyphens(parts)
        return sorted(found.values(), key=lambda occurrence: (occurrence.top, occurrence.boxes[0].x0))

    def label_distance(self, occurrence: Occurrence, leaf: LeafNode) -> float | None:
        """How far the nearest label of the field is, in page widths; None where none is near. Left beats above."""
        best: float | None = None
        for label in leaf.hint.labels:
            for box in self._places(fold(label)):
                distance = self._distance(box, occurrence.boxes[0])
                if distance is not None and (best is None or distance < best):
                    best = distance
        return best

    def _reads(self, words: Sequence[int], parts: Sequence[str]) -> bool:
        return all(
            self.layout.words[index].text == part or _bare(self.layout.words[index].text) == _bare(part)
            for index, part in zip(words, parts, strict=True)
        )

    def _inside_words(self, part: str) -> dict[tuple[int, ...], Occurrence]:
        """Words that hold the value between other marks, as `EUR12.00` holds `12.00`."""
        found: dict[tuple[int, ...], Occurrence] = {}
        for index in self.layout.order:
            text = self.layout.words[index].text
            start = text.find(part)
            if start < 0 or len(text) == len(part):
                continue
            before, after = text[:start][-1:], text[start + len(part) :][:1]
            if _parts(before, part[0]) and _parts(part[-1], after):
                found[(index,)] = self._occurrence((index,), 0.9)
        return found

    def _across_hyphens(self, parts: Sequence[str]) -> dict[tuple[int, ...], Occurrence]:
        """A value whose words were broken at line ends: `Rech-` `nung` is `Rechnung`."""
        wanted = "".join(_bare(part) for part in parts).replace("-", "")
        found: dict[tuple[int, ...], Occurrence] = {}
        if len(wanted) < 4:
            return found
        for run in self._runs[len(self.layout.lines) :]:
            bare = [_bare(self.layout.words[index].text).replace("-", "") for index in run]
            for start in range(len(run)):
                joined, end = "", start
                while end < len(run) and len(joined) < len(wanted) and wanted.startswith(joined + bare[end]):
                    joined, end = joined + bare[end], end + 1
                if joined == wanted:
                    found[run[start:end]] = self._occurrence(run[start:end], 0.8)
        return found

    def _occurrence(self, words: tuple[int, ...], exactness: float) -> Occurrence:
        by_line: dict[int, list[Box]] = {}
        for index in words:
            by_line.setdefault(self._line_of[index], []).append(self.layout.words[index].box)
        return Occurrence(words, tuple(union(boxes) for boxes in by_line.values()), exactness)

    def _places(self, label: str) -> tuple[Box, ...]:
        if label not in self._labels:
            self._labels[label] = tuple(self._label_boxes(label)) if label else ()
        return self._labels[label]

    def _label_boxes(self, label: str) -> Iterable[Box]:
        for folded, owners in self._folded_lines:
            start = folded.find(label)
            while start >= 0:
                end = start + len(label)
                is_whole = (start == 0 or folded[start - 1] == " ") and (end == len(folded) or folded[end] == " ")
                if is_whole:
                    yield union(self.layout.words[index].box for index in set(owners[start:end]) if index >= 0)
                start = folded.find(label, start + 1)

    def _distance(self, label: Box, value: Box) -> float | None:
        height = max(label.height, value.height)
        if height <= 0:
            return None
        is_beside = abs(label.center_y - value.center_y) < 0.6 * height
        if is_beside and label.x0 <= value.x0 + 1e-6:
            return max(0.0, value.x0 - label.x1)
        gap = value.y0 - label.y1
        is_over = min(label.x1, value.x1) - max(label.x0, value.x0) > 0
        if is_over and -0.3 * height < gap < LABEL_ABOVE * height:
            # One line down is as far as a third of the page across.
            return 0.1 + gap / height * 0.1
        return None


def choose(occurrences: Sequence[Occurrence], index: PageIndex, leaf: LeafNode) -> Occurrence:
    """Pick the occurrence whose label is nearest; without any label, the first on the page."""
    if len(occurrences) == 1:
        return occurrences[0]
    distances = [index.label_distance(occurrence, leaf) for occurrence in occurrences]
    ranked = sorted(range(len(occurrences)), key=lambda n: (distances[n] is None, distances[n] or 0.0, n))
    return occurrences[ranked[0]]


def _bare(word: str) -> str:
    return word.strip(_EDGES) or word


def _parts(before: str, after: str) -> bool:
    """Whether a value may begin or end between these two characters: not within a word, not within a number."""
    if not before or not after:
        return True
    return not (before.isalpha() and after.isalpha()) and not (before.isdigit() and after.isdigit())


def _folded(layout: Layout, words: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    text, owners = "", []
    for index in words:
        folded = fold(layout.words[index].text)
        if not folded:
            continue
        if text:
            text += " "
            owners.append(-1)
        text += folded
        owners += [index] * len(folded)
    return text, tuple(owners)
