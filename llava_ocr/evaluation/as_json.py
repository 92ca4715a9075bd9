"""A report as JSON: headline figures first, then by field and group, intervals, the rules' figures, what was wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from llava_ocr.evaluation.base import (
    BundleFigures,
    Comparison,
    DocumentResult,
    EvaluationReport,
    Figures,
    Interval,
    Reading,
)
from llava_ocr.evaluation.likeness import shown

# The figures that stand at the top, in this order.
HEADLINE = (
    "field_exact",
    "anls",
    "list_f1",
    "document_exact",
    "evidence_word_f1",
    "blank_precision",
    "blank_recall",
    "invented",
    "auc",
    "accuracy_at_80",
    "num_documents",
    "num_fields",
    "num_failed",
    "seconds_per_page",
)
_DIGITS = 4


def report_object(report: EvaluationReport) -> dict[str, Any]:
    """The whole report, ready for `json.dumps`."""
    model = report.model
    return {
        **headline(model.figures),
        "dataset": report.dataset,
        "schema": report.schema,
        "engine": model.name,
        "is_scanned": report.is_scanned,
        "num_contents": report.num_contents,
        "by_field": {name: _known(figures) for name, figures in model.by_field.items()},
        "by_group": _groups(model),
        "intervals": _intervals(model.figures.intervals),
        "reliability": [_rounded(asdict(one)) for one in model.reliability],
        "bundles": _bundles(report.bundles),
        "baseline": _baseline(report.rules),
        "against": _against(report.comparison),
        "notes": list(report.notes),
        "documents": [_document(document) for document in model.documents],
        "errors": [error for document in model.documents for error in _errors(document)],
    }


def headline(figures: Figures) -> dict[str, Any]:
    """The figures by name; what there is nothing to measure by is null."""
    return _rounded({name: getattr(figures, name) for name in HEADLINE})


def _known(figures: Figures) -> dict[str, Any]:
    """The figures that there are, with their intervals."""
    known = {name: value for name, value in headline(figures).items() if value is not None}
    return known | ({"intervals": _intervals(figures.intervals)} if figures.intervals else {})


def _groups(reading: Reading) -> dict[str, dict[str, Any]]:
    return {
        kind: {name: _known(figures) for name, figures in groups.items()} for kind, groups in reading.by_group.items()
    }


def _baseline(rules: Reading | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    by_field = {name: _known(figures) for name, figures in rules.by_field.items()}
    intervals = _intervals(rules.figures.intervals)
    return {"reader": rules.name, **headline(rules.figures), "intervals": intervals, "by_field": by_field}


def _bundles(figures: BundleFigures | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    bins = [_rounded(asdict(one)) for one in figures.certainty]
    return _rounded(asdict(figures)) | {"certainty": bins}


def _against(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    figures = {
        name: _rounded({"before": change.before, "now": change.now, "change": change.difference})
        for name, change in comparison.figures.items()
    }
    return {"figures": figures, "righted": list(comparison.righted), "broken": list(comparison.broken)}


def _intervals(intervals: Mapping[str, Interval]) -> dict[str, list[float]]:
    return {name: [round(one.low, _DIGITS), round(one.high, _DIGITS)] for name, one in intervals.items()}


def _document(document: DocumentResult) -> dict[str, Any]:
    return {
        "id": document.id,
        "issuer": document.issuer,
        "language": document.language,
        "num_pages": document.num_pages,
        "seconds": round(document.seconds, 2),
        "num_fields": len(document.fields),
        "num_right": sum(one.is_right for one in document.fields),
        "num_invented": document.num_invented,
        "reason": document.reason,
    }


def _errors(document: DocumentResult) -> Iterator[dict[str, Any]]:
    """What is wrong in a document: truth beside prediction."""
    for one in document.fields:
        if not one.is_right:
            yield {
                "document": document.id,
                "path": one.path,
                "expected": one.expected,
                "predicted": one.predicted,
                "value": shown(one.value) or None,
                "state": one.state.value if one.state else "omitted",
                "confidence": one.confidence,
                "is_invented": one.is_invented,
                "is_surplus": one.is_surplus,
            }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in values.items()}
