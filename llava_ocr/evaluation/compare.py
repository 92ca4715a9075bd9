"""One document's truth beside what was read of it: every leaf that counts, right or wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llava_ocr.evaluation.base import FieldResult
from llava_ocr.evaluation.facts import Row, Rows
from llava_ocr.evaluation.likeness import is_right, similarity
from llava_ocr.evaluation.on_page import Pages
from llava_ocr.evaluation.pairing import best_pairs
from llava_ocr.evaluation.truth import Place, Truth
from llava_ocr.records import Evidence, FieldReading, FieldState
from llava_ocr.schema import GroupNode, Kind, LeafNode, leaves

_CELL = re.compile(r"(?P<list>[^\[]+)\[(?P<index>\d+)\]\.(?P<name>.+)")
# Of pairings that are equally right, the one that keeps the order shows best what is wrong.
_ORDER_GAIN = 1e-3
# Lists of more pairs than this (200 rows by 200) are paired in order first: all pairs of a thousand rows take minutes.
LONG_LIST = 40_000
LOOK_AHEAD = 8

Cells = Mapping[str, FieldReading]


@dataclass(frozen=True)
class Compared:
    """Every compared leaf in the schema's order, and how many values were read that stand nowhere on the pages."""

    fields: tuple[FieldResult, ...]
    num_invented: int


def compare(truth: Truth, root: GroupNode, readings: Sequence[FieldReading], pages: Pages) -> Compared:
    """Compare what was read with what is so; no readings at all are a document that failed."""
    nodes = {leaf.path: leaf for leaf in leaves(root)}
    by_path = {reading.path: reading for reading in readings}
    judge = _Judge(truth.places, pages)
    fields = [judge.leaf(nodes[path], path, expected, by_path.get(path)) for path, expected in truth.leaves.items()]
    for path, rows in truth.lists.items():
        fields += _compare_rows(path, rows, _rows_of(path, readings), nodes, judge)
    kinds = {path: node.leaf.kind for path, node in nodes.items()}
    num_invented = sum(judge.is_invented(reading, kinds[leaf_path(reading.path)]) for reading in readings)
    return Compared(tuple(fields), num_invented)


def seen_part(truth: Truth, root: GroupNode, pages: Pages) -> Truth:
    """The part of a truth that stands on the pages, for one whose flags do not tell; without words, all of it."""
    if truth.is_flagged or not pages:
        return truth
    nodes = {leaf.path: leaf for leaf in leaves(root)}

    def is_seen(path: str, text: str | None) -> bool:
        return text is None or pages.hold_meaning(text, nodes[path])

    kept = {path: text for path, text in truth.leaves.items() if is_seen(path, text)}
    lists = {
        path: tuple({name: text for name, text in row.items() if is_seen(f"{path}[].{name}", text)} for row in rows)
        for path, rows in truth.lists.items()
    }
    lists = {path: tuple(filter(None, rows)) for path, rows in lists.items()}
    return replace(truth, leaves=kept, lists={path: rows for path, rows in lists.items() if rows})


def leaf_path(path: str) -> str:
    """The schema's path of a concrete one: `lines[2].line_total` is `lines[].line_total`."""
    return re.sub(r"\[\d+\]", "[]", path)


@dataclass(frozen=True)
class _Judge:
    """Judges one leaf at a time."""

    places: Mapping[str, tuple[Place, ...]]
    pages: Pages

    def leaf(self, node: LeafNode, path: str, expected: str | None, reading: FieldReading | None) -> FieldResult:
        """Judge a leaf that the truth tells: a value, or that there is none."""
        if reading is None:
            # Nothing was answered: neither a value nor that there is none.
            return _unanswered(node, path, expected, evidence_f1=self.hit(path, None))
        if expected is None:
            right = reading.state is FieldState.ABSENT
            alike = float(right)
        else:
            right = is_right(expected, reading, node.leaf)
            alike = similarity(expected, reading, node.leaf)
        return FieldResult(
            path=path,
            kind=node.leaf.kind,
            expected=expected,
            predicted=reading.text,
            value=reading.value,
            state=reading.state,
            confidence=reading.confidence,
            is_right=right,
            similarity=alike,
            evidence=reading.evidence,
            evidence_f1=self.hit(path, reading.evidence),
            is_invented=self.is_invented(reading, node.leaf.kind),
        )

    def hit(self, path: str, evidence: Evidence | None) -> float | None:
        """How well evidence covers the words of a place where the value is printed (F1); None if no place is told."""
        if not (places := self.places.get(path)):
            return None
        if evidence is None:
            return 0.0
        found = self.pages.words_in(evidence.page_index, evidence.boxes)
        wanted = [self.pages.words_in(place.page_index, place.boxes) for place in places]
        return max(2 * len(words & found) / ((len(words) + len(found)) or 1) for words in wanted)

    def is_invented(self, reading: FieldReading, kind: Kind) -> bool:
        """Whether a value that is read verbatim stands nowhere; where a page has no words, nobody can tell."""
        is_verbatim = reading.text is not None and kind is not Kind.CHOICE
        return is_verbatim and self.pages.are_legible and not self.pages.hold(reading.text or "")


def _unanswered(node: LeafNode, path: str, expected: str | None, *, evidence_f1: float | None) -> FieldResult:
    return FieldResult(
        path=path,
        kind=node.leaf.kind,
        expected=expected,
        predicted=None,
        value=None,
        state=None,
        confidence=0.0,
        is_right=False,
        similarity=0.0,
        evidence_f1=evidence_f1,
    )


def _compare_rows(
    path: str, rows: Rows, read: Sequence[Cells], nodes: Mapping[str, LeafNode], judge: _Judge
) -> Iterator[FieldResult]:
    """Compare a list under the pairing of rows that makes most cells right."""
    columns = {name: node for node in nodes.values() if (name := _column(node.path, path))}
    partner = _partners(rows, read, columns)
    for index, row in enumerate(rows):
        cells = read[partner[index]] if index in partner else {}
        for name in filter(row.__contains__, columns):
            yield judge.leaf(columns[name], f"{path}[{index}].{name}", row[name], cells.get(name))
    compared = set().union(*rows) if rows else set(columns)
    for number in sorted(set(range(len(read))) - set(partner.values())):
        for name, reading in read[number].items():
            if name in compared and reading.text is not None:
                surplus = judge.leaf(columns[name], reading.path, None, reading)
                yield replace(surplus, is_right=False, similarity=0.0, evidence_f1=None, is_surplus=True)


def _partners(rows: Rows, read: Sequence[Cells], columns: Mapping[str, LeafNode]) -> dict[int, int]:
    """Pair rows of the truth with rows that were read; of long lists, first those that are wholly right in order."""
    settled = _in_step(rows, read, columns) if len(rows) * len(read) > LONG_LIST else {}
    left = [index for index in range(len(rows)) if index not in settled]
    free = sorted(set(range(len(read))) - set(settled.values()))
    gains_TP = _gains([rows[index] for index in left], [read[number] for number in free], columns)
    return settled | {left[row]: free[column] for row, column in best_pairs(gains_TP)}


def _in_step(rows: Rows, read: Sequence[Cells], columns: Mapping[str, LeafNode]) -> dict[int, int]:
    """Pair each row with the next wholly right one among the few that come next."""
    found: dict[int, int] = {}
    at = 0
    for index, row in enumerate(rows):
        num_told = sum(text is not None for text in row.values())
        near = range(at, min(at + LOOK_AHEAD, len(read)))
        match = next((j for j in near if num_told and _num_right(row, read[j], columns) == num_told), None)
        if match is not None:
            found[index] = match
            at = match + 1
    return found


def _gains(rows: Sequence[Row], read: Sequence[Cells], columns: Mapping[str, LeafNode]) -> np.ndarray:
    """What pairing each row of the truth with each row that was read would make right."""
    gains_TP = np.zeros((len(rows), len(read)))
    longest = max(len(rows), len(read), 1)
    for i, row in enumerate(rows):
        for j, cells in enumerate(read):
            gains_TP[i, j] = _num_right(row, cells, columns) + _ORDER_GAIN * (1 - abs(i - j) / longest)
    return gains_TP


def _num_right(row: Row, cells: Cells, columns: Mapping[str, LeafNode]) -> int:
    return sum(
        text is not None and name in cells and is_right(text, cells[name], columns[name].leaf)
        for name, text in row.items()
    )


def _rows_of(path: str, readings: Sequence[FieldReading]) -> list[dict[str, FieldReading]]:
    rows: dict[int, dict[str, FieldReading]] = {}
    for reading in readings:
        cell = _CELL.fullmatch(reading.path)
        if cell and cell["list"] == path:
            rows.setdefault(int(cell["index"]), {})[cell["name"]] = reading
    return [rows[index] for index in sorted(rows)]


def _column(leaf: str, path: str) -> str:
    """The name of a list's column, empty for a leaf that is none of it."""
    start = f"{path}[]."
    return leaf.removeprefix(start) if leaf.startswith(start) else ""
