"""The pages of one file to the documents they are of. Pure.

Pages are first cut one after the other (`seams`); where the page counters show that the file is back to front, its
order is turned first; where they show that it is mixed up, pages then find their documents (`gather`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from llava_ocr.bundles.clues import Clue
from llava_ocr.bundles.counters import Counter
from llava_ocr.bundles.face import PageFace
from llava_ocr.bundles.gather import Fragment, gather
from llava_ocr.bundles.seams import Gap, Seam, first_seam, judge
from llava_ocr.records import Part

# Raise when the rules split otherwise than before; it is part of a bundle's fingerprint.
RULES_VERSION = "1"
# Of pages that are cut or kept with less certainty, a person is told.
SURE = 0.75
FIRST_PAGES_MISSING = "the pages before it are not in the file"


@dataclass(frozen=True, slots=True)
class Split:
    """A file's documents, by the first of their pages in the file, and what was decided before each page.

    `missing` are the pages that a document's counters tell of and the file has not, by their numbers, for each part.
    """

    parts: tuple[Part, ...]
    seams: tuple[Seam, ...]
    missing: tuple[tuple[int, ...], ...]

    def doubts(self, part: Part) -> tuple[Seam, ...]:
        """What is less than sure about where a part begins, goes on and ends."""
        first, last = min(part.page_indices), max(part.page_indices)
        after = next((seam.page_index for seam in self.seams if seam.page_index > last), -1)
        near = [seam for seam in self.seams if first <= seam.page_index <= last or seam.page_index == after]
        return tuple(seam for seam in near if seam.certainty < SURE)


def split(faces: Sequence[PageFace]) -> Split:
    """Split a file's pages, in the order of the file. Every page that is not blank is in just one part."""
    pages = [face for face in faces if not face.is_blank]
    if not pages:
        return Split((), (), ())
    gaps = _gaps(faces, pages)
    if _runs_backwards(pages) and not _is_mixed_up(pages[::-1]):
        pages, gaps = pages[::-1], gaps[::-1]
    fragments, seams = _cut(pages, gaps)
    if _is_mixed_up(pages):
        fragments = gather(_singled(fragments))
    fragments = sorted(fragments, key=lambda fragment: min(face.page_index for face in fragment.faces))
    seams = sorted(seams, key=lambda seam: seam.page_index)
    return Split(tuple(map(_part, fragments)), tuple(seams), tuple(map(_missing, fragments)))


def _gaps(faces: Sequence[PageFace], pages: Sequence[PageFace]) -> list[Gap]:
    """What lies between the pages. Where every back is blank, backs tell nothing."""
    are_backs = len(faces) > 2 and all(face.is_blank == (place % 2 == 1) for place, face in enumerate(faces))
    places = {face.page_index: place for place, face in enumerate(faces)}
    between = [places[after.page_index] - places[before.page_index] - 1 for before, after in pairwise(pages)]
    counts = [count - 1 if are_backs else count for count in between]
    return [Gap(count, are_separated=any(counts)) for count in counts]


def _cut(pages: Sequence[PageFace], gaps: Sequence[Gap]) -> tuple[list[Fragment], list[Seam]]:
    """Cut pages in the order in which they come."""
    seams = [first_seam(pages[0].page_index)]
    fragments = [Fragment((pages[0],), seams[0].reason, seams[0].certainty)]
    for page, gap in zip(pages[1:], gaps, strict=True):
        seam = judge(fragments[-1].faces, page, gap)
        seams.append(seam)
        if seam.is_cut:
            fragments.append(Fragment((page,), seam.reason, seam.certainty))
        else:
            fragments[-1] = fragments[-1].with_page(page)
    return fragments, seams


def _runs_backwards(pages: Sequence[PageFace]) -> bool:
    """Whether the counters go down rather than up, as where a pile was fed with its last page first."""
    counted = [(one.counter, two.counter) for one, two in pairwise(pages) if one.counter and two.counter]
    num_up = sum(two.number == one.number + 1 and two.total == one.total for one, two in counted)
    num_down = sum(two.number == one.number - 1 and two.total == one.total for one, two in counted)
    return num_down > num_up


def _is_mixed_up(pages: Sequence[PageFace]) -> bool:
    """Whether a page follows another than its counter and number say, and the right one is elsewhere in the file."""
    counted = [page for page in pages if page.counter is not None]
    for before, page in pairwise([None, *counted]):
        assert page is not None and page.counter is not None
        if page.counter.number == 1 or (before is not None and _leads_to(before, page)):
            continue
        is_other = before is not None and before.counter == _wanted_before(page.counter)
        homes = [one for one in counted if one.counter == _wanted_before(page.counter) and one is not before]
        if any(not is_other or one.numbers & page.numbers for one in homes):
            return True
    return False


def _leads_to(before: PageFace, page: PageFace) -> bool:
    """Whether a counted page can be the one before another: by its counter, and by its number where both have one."""
    assert page.counter is not None, page.page_index
    is_clash = before.numbers and page.numbers and not before.numbers & (page.numbers | page.codes)
    return before.counter == _wanted_before(page.counter) and not is_clash


def _wanted_before(counter: Counter) -> Counter:
    return Counter(counter.number - 1, counter.total)


def _singled(fragments: Sequence[Fragment]) -> list[Fragment]:
    """Take documents apart again, each page that has a counter with those after it that have none."""
    singled: list[Fragment] = []
    for fragment in fragments:
        for place, face in enumerate(fragment.faces):
            if place == 0:
                singled.append(Fragment((face,), fragment.reason, fragment.certainty))
            elif face.counter is not None:
                singled.append(Fragment((face,), Clue.COUNTER_GOES_ON.value, fragment.certainty))
            else:
                singled[-1] = singled[-1].with_page(face)
    return singled


def _part(fragment: Fragment) -> Part:
    first = fragment.in_order[0].counter
    reason = FIRST_PAGES_MISSING if first is not None and first.number > 1 else fragment.reason
    return Part(tuple(face.page_index for face in fragment.in_order), reason, fragment.certainty)


def _missing(fragment: Fragment) -> tuple[int, ...]:
    """Page numbers that the counters promise; a page without a counter stands for the one after the page before it."""
    totals = {counter.total for counter in fragment.counters}
    total = totals.pop() if len(totals) == 1 else None
    if total is None:
        return ()
    there: set[int] = set()
    number = 0
    for face in fragment.in_order:
        number = face.counter.number if face.counter is not None else number + 1
        there.add(number)
    return tuple(number for number in range(1, total + 1) if number not in there)
