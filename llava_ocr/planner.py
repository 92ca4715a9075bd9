"""Which requests a document takes: which pages go together, and what part of the schema each request asks for. Pure.

A page is asked once where its words, its pixels and the answer have room in the engine's context. Where they have not,
header fields and lists are separate passes, and a pass that still has no room goes over bands of the page. Engines that
take several pages at once are given as many as have room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from statistics import median

# More bands than this hold no row each; what does not fit then is for the engine to say.
MAX_BANDS = 8
# How far apart rows stand where only one is known, in shares of the page's height.
EDGE_PITCH = 0.02


class Focus(StrEnum):
    """What of a schema a request asks for: its header fields, its lists, or both."""

    ALL = "all"
    HEADER = "header"
    LISTS = "lists"


@dataclass(frozen=True, slots=True, order=True)
class Band:
    """A part of a page's height, in shares of it from the top."""

    top: float
    bottom: float

    def holds(self, y: float) -> bool:
        """Whether a height lies in the band."""
        return self.top <= y < self.bottom


@dataclass(frozen=True, slots=True)
class Window:
    """One request: consecutive pages (by index), what it asks of them, and of a single page perhaps a band alone.

    `is_again` marks a band that is read a second time, for the rows that the first answer had not.
    """

    pages: tuple[int, ...]
    focus: Focus = Focus.ALL
    band: Band | None = None
    is_again: bool = False

    @property
    def is_whole_page(self) -> bool:
        """Whether it asks one page for everything, as most documents need."""
        return len(self.pages) == 1 and self.focus is Focus.ALL and self.band is None

    @property
    def name(self) -> str:
        """What tells it from the document's other windows: `3`, `3-5`, `3.lists@0.4100-0.6200`."""
        pages = str(self.pages[0]) if len(self.pages) == 1 else f"{self.pages[0]}-{self.pages[-1]}"
        focus = "" if self.focus is Focus.ALL else f".{self.focus.value}"
        band = "" if self.band is None else f"@{self.band.top:.4f}-{self.band.bottom:.4f}"
        return f"{pages}{focus}{band}{'+' if self.is_again else ''}"


@dataclass(frozen=True, slots=True)
class PageNeeds:
    """What a page takes: tokens of its pixels and words, and the heights (0 to 1) at which its rows stand.

    `has_header` tells that header fields may stand on it; pages of different `has_words` are never asked together.
    """

    page_index: int
    num_visual_tokens: int
    num_word_tokens: int = 0
    rows: tuple[float, ...] = ()
    has_header: bool = True
    has_words: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """What a request may take, in tokens: the engine's context, the longest answer, and what the schema costs.

    `num_row_tokens` is what one row of a list costs in the answer; it is 0 where no lists are asked for.
    """

    context_tokens: int
    max_answer_tokens: int
    max_pages: int
    num_question_tokens: int
    num_header_tokens: int
    num_row_tokens: int

    def fits(self, pages: Sequence[PageNeeds], focus: Focus, *, num_parts: int = 1) -> bool:
        """Whether pages, or one of `num_parts` equal bands of them, have room together with the answer.

        A whole page's answer may be longer than answers are let to be: what it then lacks is read again.
        """
        num_rows = math.ceil(sum(len(page.rows) for page in pages) / num_parts)
        answer = self.num_header_tokens if focus is not Focus.LISTS else 0
        answer += num_rows * self.num_row_tokens if focus is not Focus.HEADER else 0
        shown = sum(page.num_visual_tokens + page.num_word_tokens for page in pages) / num_parts
        is_single = len(pages) == 1 and focus is Focus.ALL
        if answer > self.max_answer_tokens and not is_single:
            return False
        return self.num_question_tokens + shown + min(answer, self.max_answer_tokens) <= self.context_tokens

    def below(self, page: PageNeeds) -> Room:
        """Return the room of a context that was too small for this page's prompt: two thirds of it, supposedly."""
        shown = self.num_question_tokens + page.num_visual_tokens + page.num_word_tokens
        return replace(self, context_tokens=min(self.context_tokens, 2 * shown // 3))

    @property
    def max_rows(self) -> int:
        """How many rows one answer has room for, one at least."""
        return max(1, self.max_answer_tokens // max(1, self.num_row_tokens))


class Planner:
    """Takes a document's pages in order and gives windows as soon as they are settled."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._open: list[PageNeeds] = []

    def add(self, page: PageNeeds) -> list[Window]:
        """Take the next page; return the windows that no later page can change."""
        settled: list[Window] = []
        if self._open and not self._goes_with(page):
            settled += self.rest()
        if not self._room.fits([page], Focus.ALL) and self._room.num_row_tokens and page.rows:
            return settled + in_passes(page, self._room)
        self._open.append(page)
        return settled + (self.rest() if len(self._open) >= self._room.max_pages else [])

    def rest(self) -> list[Window]:
        """Return what is still open: no more pages come, or the next must not be asked together with these."""
        pages, self._open = tuple(page.page_index for page in self._open), []
        return [Window(pages)] if pages else []

    def _goes_with(self, page: PageNeeds) -> bool:
        last = self._open[-1]
        is_next = page.page_index == last.page_index + 1 and page.has_words == last.has_words
        return is_next and self._room.fits([*self._open, page], Focus.ALL)


def plan(pages: Sequence[PageNeeds], room: Room) -> list[Window]:
    """Return the windows of a whole document."""
    planner = Planner(room)
    return [window for page in pages for window in planner.add(page)] + planner.rest()


def in_passes(page: PageNeeds, room: Room) -> list[Window]:
    """Ask a page for its header fields, where there may be any, and then for its lists, each in as few bands as fit."""
    passes = [Focus.HEADER, Focus.LISTS] if page.has_header else [Focus.LISTS]
    return [window for focus in passes for window in _in_bands(page, focus, room)]


def halves(window: Window, rows: Sequence[float]) -> list[Window]:
    """Part one page's window between its rows (by height), for a context that does not hold it; [] where it can't."""
    whole = window.band or Band(0.0, 1.0)
    inside = [y for y in rows if whole.holds(y)]
    if len(inside) < 2 or window.is_again:
        return []
    middle = cut_between(inside, 2)[0].bottom
    bands = Band(whole.top, middle), Band(middle, whole.bottom)
    return [Window(window.pages, window.focus, band) for band in bands]


def again(page_index: int, missing: Sequence[float], rows: Sequence[float], *, max_rows: int) -> list[Window]:
    """Ask for the missing of a page's rows (both by height): a band for each run of neighbours, `max_rows` at most."""
    runs: list[list[float]] = []
    wanted = set(missing)
    for before, y in zip([None, *rows], rows, strict=False):
        if y not in wanted:
            continue
        if runs and before in wanted and len(runs[-1]) < max_rows:
            runs[-1].append(y)
        else:
            runs.append([y])
    return [Window((page_index,), Focus.LISTS, band_around(run, rows), is_again=True) for run in runs]


def rest_of(window: Window, last: float, rows: Sequence[float]) -> list[Window]:
    """Ask for all of a window below the last row that was read (by height): what follows a cut, nobody counted."""
    whole = window.band or Band(0.0, 1.0)
    rest = Band(_below(last, rows), whole.bottom)
    return [Window(window.pages, Focus.LISTS, rest, is_again=True)] if whole.top < rest.top < rest.bottom else []


def _below(last: float, rows: Sequence[float]) -> float:
    after = [y for y in rows if y > last]
    return (last + after[0]) / 2 if after else last + _pitch(rows) / 2


def _pitch(rows: Sequence[float]) -> float:
    steps = [after - before for before, after in pairwise(rows)]
    return median(steps) if steps else EDGE_PITCH


def band_around(run: Sequence[float], rows: Sequence[float]) -> Band:
    """Return the band that holds a run of neighbouring rows and ends halfway to the next on either side."""
    above = [y for y in rows if y < run[0]]
    below = [y for y in rows if y > run[-1]]
    pitch = _pitch(rows)
    top = (above[-1] + run[0]) / 2 if above else run[0] - pitch
    # Below the last row its text may go on.
    bottom = (run[-1] + below[0]) / 2 if below else run[-1] + 2 * pitch
    return Band(max(0.0, top), min(1.0, bottom))


def _in_bands(page: PageNeeds, focus: Focus, room: Room) -> list[Window]:
    numbers = range(1, min(MAX_BANDS, max(1, len(page.rows))) + 1)
    num_bands = next((number for number in numbers if room.fits([page], focus, num_parts=number)), numbers[-1])
    if num_bands == 1:
        return [Window((page.page_index,), focus)]
    return [Window((page.page_index,), focus, band) for band in cut_between(page.rows, num_bands)]


def cut_between(rows: Sequence[float], num_bands: int) -> list[Band]:
    """Cut a page's height into bands that hold about as many rows each; every cut lies between two rows."""
    edges = [0.0]
    for number in range(1, num_bands):
        at = round(number * len(rows) / num_bands)
        edges.append((rows[at - 1] + rows[at]) / 2)
    return [Band(top, bottom) for top, bottom in zip(edges, [*edges[1:], 1.0], strict=True)]
