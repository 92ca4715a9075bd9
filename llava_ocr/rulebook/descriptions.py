"""What a row is of: the words of the text column, joined over the lines that belong to the row. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llava_ocr.geometry import Box
from llava_ocr.rulebook.page import Label, RulePage, Value

# How far the left edges of a column's texts may lie apart, in page widths; and those of words within a run.
ALIGNED = 0.012
WORD_ALIGNED = 0.005
# A text reads on where its next line is at most this many word heights below it; beside figures, this many.
READS_ON = 0.75
BESIDE = 2.0
# Smaller print than this share of the row's says more of the row, but is not its name.
SMALL = 0.92
# Letters of one text that count for its column: a sentence is no better than a name.
MAX_LETTERS = 24
# A label over a column weighs as many letters as this in each of its rows.
LABEL_LETTERS = 20
# Shorter texts are units and marks of the tax.
UNIT_LETTERS = 4
UNIT_SHARE = 0.25
# A text above or below the figures counts less than one beside them.
APART_SHARE = 0.5
MAX_LINES = 6
# A space, in word heights; and what columns keep free between them, in page widths.
SPACE = 0.3
PADDING = 0.08
# `Weight: 3 kg`, `Ref. 4711`: a detail, no part of the name.
_DETAIL = re.compile(r"^[^\W\d][\w .\-/]{0,28}\s?:(?!$)|^[•*]\s?\S|^\W*\d{8,}\b")
# A row's number, a code or a date before the name: figures, and letters in capitals only.
_COUNTER = re.compile(r"[A-Z#]{0,6}[-./:#]?\d[\dA-Z\-./:]*[.):]?|[xX×*]")


@dataclass(frozen=True, slots=True)
class Run:
    """Words of a line that stand together between figures and gaps."""

    words: tuple[int, ...]
    box: Box
    text: str

    @property
    def num_letters(self) -> int:
        """How many letters it has."""
        return sum(map(str.isalpha, self.text))


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows say what they are of: the column's left edge, and how many lines below the figures it begins."""

    left: float
    shift: int


class TextColumn:
    """The column that says what was sold: the one with most letters, a label of its own above it counted in."""

    def __init__(self, page: RulePage, rows: Sequence[int], *, taken: frozenset[int], labels: Sequence[Label]) -> None:
        self._page = page
        self._taken = taken
        self._rows = sorted(rows)
        self._labels = [label.box.x0 for label in labels]
        self._runs: dict[int, list[Run]] = {}
        self._edges = [*self._labels, *sorted({run.box.x0 for line in self._rows for run in self.runs(line)})]
        self._place = self._find()
        self._right = self._next_column(self._place) if self._place else 1.0
        self._widest = self._observed(self._place) if self._place else 0.0

    def read(self) -> dict[int, Value]:
        """Return each row's text by its line."""
        if self._place is None:
            return {}
        found = {line: self._wrapped(at, self._place) for at, line in enumerate(self._rows)}
        found = self._without_counters(found)
        values = {line: self._value(runs) for line, runs in found.items()}
        return {line: value for line, value in values.items() if value is not None}

    def _find(self) -> Place | None:
        letters: dict[Place, float] = defaultdict(float)
        for line in self._rows:
            for shift in (0, -1, 1):
                for run in self._candidates(line + shift) if self._is_free(line + shift, shift) else ():
                    here = Place(run.box.x0, shift)
                    known = (place for place in letters if place.shift == shift)
                    home = next((place for place in known if abs(place.left - here.left) <= ALIGNED), here)
                    letters[home] += self._weight(run, shift)
        best = max(letters, key=lambda place: letters[place], default=None)
        return best if best is not None and letters[best] > 0 else None

    def _is_free(self, line: int, shift: int) -> bool:
        return shift == 0 or (line not in self._rows and 0 <= line < len(self._page.layout.lines))

    def _candidates(self, line: int) -> Iterator[Run]:
        """Runs of a line, and parts of them that begin below a label or where other rows' runs do."""
        for run in self.runs(line):
            yield run
            for at, index in enumerate(run.words[1:], 1):
                x0 = self._page.layout.words[index].box.x0
                if any(abs(x0 - left) <= WORD_ALIGNED for left in self._edges):
                    yield self._run(run.words[at:])

    def _weight(self, run: Run, shift: int) -> float:
        if _DETAIL.search(run.text) and shift:
            return 0.0
        letters = min(run.num_letters, MAX_LETTERS) * (UNIT_SHARE if run.num_letters <= UNIT_LETTERS else 1.0)
        if letters and any(abs(left - run.box.x0) <= ALIGNED for left in self._labels):
            letters += LABEL_LETTERS
        return letters * (APART_SHARE if shift else 1.0)

    def runs(self, line: int) -> list[Run]:
        """The line's words, parted by gaps and by the rows' figures."""
        if line not in self._runs:
            self._runs[line] = list(self._parted(line))
        return self._runs[line]

    def _parted(self, line: int) -> Iterator[Run]:
        for segment in self._page.layout.lines[line].segments:
            part: list[int] = []
            for index in segment.words:
                if index not in self._taken:
                    part.append(index)
                elif part:
                    yield self._run(part)
                    part = []
            if part:
                yield self._run(part)

    def _run(self, words: Sequence[int]) -> Run:
        text = " ".join(self._page.layout.words[word].text for word in words)
        return Run(tuple(words), self._page.box(words), text)

    def _in_column(self, line: int, left: float) -> Run | None:
        """The run that begins at the column's edge, or the part of one that does."""
        for run in self.runs(line):
            if abs(run.box.x0 - left) <= ALIGNED:
                return run
            for at, index in enumerate(run.words):
                if abs(self._page.layout.words[index].box.x0 - left) <= WORD_ALIGNED:
                    return self._run(run.words[at:])
        return None

    def _wrapped(self, at: int, place: Place) -> list[Run]:
        """The row's text from its first line on; where its own line has none, what stands right above or below."""
        line = self._rows[at]
        above = self._rows[at - 1] if at else -1
        below = self._rows[at + 1] if at + 1 < len(self._rows) else len(self._page.layout.lines)
        if place.shift < 0:
            return self._upward(line, above, place.left)
        if place.shift > 0:
            return self._downward(line, below, place.left)
        start = self._in_column(line, place.left)
        if start is not None and start.num_letters:
            return self._onward(start, range(line + 1, below), place.left)
        return self._upward(line, above, place.left) or self._downward(line, below, place.left)

    def _upward(self, line: int, above: int, left: float) -> list[Run]:
        runs: list[Run] = []
        top, reach = self._page.layout.lines[line].box, BESIDE
        for number in range(line - 1, above, -1):
            run = self._in_column(number, left)
            if run is None or top.y0 - run.box.y1 > reach * self._page.height or _DETAIL.search(run.text):
                break
            runs.insert(0, run)
            if above < 0:
                # Above the first row stands its heading too.
                break
            top, reach = run.box, READS_ON
        return runs

    def _downward(self, line: int, below: int, left: float) -> list[Run]:
        bottom = self._page.layout.lines[line].box.y1
        for number in range(line + 1, below):
            run = self._in_column(number, left)
            if run is not None and run.num_letters:
                is_near = run.box.y0 - bottom <= BESIDE * self._page.height
                return self._onward(run, range(number + 1, below), left) if is_near else []
        return []

    def _onward(self, start: Run, lines: range, left: float) -> list[Run]:
        runs = [start]
        for number in lines:
            run = self._in_column(number, left)
            if run is None:
                if self._page.layout.lines[number].box.y0 - runs[-1].box.y1 > READS_ON * self._page.height:
                    break
                continue
            if not self._reads_on(runs[-1], run) or len(runs) == MAX_LINES:
                break
            runs.append(run)
        return runs

    def _next_column(self, place: Place) -> float:
        """Where what stands to the right of the texts begins: figures, other texts of the rows."""
        words = self._page.layout.words
        found: list[float] = []
        for line in self._rows:
            mine = self._in_column(line, place.left)
            edge = mine.box.x1 if mine else place.left + ALIGNED
            listed = self._page.layout.lines[line].words
            found += [words[index].box.x0 for index in listed if words[index].box.x0 >= edge][:1]
        return min(found, default=1.0)

    def _observed(self, place: Place) -> float:
        """How far to the right the texts go."""
        runs = (self._in_column(line, place.left) for line in self._rows)
        return max((run.box.x1 for run in runs if run), default=0.0)

    def _would_fit(self, above: Run, run: Run) -> bool:
        """Whether the next line's first word had room in the line above, which then ended on purpose."""
        end = above.box.x1 + SPACE * self._page.height / self._page.layout.aspect + self._page.box(run.words[:1]).width
        return end <= self._widest or end <= self._right - PADDING

    def _reads_on(self, above: Run, run: Run) -> bool:
        return (
            not self._would_fit(above, run)
            and run.box.y0 - above.box.y1 <= READS_ON * self._page.height
            and run.box.height >= SMALL * above.box.height
            and not _DETAIL.search(run.text)
        )

    def _without_counters(self, found: Mapping[int, list[Run]]) -> dict[int, list[Run]]:
        """Cut numbers and codes off the texts' beginnings where the names behind them are aligned in all rows."""
        told = {line: runs for line, runs in found.items() if runs}
        firsts = {line: self._behind_counter(runs[0]) for line, runs in told.items()}
        lefts = [run.box.x0 for run in firsts.values() if run is not None]
        if len(lefts) < len(told) or not lefts or max(lefts) - min(lefts) > ALIGNED:
            return dict(found)
        is_column = len(lefts) > 1 or any(abs(lefts[0] - left) <= ALIGNED for left in self._labels)
        if not is_column and not self._is_counter(next(iter(told.values()))[0]):
            return dict(found)
        return {line: [run, *told[line][1:]] for line, run in firsts.items() if run is not None}

    def _behind_counter(self, run: Run) -> Run | None:
        words = [self._page.layout.words[index].text for index in run.words]
        at = next((at for at, word in enumerate(words) if not _COUNTER.fullmatch(word)), 0)
        return self._run(run.words[at:]) if at else None

    def _is_counter(self, run: Run) -> bool:
        """Whether a row that stands alone begins with its number: `1`, `001`, `10`."""
        return self._page.layout.words[run.words[0]].text.strip(".) ") in ("1", "01", "001", "0001", "10", "010")

    def _value(self, runs: Sequence[Run]) -> Value | None:
        while runs:
            value = self._page.value([index for run in runs for index in run.words])
            if value is not None:
                return value
            runs = runs[:-1]
        return None


def text_by_row(page: RulePage, words: Mapping[int, frozenset[int]], *, labels: Sequence[Label]) -> dict[int, Value]:
    """Return what each row is of, by its line; `words` are those of its figures."""
    taken = frozenset(index for one in words.values() for index in one)
    return TextColumn(page, list(words), taken=taken, labels=labels).read()
