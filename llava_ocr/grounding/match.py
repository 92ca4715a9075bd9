"""Where on a page a value stands: runs of words, and how near their label is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from llava_ocr.geometry import Box, union
from llava_ocr.prompts import fold
from llava_ocr.schema import LeafNode
from llava_ocr.words.layout import Layout

# How far a label may stand above its value, in word heights.
LABEL_ABOVE = 4.0
# Marks that touch a word without belonging to a value.
_EDGES = ".,;:!?()[]{}'’\"“”„«»*#%|/<>=-–—€$£"
# Models write the hyphen of the keyboard whichever is printed: hyphens, minus signs, and the dash of a range.
_DASHES = str.maketrans(dict.fromkeys("\u00ad\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"))


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
        self._bare = tuple(_bare(word.text) for word in layout.words)
        self._lines = tuple(line.words for line in layout.lines)
        self._line_of = {index: number for number, line in enumerate(self._lines) for index in line}
        self._labels: dict[str, tuple[Box, ...]] = {}
        self._found: dict[str, list[Occurrence]] = {}

    @cached_property
    def word_height(self) -> float:
        """Median height of the page's words."""
        return self.layout.word_height

    @cached_property
    def _runs(self) -> tuple[tuple[int, ...], ...]:
        """Every sequence of words that reads on: lines, and blocks of several lines."""
        blocks = [block for block in self.layout.blocks if len(block) > 1]
        inside = [tuple(index for segment in block for index in segment.words) for block in blocks]
        return (*self._lines, *inside)

    @cached_property
    def _bare_runs(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(self._bare[index] for index in run) for run in self._runs)

    @cached_property
    def _starts(self) -> dict[str, list[tuple[int, int]]]:
        """Where each word, bare of the marks at its edges, stands: (run, position)."""
        starts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, run in enumerate(self._bare_runs):
            for position, bare in enumerate(run):
                starts[bare].append((number, position))
        return starts

    @cached_property
    def _folded_lines(self) -> tuple[str, ...]:
        """Each line as labels are compared."""
        words = self.layout.words
        return tuple(
            " ".join(filter(None, (_fold_word(words[index].text) for index in line.words)))
            for line in self.layout.lines
        )

    @cached_property
    def _folded_page(self) -> str:
        """All lines, to see at once that a label is nowhere."""
        return "\n".join(self._folded_lines)

    def find(self, text: str) -> list[Occurrence]:
        """Return every place where `text` stands as a run of words, edges' punctuation aside, top to bottom."""
        if text not in self._found:
            parts = text.split()
            self._found[text] = self._find(parts) if parts else []
        return self._found[text]

    def at(self, words: tuple[int, ...], text: str) -> Occurrence:
        """The place of words that are known to hold `text`; less exact where they hold more than it."""
        printed = " ".join(self.layout.words[index].text for index in words)
        return self._occurrence(words, 1.0 if _bare(printed) == _bare(text) else 0.9)

    def _find(self, parts: list[str]) -> list[Occurrence]:
        found: dict[tuple[int, ...], Occurrence] = {}
        wanted = tuple(_bare(part) for part in parts)
        for number, position in self._starts.get(wanted[0], ()):
            end = position + len(wanted)
            if (
                self._bare_runs[number][position:end] == wanted
                and (words := self._runs[number][position:end]) not in found
            ):
                found[words] = self._occurrence(words, 1.0)
        if not found:
            found = self._inside_words(parts[0]) if len(parts) == 1 else self._glued_at_edges(parts)
        if not found:
            found = self._across_hyphens(parts)
        if len(found) == 1:
            return list(found.values())
        return sorted(found.values(), key=lambda occurrence: (occurrence.top, occurrence.boxes[0].x0))

    def find_folded(self, text: str) -> tuple[Box, ...]:
        """Return the places of `text` within a line, whatever its capitals, accents and marks."""
        folded = fold(text)
        return self._places(folded) if folded else ()

    def label_distance(self, occurrence: Occurrence, leaf: LeafNode) -> float | None:
        """How far the nearest label of the field is, in page widths; None where none is near. Left beats above."""
        best: float | None = None
        for label in _folded_labels(leaf.hint.labels):
            for box in self._places(label):
                distance = self._distance(box, occurrence.boxes[0])
                if distance is not None and (best is None or distance < best):
                    best = distance
        return best

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

    def _glued_at_edges(self, parts: list[str]) -> dict[tuple[int, ...], Occurrence]:
        """Runs whose first word has its label, or whose last word its unit, stuck to it: `Date:5. March 2024`."""
        found: dict[tuple[int, ...], Occurrence] = {}
        texts = [word.text for word in self.layout.words]
        for line in self._lines:
            for start in range(len(line) - len(parts) + 1):
                words = line[start : start + len(parts)]
                first, last = texts[words[0]], texts[words[-1]]
                if not (first.endswith(parts[0]) and last.startswith(parts[-1])):
                    continue
                before, after = first[: -len(parts[0])][-1:], last[len(parts[-1]) :][:1]
                are_edges_sound = _parts(before, parts[0][0]) and _parts(parts[-1][-1], after)
                if are_edges_sound and [texts[index] for index in words[1:-1]] == parts[1:-1]:
                    found[words] = self._occurrence(words, 0.9)
        return found

    def _across_hyphens(self, parts: Sequence[str]) -> dict[tuple[int, ...], Occurrence]:
        """A value whose words were broken at line ends: `Rech-` `nung` is `Rechnung`."""
        wanted = "".join(_bare(part) for part in parts).replace("-", "")
        found: dict[tuple[int, ...], Occurrence] = {}
        if len(wanted) < 4:
            return found
        for run in self._runs[len(self.layout.lines) :]:
            bare = [self._bare[index].replace("-", "") for index in run]
            for start in range(len(run)):
                joined, end = "", start
                while end < len(run) and len(joined) < len(wanted) and wanted.startswith(joined + bare[end]):
                    joined, end = joined + bare[end], end + 1
                if joined == wanted:
                    found[run[start:end]] = self._occurrence(run[start:end], 0.8)
        return found

    def _occurrence(self, words: tuple[int, ...], exactness: float) -> Occurrence:
        if len(words) == 1:
            return Occurrence(words, (self.layout.words[words[0]].box,), exactness)
        by_line: dict[int, list[Box]] = {}
        for index in words:
            by_line.setdefault(self._line_of[index], []).append(self.layout.words[index].box)
        return Occurrence(words, tuple(union(boxes) for boxes in by_line.values()), exactness)

    def _places(self, label: str) -> tuple[Box, ...]:
        if label not in self._labels:
            self._labels[label] = tuple(self._label_boxes(label))
        return self._labels[label]

    def _label_boxes(self, label: str) -> Iterable[Box]:
        if label not in self._folded_page:
            return
        for line, folded in zip(self.layout.lines, self._folded_lines, strict=True):
            start = folded.find(label)
            owners = _owners(self.layout, line.words) if start >= 0 else ()
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


def _bare(word: str) -> str:
    """A word without the marks at its edges, its hyphens and minus signs all one."""
    if not word.isascii():
        word = word.translate(_DASHES)
    return word.strip(_EDGES) or word


def _parts(before: str, after: str) -> bool:
    """Whether a value may begin or end between these two characters: not within a word, not within a number."""
    if not before or not after:
        return True
    return not (before.isalpha() and after.isalpha()) and not (before.isdigit() and after.isdigit())


def _owners(layout: Layout, words: Sequence[int]) -> tuple[int, ...]:
    """The word that each character of a folded line belongs to; -1 for the spaces between."""
    owners: list[int] = []
    for index in words:
        if folded := _fold_word(layout.words[index].text):
            owners += [-1] * bool(owners) + [index] * len(folded)
    return tuple(owners)


@lru_cache(maxsize=8192)
def _fold_word(word: str) -> str:
    return fold(word)


@lru_cache(maxsize=1024)
def _folded_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, dict.fromkeys(fold(label) for label in labels)))
