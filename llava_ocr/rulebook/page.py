"""A page as rules see it: labels, typed values and runs of words, each with its place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from llava_ocr.constrain.check import PrintedText
from llava_ocr.constrain.page_text import holds_text
from llava_ocr.geometry import Box, union
from llava_ocr.grounding.candidates import CandidateKey, amounts_on, candidate_key, spans
from llava_ocr.grounding.match import PageIndex
from llava_ocr.prompts import fold
from llava_ocr.rulebook.captions import Caption, find_captions, is_numbering, reads_as_caption
from llava_ocr.rulebook.roles import NUMBER_WORDS
from llava_ocr.rulebook.wordings import SAME, means
from llava_ocr.schema import GroupNode, Kind, LeafNode, Node, RowsNode
from llava_ocr.words.layout import Layout, Segment

# A printed label has at most this many words.
MAX_LABEL_WORDS = 8
# A hint of so few words is what a page may call the field.
MAX_HINT_WORDS = 4
# What a caption costs that is none of the labels, though it means the field.
LIKELY = 0.1
# A label this long may be the tail of a longer word.
MIN_TAIL_CHARS = 7
# Marks at the edges of a value that do not belong to it; a full stop or bracket may (`Inc.`, `(UK)`).
_EDGES = " ,;:|·•∙*#_-–—/"


@dataclass(frozen=True, slots=True)
class Value:
    """A text of the page and the words it was made of."""

    text: str
    words: tuple[int, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Label:
    """A label of the schema where it stands on the page: which nodes it may speak of, by path.

    `is_apart` tells that other words stand before it in its segment (`Delivery Date`); `is_whole` that none do and it
    is not the tail of a longer word. `doubt` is what it costs that the caption only means the label.
    """

    text: str
    paths: frozenset[str]
    words: tuple[int, ...]
    line: int
    box: Box
    is_whole: bool
    is_apart: bool
    doubt: float = 0.0


class RulePage:
    """A page's words, ready to be asked for labels and values of one schema."""

    def __init__(self, layout: Layout, root: GroupNode) -> None:
        self.layout = layout
        self.index = PageIndex(layout)
        self.height = layout.word_height
        self.root = root
        self._placed: dict[CandidateKey, tuple[Value, ...]] = {}
        self._printed = PrintedText(layout)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment, line by line."""
        return tuple(segment for line in self.layout.lines for segment in line.segments)

    @cached_property
    def segment_of(self) -> dict[int, Segment]:
        """The segment that each word belongs to."""
        return {index: segment for segment in self.segments for index in segment.words}

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Labels of the schema on this page, the longest at each place."""
        known = _known_labels(self.root)
        return tuple(label for segment in self.segments for label in self._labels_in(segment, known))

    @cached_property
    def printed_labels(self) -> frozenset[int]:
        """Words that are a label with nothing before it: `Invoice 4711`, but not `12 High Street`."""
        return frozenset(index for label in self.labels if label.is_whole for index in label.words)

    @cached_property
    def captions(self) -> dict[int, Caption]:
        """What the page calls its values, whether the schema asks for them or not, by each of their words."""
        known = {label.words[0]: len(label.words) for label in self.labels if label.is_whole}
        for segment in self.segments:
            if segment.words[0] not in known and reads_as_caption(self.layout, segment):
                found = means(self.root, segment.text)
                if found is not None and found[1] >= SAME:
                    known[segment.words[0]] = len(segment.words)
        return find_captions(self.layout, self.segments, known)

    @cached_property
    def likely(self) -> tuple[Label, ...]:
        """Captions that mean a field of the schema in words that its labels do not have."""
        exact = {index for label in self.labels if label.is_whole for index in label.words}
        captions = {caption.words for caption in self.captions.values() if not exact & set(caption.words)}
        return tuple(label for words in sorted(captions) if (label := self._likely(words)) is not None)

    def _likely(self, words: tuple[int, ...]) -> Label | None:
        found = means(self.root, self.text(words))
        if found is None:
            return None
        leaf, likeness = found
        line = self.segment_of[words[0]].line
        doubt = LIKELY + (1 - likeness)
        text = fold(self.text(words)).replace(" ", "") or leaf.name
        return Label(text, frozenset([leaf.path]), words, line, self.box(words), True, False, doubt)

    def caption_of(self, label: Label) -> Caption:
        """The caption that a label is, or is a part of; open where the page does not say where it ends."""
        found = self.captions.get(label.words[-1])
        return found if found is not None else Caption(label.words, is_closed=False)

    def labels_of(self, node: Node) -> tuple[Label, ...]:
        """Where labels of one node stand, top to bottom."""
        return tuple(label for label in self.labels if node.path in label.paths)

    def placed(self, leaf: LeafNode) -> tuple[Value, ...]:
        """Every value a typed leaf could have, at each of its places, the longest at each; in reading order."""
        key = candidate_key(leaf)
        if key not in self._placed:
            found = {value.words: value for value in self._found(leaf)}
            longest = [v for v in found.values() if not any(set(v.words) < set(words) for words in found)]
            self._placed[key] = tuple(sorted(longest, key=lambda v: (self.segment_of[v.words[0]].line, v.box.x0)))
        return self._placed[key]

    def value(self, words: Sequence[int]) -> Value | None:
        """Make a text value of words that read on; None where nothing of them may be said."""
        listed = list(words)
        texts = [self.layout.words[index].text for index in listed]
        while listed and not holds_text(texts[0]):
            listed, texts = listed[1:], texts[1:]
        while listed and not holds_text(texts[-1]):
            listed, texts = listed[:-1], texts[:-1]
        text = " ".join(texts).strip(_EDGES)
        if not text or text not in self._printed:
            return None
        return Value(text, tuple(listed), self.box(listed))

    def text(self, words: Iterable[int]) -> str:
        """Words as printed, with spaces between."""
        return " ".join(self.layout.words[index].text for index in words)

    def holds(self, text: str) -> bool:
        """Whether a text field may say it."""
        return text in self._printed

    def box(self, words: Iterable[int]) -> Box:
        """The box around words."""
        return union(self.layout.words[index].box for index in words)

    def _found(self, leaf: LeafNode) -> Iterator[Value]:
        if leaf.leaf.kind in (Kind.MONEY, Kind.NUMBER):
            for amount in amounts_on(self.layout):
                yield Value(amount.text, amount.words, self.index.at(amount.words, amount.text).boxes[0])
            return
        for text in spans(self.layout, leaf):
            yield from self._places(text)

    def _places(self, text: str) -> Iterator[Value]:
        for place in self.index.find(text):
            if len({self.segment_of[index] for index in place.words}) == 1:
                yield Value(text, place.words, place.boxes[0])

    def _labels_in(self, segment: Segment, known: dict[str, frozenset[str]]) -> Iterator[Label]:
        owners, tokens = self._tokens(segment)
        at = 0
        while at < len(tokens):
            end, text = _longest(tokens, at, known)
            if end == at:
                at += 1
                continue
            words = tuple(dict.fromkeys(owners[at:end]))
            before = segment.words[: segment.words.index(words[0])]
            is_start = at == 0 or is_numbering(self.text(before)) or self.text(before).endswith((":", "|", "/"))
            is_tail = "".join(tokens[at:end]) != text
            yield Label(
                text,
                known[text],
                words,
                segment.line,
                self.box(words),
                is_whole=is_start and not is_tail,
                is_apart=not is_start,
            )
            at = end

    def _tokens(self, segment: Segment) -> tuple[list[int], list[str]]:
        owners: list[int] = []
        tokens: list[str] = []
        for index in segment.words:
            for token in fold(self.layout.words[index].text).split():
                owners.append(index)
                tokens.append(token)
        return owners, tokens


def _longest(tokens: Sequence[str], start: int, known: dict[str, frozenset[str]]) -> tuple[int, str]:
    """Where the longest label that begins here ends, and the label; `start` if none does."""
    for end in range(min(len(tokens), start + MAX_LABEL_WORDS), start, -1):
        joined = "".join(tokens[start:end])
        if joined in known:
            return end, joined
    # German joins words: a Handelsrechnung is a Rechnung.
    tail = next((label for label in known if len(label) >= MIN_TAIL_CHARS and tokens[start].endswith(label)), "")
    return (start + 1, tail) if tail else (start, "")


@lru_cache(maxsize=64)
def _known_labels(root: GroupNode) -> dict[str, frozenset[str]]:
    """Every label of the schema without its spaces (`USt-IdNr` and `USt-ID-Nr` are one), to the nodes it names."""
    known: dict[str, set[str]] = {}
    for node in _nodes(root):
        for label in _wordings(node):
            known.setdefault(label.replace(" ", ""), set()).add(node.path)
    return {label: frozenset(paths) for label, paths in known.items() if label}


def _wordings(node: Node) -> Iterator[str]:
    """What a node may be called in print: its labels, or its name and short hint where it has none."""
    said = node.hint.labels
    if not said and isinstance(node, LeafNode):
        said = (
            node.name.replace("_", " "),
            *([node.hint.text] if len(node.hint.text.split()) <= MAX_HINT_WORDS else []),
        )
    for label in said:
        words = fold(label).split()
        yield " ".join(words)
        if len(words) > 1 and words[-1] in NUMBER_WORDS:
            yield from (" ".join([*words[:-1], last]) for last in ("no", "nr", "number", "nummer"))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    children = node.row.children if isinstance(node, RowsNode) else getattr(node, "children", ())
    for child in children:
        yield from _nodes(child)
