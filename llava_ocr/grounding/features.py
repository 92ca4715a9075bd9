"""What is known of each field of a record, as numbers: its own signals, its row and column, the document. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from llava_ocr.records import FieldReading, FieldState, Finding, RulesSay, Signals, WordReader
from llava_ocr.schema import Kind, LeafNode

_CELL = re.compile(r"(?P<list>[^\[]+)\[(?P<row>\d+)\]\.(?P<column>.+)")
_TWO_DECIMALS = re.compile(r"[.,]\d\d\D*$")
_CLIP = 1e-3

_OF_FIELD = (
    *(f"is_{kind.value}" for kind in Kind),
    *("has_checksum", "is_absent", "is_ungrounded", "is_ambiguous", "num_candidates"),
    *("is_traced", "said", "least", "said_by_both", "said_against_rules", "said_alone", "said_absent"),
    *(f"rules_{word.value}" for word in RulesSay),
    *("exactness", "log_places", "word_score", "page_score", "has_label", "label_distance", "is_ocr"),
    *("log_length", "log_words", "share_digits", "share_letters", "text_digits", "has_decimals", "is_amount_without"),
    *("starts_small", "has_colon", "num_more_lines", "num_sharing"),
)
_OF_CHECKS = ("num_findings", "is_held", "is_broken", "num_document_findings")
_OF_ROW = (
    *("is_cell", "off_left", "off_right", "column_fill", "row_fill", "log_rows", "is_first", "is_last"),
    *("is_row_held", "column_held", "column_sharing"),
)
_OF_DOCUMENT = ("mean_said", "share_same", "share_other", "share_absent", "share_labelled")
FEATURES = (*_OF_FIELD, *_OF_CHECKS, *_OF_ROW, *_OF_DOCUMENT)


def features_of(
    fields: Sequence[FieldReading],
    findings: Sequence[Finding],
    *,
    held: frozenset[str],
    leaves: Mapping[str, LeafNode],
) -> list[tuple[float, ...]]:
    """Return a row of numbers, in the order of FEATURES, for each field of a record.

    `held` are the paths that a check is about that holds: to be wrong they would have to be wrong together.
    `leaves` are the schema's by path.
    """
    record = _Record(fields, findings, held)
    return [
        (
            *_field_features(one, leaves.get(_name(one.path)), record),
            *record.checks(one.path),
            *record.row(one),
            *record.document,
        )
        for one in fields
    ]


def _name(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


def _logit(share: float) -> float:
    bounded = min(1 - _CLIP, max(_CLIP, share))
    return math.log(bounded / (1 - bounded))


def _field_features(one: FieldReading, leaf: LeafNode | None, record: _Record) -> tuple[float, ...]:
    signals = one.signals or _NONE
    kind = leaf.leaf.kind if leaf else Kind.TEXT
    said = _logit(signals.said) if signals.said is not None else 0.0
    least = _logit(signals.least) if signals.least is not None else 0.0
    is_absent = one.state is FieldState.ABSENT
    is_ocr = one.evidence is not None and one.evidence.reader is WordReader.OCR
    return (
        *(float(kind is other) for other in Kind),
        float(bool(leaf and leaf.leaf.checksum)),
        float(is_absent),
        float(one.state is FieldState.UNGROUNDED),
        float(one.state is FieldState.AMBIGUOUS),
        float(min(len(one.candidates), 4)),
        float(signals.said is not None),
        said,
        least,
        said * (signals.rules is RulesSay.SAME),
        said * (signals.rules is RulesSay.OTHER),
        said * (signals.rules is RulesSay.NOTHING),
        said * is_absent,
        *(float(signals.rules is word) for word in RulesSay),
        signals.exactness,
        math.log1p(signals.num_places),
        signals.word_score,
        signals.page_score,
        float(signals.label_distance is not None),
        signals.label_distance or 0.0,
        float(is_ocr),
        *_text_features(one.text or "", kind),
        float(len(one.evidence.boxes) - 1 if one.evidence and one.evidence.boxes else 0),
        float(min(record.num_sharing[one.path], 3)),
    )


def _text_features(text: str, kind: Kind) -> tuple[float, ...]:
    length = max(1, len(text))
    digits = sum(c.isdigit() for c in text) / length
    has_decimals = bool(_TWO_DECIMALS.search(text))
    return (
        math.log1p(len(text)),
        math.log1p(len(text.split())),
        digits,
        sum(c.isalpha() for c in text) / length,
        digits * (kind is Kind.TEXT),
        float(has_decimals),
        float(kind is Kind.MONEY and not has_decimals),
        float(text[:1].islower()),
        float(":" in text),
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    list: str
    row: int
    column: str


class _Record:
    """What the fields of a record say of each other."""

    def __init__(self, fields: Sequence[FieldReading], findings: Sequence[Finding], held: frozenset[str]) -> None:
        self._num_findings = Counter(path for finding in findings for path in finding.paths)
        self._num_all = float(min(len(findings), 5))
        self._held = held
        self._cells = {one.path: cell for one in fields if (cell := _cell(one.path)) is not None}
        self._columns: defaultdict[tuple[str, str], list[FieldReading]] = defaultdict(list)
        self._rows: defaultdict[tuple[str, int], list[FieldReading]] = defaultdict(list)
        for one in fields:
            if (cell := self._cells.get(one.path)) is not None:
                self._columns[cell.list, cell.column].append(one)
                self._rows[cell.list, cell.row].append(one)
        self._num_rows = Counter(name for name, _ in self._rows)
        self._edges = {key: _edges(column) for key, column in self._columns.items()}
        self.num_sharing = _num_sharing(fields)
        self.document = _document_features([one for one in fields if one.path not in self._cells])

    def checks(self, path: str) -> tuple[float, ...]:
        """What cross-field checks say of a field."""
        num = self._num_findings[path]
        is_held = path in self._held and not num
        return (float(min(num, 3)), float(is_held), float(path in self._held and num > 0), self._num_all)

    def row(self, one: FieldReading) -> tuple[float, ...]:
        """How a cell stands in its row and column; all zero for a field outside lists."""
        cell = self._cells.get(one.path)
        if cell is None:
            return (0.0,) * len(_OF_ROW)
        column, row = self._columns[cell.list, cell.column], self._rows[cell.list, cell.row]
        left, right = self._edges[cell.list, cell.column]
        box = one.evidence.boxes[0] if one.evidence and one.evidence.boxes else None
        return (
            1.0,
            min(0.2, abs(box.x0 - left)) if box else 0.0,
            min(0.2, abs(box.x1 - right)) if box else 0.0,
            _share(other.value is not None for other in column),
            _share(other.value is not None for other in row),
            math.log1p(self._num_rows[cell.list]),
            float(cell.row == 0),
            float(cell.row == self._num_rows[cell.list] - 1),
            float(any(self._is_held(other.path) for other in row if other.path != one.path)),
            _share(self._is_held(other.path) for other in column),
            _share(self.num_sharing[other.path] > 0 for other in column),
        )

    def _is_held(self, path: str) -> bool:
        return path in self._held and not self._num_findings[path]


def _cell(path: str) -> _Cell | None:
    match = _CELL.fullmatch(path)
    return _Cell(match["list"], int(match["row"]), match["column"]) if match else None


def _edges(column: Sequence[FieldReading]) -> tuple[float, float]:
    """Where a column's cells begin and end, as most of them do."""
    boxes = [one.evidence.boxes[0] for one in column if one.evidence and one.evidence.boxes]
    return (median(box.x0 for box in boxes), median(box.x1 for box in boxes)) if boxes else (0.0, 0.0)


def _num_sharing(fields: Sequence[FieldReading]) -> Counter[str]:
    """How many other fields were read from the very place of each."""
    places: defaultdict[tuple[int, float, float], set[str]] = defaultdict(set)
    for one in fields:
        if one.evidence is not None and one.value is not None:
            for box in one.evidence.boxes:
                places[one.evidence.page_index, round(box.x0, 3), round(box.y0, 3)].add(one.path)
    found: Counter[str] = Counter()
    for paths in places.values():
        found.update(dict.fromkeys(paths, len(paths) - 1))
    return found


def _document_features(header: Sequence[FieldReading]) -> tuple[float, ...]:
    signals = [one.signals for one in header if one.signals]
    said = [one.said for one in signals if one.said is not None]
    read = [one.signals for one in header if one.signals and one.value is not None]
    return (
        sum(said) / len(said) if said else 0.5,
        _share(one.rules is RulesSay.SAME for one in read),
        _share(one.rules is RulesSay.OTHER for one in read),
        _share(one.state is FieldState.ABSENT for one in header),
        _share(one.label_distance is not None for one in read),
    )


def _share(are: Iterable[bool]) -> float:
    listed = list(are)
    return sum(listed) / len(listed) if listed else 0.0


_NONE = Signals(None, None, RulesSay.NOT_ASKED, 0.0, 0, 0.0, 0.0)
