"""Pages of a mixed-up file back to their documents: by number, by sender, and by counters that fit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

from llava_ocr.bundles.clues import numbers_of
from llava_ocr.bundles.counters import Counter
from llava_ocr.bundles.face import PageFace

# What makes two fragments one document, the surest first, and how certain that is when nothing else fits as well.
NUMBER, PRINTED, SENDER, COUNTER = 4, 3, 2, 1
CERTAINTY: Mapping[int, float] = MappingProxyType({NUMBER: 0.98, PRINTED: 0.95, SENDER: 0.85, COUNTER: 0.8})
# Where another fragment fits as well.
A_GUESS = 0.5


@dataclass(frozen=True)
class Fragment:
    """Pages that belong together for certain, and why they were cut from what was before."""

    faces: tuple[PageFace, ...]
    reason: str
    certainty: float

    def with_page(self, page: PageFace) -> Fragment:
        """The same with one more page."""
        return Fragment((*self.faces, page), self.reason, self.certainty)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers that its pages call their own."""
        return numbers_of(self.faces)

    @cached_property
    def codes(self) -> frozenset[str]:
        """All codes on its pages."""
        return frozenset[str]().union(*(face.codes for face in self.faces))

    @cached_property
    def marks(self) -> frozenset[str]:
        """What tells its sender."""
        return frozenset[str]().union(*(face.marks for face in self.faces))

    @cached_property
    def counters(self) -> frozenset[Counter]:
        """The counters on its pages."""
        return frozenset(face.counter for face in self.faces if face.counter is not None)

    @property
    def in_order(self) -> tuple[PageFace, ...]:
        """The pages by their counters; those without follow the page that they follow in the file."""
        keyed: list[tuple[int, int, PageFace]] = []
        number = 0
        for place, face in enumerate(self.faces):
            number = face.counter.number if face.counter is not None else number
            keyed.append((number, place, face))
        return tuple(face for _, _, face in sorted(keyed, key=lambda entry: entry[:2]))


def gather(fragments: Sequence[Fragment]) -> list[Fragment]:
    """Join fragments that are of one document, the surest first, until none fits another."""
    found = dict(enumerate(fragments))
    bonds = [_bond(found, one, two) for one, two in combinations(found, 2) if _fit(found[one], found[two])]
    heapify(bonds := [bond for bond in bonds if bond.strength])
    while bonds:
        bond = heappop(bonds)
        if bond.one not in found or bond.two not in found:
            continue
        is_rivalled = _is_rivalled(found, bond)
        if is_rivalled and bond.strength == COUNTER:
            continue
        joined = _joined(found.pop(bond.one), found.pop(bond.two), bond.strength, is_rivalled=is_rivalled)
        new = max(bond.one, bond.two, *found, len(fragments)) + 1
        found[new] = joined
        for other in found:
            if other != new and _fit(found[other], joined) and (again := _bond(found, other, new)).strength:
                heappush(bonds, again)
    return list(found.values())


class _Bond(NamedTuple):
    """What ties two fragments; the strongest comes first, of equals that of the nearest."""

    weakness: int
    distance: int
    one: int
    two: int

    @property
    def strength(self) -> int:
        """How surely they are of one document."""
        return -self.weakness


def _bond(found: Mapping[int, Fragment], one: int, two: int) -> _Bond:
    return _Bond(-_strength(found[one], found[two]), _distance(found[one], found[two]), one, two)


def _is_rivalled(found: Mapping[int, Fragment], bond: _Bond) -> bool:
    """Whether a third fragment fits one of the two as well, and can't be of the same document as the other."""
    for mine, other in ((bond.one, bond.two), (bond.two, bond.one)):
        for third in found.keys() - {bond.one, bond.two}:
            is_other = _fit(found[third], found[mine]) and not _fit(found[third], found[other])
            if is_other and _strength(found[third], found[mine]) >= bond.strength:
                return True
    return False


def _fit(one: Fragment, two: Fragment) -> bool:
    """Whether the counters of both can be those of one document."""
    mine, yours = one.counters, two.counters
    if not mine or not yours or {c.number for c in mine} & {c.number for c in yours}:
        return False
    return len({c.total for c in mine | yours}) == 1


def _strength(one: Fragment, two: Fragment) -> int:
    """How surely two fragments whose counters fit are of one document; 0 where their numbers speak against it."""
    if one.numbers & two.numbers:
        return NUMBER
    if one.numbers and two.numbers:
        return 0
    if one.codes & two.numbers or two.codes & one.numbers:
        return PRINTED
    return SENDER if one.marks & two.marks else COUNTER


def _distance(one: Fragment, two: Fragment) -> int:
    return min(abs(a.page_index - b.page_index) for a in one.faces for b in two.faces)


def _joined(one: Fragment, two: Fragment, strength: int, *, is_rivalled: bool) -> Fragment:
    """Both as one, beginning where the lower counter is."""
    first = min(one, two, key=lambda fragment: min(counter.number for counter in fragment.counters))
    certainty = min(first.certainty, A_GUESS if is_rivalled else CERTAINTY[strength])
    return Fragment((*one.faces, *two.faces), first.reason, certainty)
