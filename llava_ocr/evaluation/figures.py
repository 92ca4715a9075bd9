"""From compared documents to figures: over all of them, for each field, for each issuer and language. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llava_ocr.evaluation.base import DocumentResult, FieldResult, Figures, Interval, Reading
from llava_ocr.evaluation.measures import (
    NUM_DRAWS,
    Numbers,
    accuracy_at,
    area_under_curve,
    bootstrap,
    ranked,
    ratio,
    reliability,
)
from llava_ocr.records import FieldState

COVERAGE = 0.8
# Drawing anew for each field and group is dear; what is drawn for all is drawn finer.
NUM_DRAWS_OF_PARTS = 300

Weights = Mapping[str, float]
Entry = tuple[DocumentResult, FieldResult]
# A figure as parts of wholes, one of each for every entry.
Shares = tuple[Numbers, Numbers]


def summarize(name: str, documents: Sequence[DocumentResult], order: Sequence[str] = ()) -> Reading:
    """Put figures to what one reader made of a data set; fields come in `order`, which are paths of the schema."""
    weights = weights_of(documents)
    entries = [(document, one) for document in documents for one in document.fields]
    sure, right = _judged(entries)
    return Reading(
        name=name,
        documents=tuple(documents),
        figures=figures_of(documents, weights),
        by_field=_by_field(entries, weights, order),
        by_group={
            "issuer": _by_group(documents, weights, lambda document: document.issuer),
            "language": _by_group(documents, weights, lambda document: document.language or "unknown"),
        },
        reliability=reliability(sure, right),
    )


def weights_of(documents: Iterable[DocumentResult]) -> dict[str, float]:
    """Give each document its weight: those of one content weigh one together."""
    listed = list(documents)
    counts = Counter(document.content for document in listed)
    return {document.id: 1 / counts[document.content] for document in listed}


def figures_of(documents: Sequence[DocumentResult], weights: Weights, *, num_draws: int = NUM_DRAWS) -> Figures:
    """Measure documents as wholes, their header fields and the cells of their lists."""
    entries = [(document, one) for document in documents for one in document.fields]
    header = [entry for entry in entries if not entry[1].is_cell]
    figures = _measured(entries, header, weights, num_draws=num_draws)
    told = [document for document in documents if document.fields]
    exact = _numbers(document.is_exact for document in told)
    shares = exact, np.ones(len(told))
    interval = _interval(shares, told, weights, num_draws=num_draws)
    num_pages = sum(document.num_pages for document in documents)
    return replace(
        figures,
        document_exact=ratio(*shares, _weights(told, weights)),
        invented=sum(document.num_invented for document in documents),
        num_documents=len(documents),
        num_failed=sum(document.is_failed for document in documents),
        seconds_per_page=sum(document.seconds for document in documents) / num_pages if num_pages else None,
        intervals=dict(figures.intervals) | ({"document_exact": interval} if interval else {}),
    )


def _by_field(entries: Sequence[Entry], weights: Weights, order: Sequence[str]) -> dict[str, Figures]:
    """Figures of each leaf of the schema; for a list's column all of them are of its cells."""
    named: dict[str, list[Entry]] = {name: [] for name in order}
    for entry in entries:
        named.setdefault(entry[1].name, []).append(entry)
    return {
        name: _measured(found, found, weights, num_draws=NUM_DRAWS_OF_PARTS) for name, found in named.items() if found
    }


def _by_group(
    documents: Sequence[DocumentResult], weights: Weights, group_of: Callable[[DocumentResult], str]
) -> dict[str, Figures]:
    groups: defaultdict[str, list[DocumentResult]] = defaultdict(list)
    for document in documents:
        groups[group_of(document)].append(document)
    return {name: figures_of(found, weights, num_draws=NUM_DRAWS_OF_PARTS) for name, found in sorted(groups.items())}


def _measured(entries: Sequence[Entry], exact: Sequence[Entry], weights: Weights, *, num_draws: int) -> Figures:
    """Measure fields, those in `exact` leaf by leaf; what documents have as wholes stays empty."""
    owners = [document for document, _ in entries]
    documents = {document.id: document for document in owners}
    values: dict[str, float | None] = {}
    intervals: dict[str, Interval | None] = {}
    for name, (told, shares) in _shares(entries, exact).items():
        own = [document for document, _ in told]
        values[name] = ratio(*shares, _weights(own, weights))
        intervals[name] = _interval(shares, own, weights, num_draws=num_draws)
    for name, measure in _rankings(entries, weights).items():
        values[name] = measure(np.ones(len(entries)))
        issuers = [document.issuer for document in owners]
        intervals[name] = bootstrap(measure, issuers, num_draws=min(num_draws, NUM_DRAWS_OF_PARTS))
    return Figures(
        **values,
        document_exact=None,
        invented=sum(one.is_invented for _, one in entries),
        num_documents=len(documents),
        num_fields=sum(one.expected is not None for _, one in entries),
        num_failed=sum(document.is_failed for document in documents.values()),
        seconds_per_page=None,
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
    )


def _rankings(entries: Sequence[Entry], weights: Weights) -> dict[str, Callable[[Numbers], float | None]]:
    """The measures that put all fields in the order of their confidence; each takes a factor for every field."""
    sure, right = _judged(entries)
    ranks = ranked(sure)
    own = _weights([document for document, _ in entries], weights)
    return {
        "auc": lambda factors: area_under_curve(ranks, right, own * factors),
        "accuracy_at_80": lambda factors: accuracy_at(COVERAGE, ranks, right, own * factors),
    }


def _shares(entries: Sequence[Entry], exact: Sequence[Entry]) -> dict[str, tuple[Sequence[Entry], Shares]]:
    """Each ratio's entries, with what of each is right and what could be."""
    told = [entry for entry in exact if entry[1].expected is not None]
    placed = [entry for entry in entries if entry[1].evidence_f1 is not None]
    cells = [entry for entry in entries if entry[1].is_cell]
    judged = [entry for entry in entries if not entry[1].is_surplus]
    has_blanks = any(one.expected is None for _, one in judged)
    blanks = judged if has_blanks else []
    said_blank = _numbers(one.state is FieldState.ABSENT for _, one in blanks)
    is_blank = _numbers(one.expected is None for _, one in blanks)
    return {
        "field_exact": (told, (_numbers(one.is_right for _, one in told), np.ones(len(told)))),
        "anls": (told, (_numbers(one.similarity for _, one in told), np.ones(len(told)))),
        "list_f1": (cells, _f1_shares(cells)),
        "evidence_word_f1": (placed, (_numbers(one.evidence_f1 or 0.0 for _, one in placed), np.ones(len(placed)))),
        "blank_precision": (blanks, (said_blank * is_blank, said_blank)),
        "blank_recall": (blanks, (said_blank * is_blank, is_blank)),
    }


def _f1_shares(cells: Sequence[Entry]) -> Shares:
    """F1 over cells as one fraction: twice the right ones over those that are so and those that were read."""
    right = _numbers(one.is_right and one.expected is not None for _, one in cells)
    size = _numbers((one.expected is not None) + (one.predicted is not None) for _, one in cells)
    return 2 * right, size


def _judged(entries: Sequence[Entry]) -> tuple[Numbers, Numbers]:
    """How sure the reader was of each field, and whether it was right."""
    return _numbers(one.confidence for _, one in entries), _numbers(one.is_right for _, one in entries)


def _interval(shares: Shares, owners: Sequence[DocumentResult], weights: Weights, *, num_draws: int) -> Interval | None:
    """The interval of a ratio, by drawing issuers; parts and wholes are summed up by issuer once."""
    issuers, numbers = np.unique(np.array([document.issuer for document in owners], dtype=str), return_inverse=True)
    own = _weights(owners, weights)
    parts, wholes = (_summed(own * values, numbers, len(issuers)) for values in shares)
    return bootstrap(lambda factors: ratio(parts, wholes, factors), list(issuers), num_draws=num_draws)


def _summed(values: Numbers, numbers: NDArray[np.intp], num_groups: int) -> Numbers:
    return np.bincount(numbers, weights=values, minlength=num_groups).astype(np.float64)


def _weights(owners: Iterable[DocumentResult], weights: Weights) -> Numbers:
    return _numbers(weights[document.id] for document in owners)


def _numbers(values: Iterable[float]) -> Numbers:
    return np.array([float(value) for value in values], dtype=np.float64)
