"""Whether a page begins a document: clues weighed against each other. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from llava_ocr.bundles.clues import Clue, clues_of
from llava_ocr.bundles.face import PageFace

# Log odds that a page begins a document, in files where six pages in ten do. First fitted to painted bundles
# (logistic regression), then rounded; what painted pages never do wrong, such as counters, bears less than its fit.
PRIOR = -2.0
WEIGHTS: Mapping[Clue, float] = MappingProxyType(
    {
        Clue.COUNTER_GOES_ON: -3.5,
        Clue.COUNTER_RESTARTS: 3.0,
        Clue.COUNTER_JUMPS: 1.0,
        Clue.OTHER_COUNTER: 3.0,
        Clue.COUNTER_AT_END: 1.5,
        Clue.COUNTER_UNFINISHED: -1.5,
        Clue.COUNTER_BEGAN_BEFORE: -1.0,
        Clue.SAME_NUMBER: -3.0,
        Clue.COPY: 4.0,
        Clue.NUMBER_PRINTED: -1.5,
        Clue.OTHER_NUMBER: 1.5,
        Clue.FIRST_NUMBER: 0.2,
        Clue.SAME_DAY: -0.5,
        Clue.OTHER_DAY: 1.2,
        Clue.TITLE: 1.2,
        Clue.RECIPIENT: 1.9,
        Clue.NO_HEAD: -1.5,
        Clue.SAME_HEAD: 2.5,
        Clue.BROUGHT_FORWARD: -3.0,
        Clue.CARRIED_FORWARD: -2.0,
        Clue.TOTAL_AGAIN: 1.0,
        Clue.TOTAL_TO_COME: -0.3,
        Clue.SAME_SENDER: -0.3,
        Clue.OTHER_SENDER: 2.0,
        Clue.SAME_FOOT: -1.0,
        Clue.OTHER_FOOT: 1.3,
        Clue.OTHER_PAPER: 2.5,
        Clue.BLANK: 1.5,
        Clue.BLANK_SHEET: 2.5,
        Clue.NO_BLANK: -1.5,
    }
)
NOTHING_TOLD = "nothing tells"
THE_FILE_BEGINS = "the file begins"


@dataclass(frozen=True, slots=True)
class Seam:
    """Before a page: whether a document begins there, the weightiest reason, and how certain that is (0.5 to 1)."""

    page_index: int
    is_cut: bool
    reason: str
    certainty: float


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between two pages that are not blank: `num_blanks` pages, without the backs of one-sided papers.

    `are_separated` says whether blank pages lie between others of the file.
    """

    num_blanks: int = 0
    are_separated: bool = False


def judge(part: Sequence[PageFace], page: PageFace, gap: Gap) -> Seam:
    """Decide whether `page` goes on with `part`, the document so far."""
    clues = set(clues_of(part, page, num_blanks=gap.num_blanks, are_separated=gap.are_separated))
    odds = PRIOR + sum(WEIGHTS[clue] for clue in clues)
    return Seam(page.page_index, odds > 0, _reason(clues, is_cut=odds > 0), _certainty(odds))


def first_seam(page_index: int) -> Seam:
    """The seam before a file's first page."""
    return Seam(page_index, True, THE_FILE_BEGINS, 1.0)


def _reason(clues: Collection[Clue], *, is_cut: bool) -> str:
    """The clue that weighs most for what was decided; of equal ones, the one that is named first."""
    sign = 1 if is_cut else -1
    speaking = [clue for clue in Clue if clue in clues and sign * WEIGHTS[clue] > 0]
    return max(speaking, key=lambda clue: sign * WEIGHTS[clue]).value if speaking else NOTHING_TOLD


def _certainty(odds: float) -> float:
    return round(1 / (1 + math.exp(-abs(odds))), 3)
