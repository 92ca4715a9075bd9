"""Page counters as they are printed: `Page 2 of 3`, `Seite 2/3`, `- 2 -`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llava_ocr.words.layout import Layout, Segment

# Counters without the word `page` stand within this share of the page's height from an edge.
EDGE = 0.12
# Others may stand in a document's head, but not among its rows.
MARGIN = 0.25
_WORD = r"(?:page|pages|pg|seite|blatt|feuillet|feuille|pagina|página|folio|p|s)"
_OF = r"(?:of|von|sur|de|di|van|/)"
_WHOLE = re.compile(rf"\b{_WORD}[\s.:]*(\d{{1,4}})\s*{_OF}\s*(\d{{1,4}})\b", re.IGNORECASE)
_ALONE = re.compile(rf"(?:^|[|·•]\s*|\s-\s){_WORD}[\s.:]*(\d{{1,4}})(?=$|\s*[|·•])", re.IGNORECASE)
_BARE = re.compile(r"[-–—]\s*(\d{1,4})\s*[-–—]")
# `2023/4037` is no counter.
_BARE_OF = re.compile(rf"(\d{{1,3}})\s*{_OF}\s*(\d{{1,3}})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Counter:
    """What a page says of its place: its number from 1, and of how many where it says so."""

    number: int
    total: int | None = None

    def follows(self, other: Counter) -> bool:
        """Whether this is the page after `other`, as far as both say."""
        return self.number == other.number + 1 and self.agrees(other)

    def agrees(self, other: Counter) -> bool:
        """Whether both can be pages of one document."""
        return self.number != other.number and self.total == other.total


def read_counter(layout: Layout) -> Counter | None:
    """Find a page's counter: one that says `of` before one that does not, nearer to an edge before farther."""
    found = [
        (counter.total is None, _depth(segment), number, counter)
        for number, segment in enumerate(_segments(layout))
        if (counter := _counter_in(segment)) is not None
    ]
    return min(found, key=lambda entry: entry[:3])[3] if found else None


def _segments(layout: Layout) -> Iterator[Segment]:
    return (segment for line in layout.lines for segment in line.segments)


def _depth(segment: Segment) -> float:
    """How far from the nearer edge of the page, top or bottom, a segment stands."""
    return min(segment.box.center_y, 1 - segment.box.center_y)


def _counter_in(segment: Segment) -> Counter | None:
    depth = _depth(segment)
    if depth > MARGIN:
        return None
    match = _WHOLE.search(segment.text)
    if match is None and depth <= EDGE:
        match = _ALONE.search(segment.text) or _BARE.fullmatch(segment.text) or _BARE_OF.fullmatch(segment.text)
    if match is None:
        return None
    number, total = int(match[1]), int(match[2]) if match.re.groups > 1 else None
    return Counter(number, total) if number > 0 and (total is None or number <= total) else None
