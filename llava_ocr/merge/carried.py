"""Balances that every page carries over to the next: only the first page's opening and the last one's closing count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import permutations

from llava_ocr.grounding.ground import PageReading
from llava_ocr.schema import Kind, LeafNode

# Where a field stands: the page's place in the document and what it says there.
_Places = list[tuple[int, Decimal]]


def without_carried(pages: Sequence[Sequence[PageReading]], leaves: Mapping[str, LeafNode]) -> list[list[PageReading]]:
    """Drop what pages in between say of two amounts of which one is, on every later page, the other of the page before.

    `Brought forward` on page 2 is what page 1 carried forward; neither is the statement's own balance.
    """
    places = _places(pages, leaves)
    dropped: set[tuple[int, str]] = set()
    for opening, closing in permutations(places, 2):
        if _carries(places[opening], places[closing]):
            dropped |= {(number, opening) for number, _ in places[opening][1:]}
            dropped |= {(number, closing) for number, _ in places[closing][:-1]}
    return [
        [entry for entry in page if (number, entry.reading.path) not in dropped] for number, page in enumerate(pages)
    ]


def _places(pages: Sequence[Sequence[PageReading]], leaves: Mapping[str, LeafNode]) -> dict[str, _Places]:
    found: dict[str, _Places] = {}
    for number, page in enumerate(pages):
        for entry in page:
            leaf, value = leaves.get(entry.reading.path), entry.reading.value
            if leaf is not None and leaf.leaf.kind is Kind.MONEY and isinstance(value, Decimal):
                found.setdefault(entry.reading.path, []).append((number, value))
    return found


def _carries(opening: _Places, closing: _Places) -> bool:
    """Whether each opening after the first is the closing last said before it, and they do change."""
    if len({value for _, value in opening}) < 2:
        return False
    before = [_last_before(closing, number) for number, _ in opening[1:]]
    return all(value == said for (_, value), said in zip(opening[1:], before, strict=True))


def _last_before(places: _Places, number: int) -> Decimal | None:
    return next((value for at, value in reversed(places) if at < number), None)
