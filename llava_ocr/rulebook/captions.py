"""Captions of a page, told from the page itself: what a colon ends, what is a label of the schema and nothing else,
and what stands in line with those. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.prompts import fold
from llava_ocr.rulebook.roles import NUMBER_WORDS, vocabulary
from llava_ocr.words.layout import Layout, Segment

# A caption has at most this many words.
MAX_WORDS = 8
# Edges of one column lie at most this far apart, in page widths.
ALIGNED = 0.007
# What a caption stands over begins at most this many word heights below it.
BELOW = 2.6
# Captions in print this much smaller than what stands below them are told by their size alone.
SMALL = 0.92
# Words that join others to a caption without having a meaning of their own.
_JOINING = vocabulary(
    "of the and or for de del della di du des le la les el los der die das und von van het en e y et a au"
)
# Marks between two captions, or a value and the next caption, of one line.
_APART = ("·", "|", "•")
# The same behind a value; a caption itself may hold these.
_STROKES = ("/", "–", "—")
_NUMBERING = re.compile(r"\(?(\d{1,2}[a-z]?|[A-Za-z])[.)]*")
_ENDS = re.compile(r".*[:：]$")


@dataclass(frozen=True, slots=True)
class Caption:
    """Words that name a value; `is_closed` tells that the page says where they end: a colon, an edge, a column."""

    words: tuple[int, ...]
    is_closed: bool = True


def find_captions(layout: Layout, segments: Sequence[Segment], known: Mapping[int, int]) -> dict[int, Caption]:
    """Return the captions of a page by each of their words. `known` has the labels of the schema that begin something:
    the first word of each, and how many words it has."""
    found: dict[int, Caption] = {}
    bare: list[Segment] = []
    for segment in segments:
        ended = list(_ended(layout, segment, known))
        whole = _is_known(layout, segment, known)
        for words in ended or ([segment.words] if whole else []):
            found |= dict.fromkeys(words, Caption(words))
        if not ended and not whole and reads_as_caption(layout, segment):
            bare.append(segment)
    aligned = _aligned(layout, segments, found, bare)
    return found | {index: Caption(segment.words) for segment in aligned for index in segment.words}


def _ended(layout: Layout, segment: Segment, known: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
    """The captions of a segment that colons end."""
    start = 0
    for at, index in enumerate(segment.words):
        text = layout.words[index].text
        if not _ENDS.match(text):
            continue
        begin = _begin(layout, segment.words, start, at, known)
        words = segment.words[begin : at + 1]
        if len(words) <= MAX_WORDS and any(c.isalpha() for i in words for c in layout.words[i].text):
            yield words
        start = at + 1


def _begin(layout: Layout, words: Sequence[int], start: int, end: int, known: Mapping[int, int]) -> int:
    """Where the caption that ends at a colon begins: at the line's start, a mark, a known label, or a capital."""
    texts = [layout.words[index].text for index in words]
    for at in range(end, start, -1):
        if texts[at - 1] in _APART or (start and (texts[at - 1] in _STROKES or texts[at - 1].endswith((",", ";")))):
            return at
    if start == 0:
        return 0
    labelled = [at for at in range(start, end + 1) if at + known.get(words[at], 0) > end - 1 and words[at] in known]
    if labelled:
        return labelled[0]
    at = end if texts[end].strip(":") else end - 1
    while at > start and not texts[at][:1].isupper() and not any(c.isdigit() for c in texts[at - 1]):
        at -= 1
    return max(at, start)


def _is_known(layout: Layout, segment: Segment, known: Mapping[int, int]) -> bool:
    """Whether a segment is a label of the schema and nothing else: what follows is in brackets, a mark or a leader."""
    words = segment.words
    if len(words) > 1 and is_numbering(layout.words[words[0]].text):
        words = words[1:]
    count = known.get(words[0], 0)
    if not count:
        return False
    rest = [layout.words[index].text for index in words[count:]]
    if rest and rest[0] == "/" and len(rest) <= MAX_WORDS - count and not any(map(str.isdigit, " ".join(rest))):
        # `Name / Nom`, `Policy / Version`.
        return True
    return all(not any(map(str.isalnum, text)) or _is_aside(text) or fold(text) in NUMBER_WORDS for text in rest)


def _is_aside(text: str) -> bool:
    return text.startswith("(") and text.endswith(")")


def is_numbering(text: str) -> bool:
    """Whether a word only numbers what follows: `3`, `(12)`, `2a.`"""
    return bool(_NUMBERING.fullmatch(text))


def reads_as_caption(layout: Layout, segment: Segment) -> bool:
    """Whether a segment could be a caption: a few words of letters that begin with a capital."""
    texts = [layout.words[index].text for index in segment.words]
    if len(texts) > 1 and is_numbering(texts[0]):
        texts = texts[1:]
    letters = [text for text in texts if any(map(str.isalpha, text))]
    has_figures = any(any(map(str.isdigit, text)) for text in texts)
    return len(letters) > 0 and len(texts) <= MAX_WORDS and not has_figures and texts[0][:1].isupper()


def _aligned(
    layout: Layout, segments: Sequence[Segment], found: Mapping[int, Caption], bare: Sequence[Segment]
) -> Iterator[Segment]:
    """Those of `bare` that stand as captions do: over something, as a known caption of their line does, before
    something, as known captions of their column do, or in the small print of one."""
    seeds = [segment for segment in segments if _fills(segment, found)]
    if not seeds:
        return
    grid = _Grid(layout)
    heads = [line for line in {seed.line for seed in seeds} if _is_head(line, grid, found, bare)]
    taken = [segment for segment in bare if segment.line in heads]
    yield from taken
    known = found.keys() | {index for segment in taken for index in segment.words}
    columns = list(_columns(seeds, grid, known))
    small = [(seed.box.height, share) for seed in seeds if (share := _share_of_below(seed, grid)) < SMALL]
    for segment in bare:
        right = grid.right(segment)
        is_column = right is not None and any(
            _share_edge(segment.box, left) and _share_edge(right.box, value) for left, value in columns
        )
        share = _share_of_below(segment, grid) if small else 1.0
        is_small = any(
            abs(segment.box.height - height) < 0.04 * height and abs(share - one) < 0.06 for height, one in small
        )
        if segment.line not in heads and (is_column or is_small):
            yield segment


def _is_head(line: int, grid: _Grid, found: Mapping[int, Caption], bare: Sequence[Segment]) -> bool:
    """Whether a line is captions and nothing else, each over its value. A row of captions and values looks alike where
    there are but two and no value holds a figure."""
    row = grid.layout.lines[line].segments
    if len(row) < 2 or not all(_fills(one, found) or one in bare for one in row):
        return False
    under = [next((low for low in grid.below(one) if _is_in_line(one.box, low.box)), None) for one in row]
    told = {one.words[0]: one for one in under if one is not None}
    if len(told) < 2 or any(one in found for one in told):
        return False
    plain = [one in bare for seed, one in zip(row, under, strict=True) if one is not None and _fills(seed, found)]
    return (len(row) > 2 and len(told) == len(row)) or not any(plain)


def _columns(seeds: Sequence[Segment], grid: _Grid, known: Collection[int]) -> Iterator[tuple[Box, Box]]:
    """Known captions with what stands beside them, where two follow each other in one column."""
    beside = {seed.words: right for seed in seeds if (right := grid.right(seed)) and right.words[0] not in known}
    for seed in seeds:
        right, below = beside.get(seed.words), next(iter(grid.below(seed)), None)
        other = beside.get(below.words) if below is not None else None
        if right is None or below is None or other is None:
            continue
        if _share_edge(seed.box, below.box) and _share_edge(right.box, other.box):
            yield seed.box, right.box
            yield below.box, other.box


def _fills(segment: Segment, found: Mapping[int, Caption]) -> bool:
    caption = found.get(segment.words[0])
    return caption is not None and caption.words == segment.words


def _share_of_below(segment: Segment, grid: _Grid) -> float:
    """How high a segment is beside what stands below it; 1 where nothing does."""
    below = next(iter(grid.below(segment)), None)
    return segment.box.height / below.box.height if below is not None else 1.0


def _is_in_line(one: Box, other: Box) -> bool:
    return _share_edge(one, other) or abs(one.center_x - other.center_x) < ALIGNED


def _share_edge(one: Box, other: Box) -> bool:
    return abs(one.x0 - other.x0) < ALIGNED or abs(one.x1 - other.x1) < ALIGNED


@dataclass(frozen=True, slots=True)
class _Grid:
    """What stands right of a segment, and what below it."""

    layout: Layout

    def right(self, segment: Segment) -> Segment | None:
        """The next segment of its line."""
        return next((one for one in self.layout.lines[segment.line].segments if one.box.x0 > segment.box.x0), None)

    def below(self, segment: Segment) -> list[Segment]:
        """What begins below it within reach."""
        return list(standing_below(self.layout, segment.box, segment.line))


def standing_below(layout: Layout, box: Box, line: int) -> Iterator[Segment]:
    """Yield the segments that stand below a caption within reach, in line with it."""
    for other in layout.lines[line + 1 : line + 5]:
        if other.box.y0 - box.y1 > BELOW * max(box.height, other.box.height):
            continue
        for segment in other.segments:
            shared = min(box.x1, segment.box.x1) - max(box.x0, segment.box.x0)
            if shared > 0 and segment.box.y0 > box.center_y:
                yield segment


def strangers(layout: Layout, words: Iterable[int]) -> list[str]:
    """Words of letters that make a caption another: none in brackets, none that announce a number or only join."""
    texts = [layout.words[index].text for index in words]
    found: list[str] = []
    is_aside = False
    for text in texts:
        is_aside = is_aside or text.startswith("(")
        if not is_aside and _is_stranger(text):
            found.append(text)
        is_aside = is_aside and ")" not in text
    return found


def _is_stranger(text: str) -> bool:
    folded = fold(text)
    is_plain = folded in NUMBER_WORDS or folded in _JOINING
    return not is_plain and any(map(str.isalpha, text))
