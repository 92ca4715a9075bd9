"""Which of a value's occurrences on a page is the field's own: by labels, neighbours and columns. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot
from statistics import median

from llava_ocr.grounding.match import Occurrence, PageIndex
from llava_ocr.schema import Kind, LeafNode

# Cells of one row stand within this many word heights of each other; a cell further off is doubtful evidence.
ROW_BAND = 3.0
OFF_BAND = 0.5
# Occurrences at most this many word heights apart stand on one line.
_SAME_LINE = 0.7


@dataclass(frozen=True)
class Choice:
    """A value, its field and all occurrences, top to bottom."""

    path: str
    node: LeafNode
    text: str
    occurrences: Sequence[Occurrence]


@dataclass(frozen=True)
class Placed:
    """The occurrence that was picked; `label_distance` in page widths, None where no label stands near it."""

    place: Occurrence
    label_distance: float | None


def place_fields(choices: Sequence[Choice], index: PageIndex) -> dict[str, Placed]:
    """Place values outside lists, by path; those that occur nowhere are left out.

    The nearest label decides; then, in a group such as an address, the nearest of its fields that occurs once. An
    occurrence that another field has by its label is not taken by one without, as long as there are others.
    """
    settled = {choice.path: choice.occurrences[0] for choice in choices if len(choice.occurrences) == 1}
    placed: dict[str, Placed] = {}
    for same in _by_text(choices):
        distances = {choice.path: [index.label_distance(o, choice.node) for o in choice.occurrences] for choice in same}
        taken: set[tuple[int, ...]] = set()
        for distance, n, choice in sorted(_claims(same, distances), key=lambda claim: claim[:2]):
            place = choice.occurrences[n]
            if choice.path not in placed and (place.words not in taken or len(choice.occurrences) == 1):
                placed[choice.path] = Placed(place, distance)
                taken.add(place.words)
        for choice in same:
            if choice.path not in placed:
                place = _unnamed(choice, _free(choice.occurrences, taken), settled, index)
                placed[choice.path] = Placed(place, distances[choice.path][choice.occurrences.index(place)])
                taken.add(place.words)
    return placed


def _claims(
    choices: Sequence[Choice], distances: Mapping[str, Sequence[float | None]]
) -> Iterable[tuple[float, int, Choice]]:
    """Every occurrence that has a label: the distance, the occurrence's number and whose it would be."""
    return (
        (distance, n, choice)
        for choice in choices
        for n, distance in enumerate(distances[choice.path])
        if distance is not None
    )


def _free(occurrences: Sequence[Occurrence], taken: Collection[tuple[int, ...]]) -> Sequence[Occurrence]:
    """The occurrences below one that a field has, if there are any: what is due is said after the total."""
    first = next((n for n, place in enumerate(occurrences) if place.words in taken), -1)
    return [place for place in occurrences[first + 1 :] if place.words not in taken] or occurrences[max(first, 0) :]


def _by_text(choices: Iterable[Choice]) -> Iterable[list[Choice]]:
    groups: defaultdict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        if choice.occurrences:
            groups[choice.text].append(choice)
    return groups.values()


def _unnamed(
    choice: Choice, free: Sequence[Occurrence], settled: Mapping[str, Occurrence], index: PageIndex
) -> Occurrence:
    """Pick for a field without a label: near its group, an amount as low as possible, else the first."""
    group = choice.path.rpartition(".")[0]
    siblings = [place for path, place in settled.items() if group and path.rpartition(".")[0] == group]
    if siblings:
        inside = {word for other in siblings for word in other.words}
        apart = [place for place in free if not inside.intersection(place.words)] or free
        return min(apart, key=lambda place: min(_gap(place, other, index.layout.aspect) for other in siblings))
    # Totals stand at the foot; above it the same amount is a line's.
    return free[-1] if choice.node.leaf.kind is Kind.MONEY and not group else free[0]


def _gap(one: Occurrence, other: Occurrence, aspect: float) -> float:
    """Page widths between two places, where `aspect` is width over height."""
    gaps = []
    for a in one.boxes:
        for b in other.boxes:
            across = max(0.0, a.x0 - b.x1, b.x0 - a.x1)
            down = max(0.0, a.y0 - b.y1, b.y0 - a.y1) / aspect
            gaps.append(hypot(across, down))
    return min(gaps)


def place_rows(rows: Sequence[Sequence[Choice]], index: PageIndex) -> list[list[Occurrence | None]]:
    """Place the cells of a list's rows, which come in their order down the page; None for those that occur nowhere.

    A row's cells stand on one band. Where a value stands there twice, as a price does beside an equal total, the
    column decides that the cell has in rows where it stands once.
    """
    top = 0.0
    options: list[list[Sequence[Occurrence]]] = []
    for row in rows:
        anchor = _anchor([cell.occurrences for cell in row], top)
        options.append([_on_band(cell.occurrences, anchor, index.word_height) for cell in row])
        top = top if anchor is None else anchor.top + 0.5 * index.word_height
    columns = _columns(rows, options)
    return [_place_row(row, choices, columns) for row, choices in zip(rows, options, strict=True)]


def _anchor(choices: Sequence[Sequence[Occurrence]], top: float) -> Occurrence | None:
    """The first occurrence, below the row before, of the cell that has the fewest: it can hardly be another row's."""
    below = [[place for place in found if place.top >= top] for found in choices]
    candidates: list[Sequence[Occurrence]] = [found for found in below if found]
    if not candidates:
        return None
    return min(candidates, key=len)[0]


def _on_band(found: Sequence[Occurrence], anchor: Occurrence | None, height: float) -> Sequence[Occurrence]:
    """The occurrences on the line nearest to the row's middle."""
    if anchor is None or not found:
        return found[:1]
    nearest = min(abs(place.middle - anchor.middle) for place in found)
    near = [place for place in found if abs(place.middle - anchor.middle) <= nearest + _SAME_LINE * height]
    if nearest <= ROW_BAND * height:
        return near
    return [replace(place, exactness=OFF_BAND * place.exactness) for place in near[:1]]


def _columns(
    rows: Sequence[Sequence[Choice]], options: Sequence[Sequence[Sequence[Occurrence]]]
) -> dict[str, tuple[float, float]]:
    """Where each leaf's cells begin and end across the page, from those that stand once in their row."""
    edges: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row, choices in zip(rows, options, strict=True):
        for cell, found in zip(row, choices, strict=True):
            if len(found) == 1:
                edges[cell.node.path].append((found[0].boxes[0].x0, found[0].boxes[0].x1))
    return {
        path: (median(start for start, _ in known), median(end for _, end in known)) for path, known in edges.items()
    }


def _place_row(
    row: Sequence[Choice], choices: Sequence[Sequence[Occurrence]], columns: Mapping[str, tuple[float, float]]
) -> list[Occurrence | None]:
    placed: dict[int, Occurrence] = {}
    order = sorted(range(len(row)), key=lambda n: (len(choices[n]) > 1, row[n].node.path not in columns, n))
    for n in order:
        taken = {word for place in placed.values() for word in place.words}
        free = [place for place in choices[n] if not taken.intersection(place.words)] or choices[n]
        if free:
            lines = [place.middle for place in placed.values()]
            placed[n] = _in_column(free, columns.get(row[n].node.path), lines)
    return [placed.get(n) for n in range(len(row))]


def _in_column(free: Sequence[Occurrence], column: tuple[float, float] | None, lines: Sequence[float]) -> Occurrence:
    """Pick by column, then on a line with other cells, the lowest of these; without a column the first.

    Schemas name cells in the order in which they are printed. Text is set flush left, amounts flush right.
    """
    if column is None:
        return free[0]
    start, end = column

    def key(place: Occurrence) -> tuple[float, bool, float]:
        box = place.boxes[0]
        is_alone = all(abs(middle - box.center_y) > 0.5 * box.height for middle in lines)
        return round(min(abs(box.x0 - start), abs(box.x1 - end)), 2), is_alone, -box.center_y

    return min(free, key=key)
